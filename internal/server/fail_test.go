package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

func TestFail(t *testing.T) {
	t.Parallel()
	cause := errors.New("CAUSE pq: connection to 10.1.2.3")
	for name, test := range map[string]struct {
		err    error
		status int
		detail string
		retry  string
		level  string
	}{
		"unknown":       {cause, 500, "", "", "ERROR"},
		"internal":      {problem.Wrap(problem.Internal, "INSIDE", cause), 500, "", "", "ERROR"},
		"wait":          {problem.Retry(problem.Limited, "Slowly.", 1500*time.Millisecond), 429, "Slowly.", "2", "DEBUG"},
		"short wait":    {problem.Retry(problem.Unavailable, "Full.", time.Microsecond), 503, "Full.", "1", "DEBUG"},
		"whole wait":    {problem.Retry(problem.Unavailable, "Full.", 7*time.Second), 503, "Full.", "7", "DEBUG"},
		"no wait known": {problem.Wrap(problem.Unavailable, "Down.", cause), 503, "Down.", "", "DEBUG"},
		"too many byte": {errors.Join(errors.New("reading"), &http.MaxBytesError{Limit: 9}), 413, "The request body is over the limit of 9 bytes.", "", "DEBUG"},
		"no key":        {problem.New(problem.Unauthorized, "Who?"), 401, "Who?", "", "DEBUG"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, book := engine(t, nil)
			server.Get(e, "/", func(c *gin.Context) {
				c.Header("Cache-Control", "public, max-age=60")
				server.Fail(c, test.err)
			}, func(*gin.Context) { t.Error("a handler ran after Fail") })
			w := ask(e, "GET", "/", nil)
			d := details(t, w)
			if w.Code != test.status || d.Status != test.status || d.Detail != test.detail || w.Header().Get("Retry-After") != test.retry {
				t.Errorf("%d %q, Retry-After %q, want %d %q, %q", w.Code, d.Detail, w.Header().Get("Retry-After"), test.status, test.detail, test.retry)
			}
			if strings.Contains(w.Body.String(), "CAUSE") || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("the answer shows the cause or may be cached: %s %v", w.Body, w.Header())
			}
			if (w.Header().Get("WWW-Authenticate") != "") != (test.status == 401) {
				t.Errorf("WWW-Authenticate %q on %d", w.Header().Get("WWW-Authenticate"), w.Code)
			}
			logged := book.lines(t, "request failed")
			if len(logged) != 1 || logged[0]["level"] != test.level || logged[0]["request_id"] != d.RequestID {
				t.Errorf("logged %v, want once at %s with the request id", logged, test.level)
			}
			if errors.Is(test.err, cause) && !strings.Contains(book.text(), "CAUSE") {
				t.Error("the cause is not in the log")
			}
		})
	}
}

func TestCallerWhoLeftIsNoDefect(t *testing.T) {
	t.Parallel()
	e, book := engine(t, nil)
	server.Get(e, "/", func(c *gin.Context) { server.Fail(c, c.Request.Context().Err()) })
	w := ask(e, "GET", "/", func(r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		*r = *r.WithContext(ctx)
	})
	if w.Code != 503 || strings.Contains(book.text(), `"ERROR"`) {
		t.Errorf("%d\n%s", w.Code, book.text())
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	e, book := engine(t, nil)
	server.Get(e, "/index", func(*gin.Context) { _ = []int{}[len(book.text())] })
	server.Get(e, "/value", func(*gin.Context) { panic("password=SECRET") })
	for path, says := range map[string]string{"/index": "index out of range", "/value": "a value of type string"} {
		before := len(book.lines(t, "panic"))
		w := ask(e, "GET", path, nil)
		d := details(t, w)
		if w.Code != 500 || d.Detail != "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %+v", path, w.Code, d)
		}
		logged := book.lines(t, "panic")
		if len(logged) != before+1 || logged[before]["request_id"] != d.RequestID || logged[before]["level"] != "ERROR" {
			t.Fatalf("%s: logged %v, want once with the request id", path, logged)
		}
		if !strings.Contains(logged[before]["panic"].(string), says) || !strings.Contains(logged[before]["stack"].(string), "server_test") {
			t.Errorf("%s: logged %v", path, logged[before])
		}
	}
	if strings.Contains(book.text(), "SECRET") {
		t.Error("the log holds the value that was thrown")
	}
	if n := len(book.lines(t, "request")); n != 2 {
		t.Errorf("%d access lines for 2 requests", n)
	}
}

func TestPanicAfterTheAnswerBeganCutsItOff(t *testing.T) {
	t.Parallel()
	e, book := engine(t, nil)
	server.Get(e, "/", func(c *gin.Context) {
		c.String(200, "half of")
		c.Writer.Flush()
		panic("gone")
	})
	srv := httptest.NewServer(e)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q came as a whole answer", body)
	}
	if len(book.lines(t, "panic")) != 1 {
		t.Errorf("logged:\n%s", book.text())
	}
}

func TestRenderers(t *testing.T) {
	t.Parallel()
	html := func(c *gin.Context, d problem.Details) { c.Data(d.Status, "text/html", []byte("<p>"+d.Title)) }
	e, _ := engine(t, func(o *server.Options) { o.Render = server.ForBrowsers(html) })
	fail := func(c *gin.Context) { server.Fail(c, problem.New(problem.Gone, "Used.")) }
	server.Get(e, "/page", fail)
	server.Get(e.Group("/v1", server.RenderWith(server.JSON)), "/call", fail)
	for _, test := range []struct{ path, accept, want string }{
		{"/page", "text/html,application/xhtml+xml", "text/html"},
		{"/nothing", "text/html", "text/html"},
		{"/page", "*/*", problem.ContentType},
		{"/page", "", problem.ContentType},
		{"/v1/call", "text/html", problem.ContentType},
	} {
		w := ask(e, "GET", test.path, func(r *http.Request) { r.Header.Set("Accept", test.accept) })
		if ct := w.Header().Get("Content-Type"); ct != test.want || w.Code < 400 {
			t.Errorf("%s for %q: %d %s, want %s", test.path, test.accept, w.Code, ct, test.want)
		}
	}
}

func TestFailAfterTheAnswerBeganOnlyLogs(t *testing.T) {
	t.Parallel()
	e, book := engine(t, nil)
	server.Get(e, "/", func(c *gin.Context) {
		c.String(200, "rows")
		server.Fail(c, errors.New("reading row 7"))
	})
	if w := ask(e, "GET", "/", nil); w.Code != 200 || w.Body.String() != "rows" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if n := len(book.lines(t, "request failed")); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

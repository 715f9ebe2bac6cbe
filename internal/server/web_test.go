package server_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	for _, https := range []bool{true, false} {
		e, _ := engine(t, func(o *server.Options) { o.Headers = server.PageHeaders(https) })
		ok := func(c *gin.Context) { c.String(200, "ok") }
		server.Get(e, "/page", ok)
		server.Get(e.Group("/v1", server.APIHeaders(https)), "/call", ok)
		server.Get(e, "/panic", func(*gin.Context) { panic("x") })
		want := map[string]string{
			"Content-Security-Policy":      "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"Cache-Control":                "no-store",
			"Referrer-Policy":              "no-referrer",
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
			"Strict-Transport-Security":    "",
		}
		if https {
			want["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
		}
		for _, path := range []string{"/page", "/nothing", "/panic", "/v1/call"} {
			if path == "/v1/call" {
				want["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
			}
			w := ask(e, "GET", path, nil)
			got := map[string]string{}
			for name := range want {
				got[name] = strings.Join(w.Header().Values(name), " | ")
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, https %v (-want +got):\n%s", path, https, d)
			}
			if w.Header().Get("Server") != "" || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", path, w.Header())
			}
		}
	}
}

func TestClientKeySaysNothing(t *testing.T) {
	t.Parallel()
	keyer := ratelimit.NewKeyer(func(parts ...string) []byte {
		sum := sha256.Sum256([]byte(strings.Join(parts, "")))
		return sum[:]
	})
	e, _ := engine(t, nil)
	key := server.ClientKey(keyer)
	server.Get(e, "/", func(c *gin.Context) { c.String(200, key(c)) })
	from := func(peer string) string {
		return ask(e, "GET", "/", func(r *http.Request) { r.RemoteAddr = peer }).Body.String()
	}
	if from("[2001:db8::1]:5") != from("[2001:db8::2]:6") || from("192.0.2.1:5") == from("192.0.2.2:5") {
		t.Error("a key per network a client controls is wanted")
	}
	if got := from("192.0.2.1:5"); len(got) != 22 || strings.Contains(got, "192") {
		t.Errorf("key %q", got)
	}
}

func TestBodyCaps(t *testing.T) {
	t.Parallel()
	e, _ := engine(t, func(o *server.Options) { o.MaxBody = 100 })
	read := func(c *gin.Context) {
		b, err := io.ReadAll(c.Request.Body)
		if err != nil {
			server.Fail(c, err)
			return
		}
		c.String(200, "%d", len(b))
	}
	e.POST("/default", read)
	e.Group("", server.MaxBody(10)).POST("/small", read)
	e.Group("", server.MaxBody(1000)).POST("/large", read)
	for _, test := range []struct {
		path   string
		size   int
		status int
	}{
		{"/default", 100, 200}, {"/default", 101, 413},
		{"/small", 10, 200}, {"/small", 11, 413},
		{"/large", 1000, 200}, {"/large", 1001, 413},
	} {
		for _, announced := range []bool{true, false} {
			r := httptest.NewRequest("POST", test.path, strings.NewReader(strings.Repeat("x", test.size)))
			if !announced {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("%s with %d bytes, announced %v: %d, want %d", test.path, test.size, announced, w.Code, test.status)
			}
		}
	}
}

func TestAnnouncedBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	e, _ := engine(t, nil)
	e.Group("", server.MaxBody(10)).POST("/", func(*gin.Context) { t.Error("the handler ran") })
	r := httptest.NewRequest("POST", "/", nil)
	r.Body, r.ContentLength = io.NopCloser(untouchable{t}), 11
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("%d, want 413", w.Code)
	}
}

type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestRefuseCrossSite(t *testing.T) {
	t.Parallel()
	const allow, deny = 200, 403
	for _, test := range []struct {
		public, method, site, origin string
		want                         int
	}{
		{"https://rekey.example", "POST", "", "", allow}, // old browsers, curl
		{"https://rekey.example", "POST", "same-origin", "null", allow},
		{"https://rekey.example", "POST", "same-origin", "https://rekey.example", allow},
		{"https://rekey.example", "POST", "none", "", allow},
		{"https://rekey.example", "POST", "cross-site", "", deny},
		{"https://rekey.example", "POST", "Cross-Site", "", deny},
		{"https://rekey.example", "POST", "cross-site", "null", deny},
		{"https://rekey.example", "POST", "cross-site", "https://rekey.example", deny},
		{"https://rekey.example", "POST", "same-site", "", deny},
		{"https://rekey.example", "POST", "", "null", allow},
		{"https://rekey.example", "POST", "", "https://evil.example", deny},
		{"https://rekey.example", "POST", "same-origin", "https://evil.example", deny},
		{"https://rekey.example", "POST", "", "http://rekey.example", deny},
		{"https://rekey.example", "POST", "", "https://rekey.example:8443", deny},
		{"https://rekey.example", "POST", "", "https://rekey.example.evil.example", deny},
		{"https://rekey.example", "POST", "", "https://rekey.example, https://evil.example", deny},
		{"https://rekey.example", "GET", "cross-site", "https://evil.example", allow},
		{"https://rekey.example", "HEAD", "cross-site", "", allow},
		{"https://Rekey.Example:443/", "POST", "", "https://rekey.example", allow},
		{"http://127.0.0.1:8080", "POST", "", "http://127.0.0.1:8080", allow},
		{"http://127.0.0.1:8080", "POST", "", "http://localhost:8080", deny},
		{"http://[::1]:8080", "POST", "", "http://[::1]:8080", allow},
		{"https://rückruf.example", "POST", "", "https://xn--rckruf-3ya.example", allow},
	} {
		u, err := url.Parse(test.public)
		if err != nil {
			t.Fatal(err)
		}
		refuse, err := server.RefuseCrossSite(u)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := engine(t, nil)
		g := e.Group("", refuse)
		for _, m := range []string{"GET", "HEAD", "POST"} {
			g.Handle(m, "/", func(c *gin.Context) { c.Status(allow) })
		}
		w := ask(e, test.method, "/", func(r *http.Request) {
			r.Host = "evil.example" // Host has no say
			r.Header.Set("X-Forwarded-Host", "evil.example")
			if test.site != "" {
				r.Header.Set("Sec-Fetch-Site", test.site)
			}
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
		})
		if w.Code != test.want {
			t.Errorf("%+v: got %d", test, w.Code)
		}
	}
}

func TestRefuseCrossSiteNeedsAnOrigin(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "rekey.example", "mailto:x@rekey.example", "ftp://rekey.example", "https:///reset"} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.RefuseCrossSite(u); err == nil {
			t.Errorf("%q was taken for a public URL", s)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failure error
		calls := 0
		e, book := engine(t, nil)
		server.Health(e, func(ctx context.Context) error {
			calls++
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the check has no deadline")
			}
			return failure
		})
		probe := func(path string, want int) {
			t.Helper()
			w := ask(e, "GET", path, func(r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				cancel() // one prober who hangs up does not make the service unready
				*r = *r.WithContext(ctx)
			})
			if w.Code != want || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "CAUSE") {
				t.Errorf("%s: %d %v %s, want %d", path, w.Code, w.Header(), w.Body, want)
			}
		}
		for range 50 {
			probe("/readyz", 200)
		}
		failure = errors.New("CAUSE: schema 3, want 4")
		probe("/readyz", 200) // still the last second's answer
		time.Sleep(time.Second)
		for range 50 {
			probe("/readyz", 503)
			probe("/livez", 200)
		}
		if calls != 2 {
			t.Errorf("100 probes in two seconds asked %d times, want 2", calls)
		}
		if !strings.Contains(book.text(), "CAUSE") {
			t.Error("the reason is not in the log")
		}
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := server.NewMetrics()
	e, _ := engine(t, func(o *server.Options) { o.Metrics = m })
	server.Get(e, "/accounts/:subject", func(c *gin.Context) { c.String(200, "x") })
	server.Get(e, "/panic", func(*gin.Context) { panic("x") })
	server.Get(e, "/metrics", m.Handler())
	for _, s := range []string{"SECRET1", "SECRET2?t=SECRET3"} {
		ask(e, "GET", "/accounts/"+s, nil)
		ask(e, s[:7], "/"+s, nil)
	}
	ask(e, "GET", "/panic", nil)
	text := ask(e, "GET", "/metrics", nil).Body.String()
	for _, want := range []string{
		`http_requests_total{code="200",method="GET",route="/accounts/:subject"} 2`,
		`http_requests_total{code="404",method="other",route="none"} 2`,
		`http_requests_total{code="500",method="GET",route="/panic"} 1`,
		`http_request_duration_seconds_count{route="/accounts/:subject"} 2`,
		"go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "SECRET") {
		t.Error("the metrics hold what was sent")
	}
	server.NewMetrics() // its own registry: a second one is no conflict
}

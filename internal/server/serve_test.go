package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/server"
)

// run starts a Runner on free ports and gives their URLs.
func run(t *testing.T, drain time.Duration, handlers ...http.Handler) (urls []string, stop func(), done <-chan error) {
	t.Helper()
	r := server.Runner{Drain: drain}
	for _, h := range handlers {
		r.Servers = append(r.Servers, server.HTTPServer("127.0.0.1:0", h, server.Limits{}))
	}
	ready := make(chan []net.Addr, 1)
	r.Ready = func(addrs []net.Addr) { ready <- addrs }
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	select {
	case addrs := <-ready:
		for _, a := range addrs {
			urls = append(urls, "http://"+a.String())
		}
	case err := <-ended:
		t.Fatal(err)
	}
	return urls, stop, ended
}

func get(t *testing.T, target string) string {
	t.Helper()
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRunFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-finish
		if r.Context().Err() != nil {
			t.Error("a request in flight was cancelled by the shutdown")
		}
		_, _ = io.WriteString(w, "whole")
	})
	quick := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "quick") })
	urls, stop, done := run(t, time.Minute, slow, quick)
	if got := get(t, urls[1]); got != "quick" {
		t.Errorf("second server: %q", got)
	}
	answer := make(chan string, 1)
	go func() { answer <- get(t, urls[0]) }()
	<-begun
	stop()
	close(finish)
	if got := <-answer; got != "whole" {
		t.Errorf("got %q", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(urls[0], "http://")); err == nil {
		t.Error("still listening")
	}
}

func TestRunCutsWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	begun, over := make(chan struct{}), make(chan struct{})
	stuck := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(over)
	})
	urls, stop, done := run(t, 20*time.Millisecond, stuck)
	go func() {
		res, err := http.Get(urls[0])
		if err == nil {
			res.Body.Close()
		}
	}()
	<-begun
	stop()
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run: %v, want that the drain ran out", err)
	}
	<-over
}

func TestRunListensOnAllOrNone(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := server.Runner{
		Servers: []*http.Server{server.HTTPServer("127.0.0.1:0", nil, server.Limits{}), server.HTTPServer(taken.Addr().String(), nil, server.Limits{})},
		Ready:   func([]net.Addr) { t.Error("ready, with one address taken") },
	}
	if err := r.Run(context.Background()); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("Run: %v, want an error that names the address", err)
	}
}

func TestHTTPServerHasEveryLimit(t *testing.T) {
	t.Parallel()
	s := server.HTTPServer(":0", http.NotFoundHandler(), server.Limits{Write: time.Hour})
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout < s.ReadHeaderTimeout || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 || s.WriteTimeout != time.Hour {
		t.Errorf("%+v", s)
	}
}

// What a stranger may send beside the ordinary: the line as it goes over the wire, and the status.
func TestStrangeRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	e, _ := engine(t, nil)
	server.Get(e, "/", func(c *gin.Context) { c.String(200, "home") })
	server.Get(e, "/reset", func(c *gin.Context) { c.String(200, "form") })
	urls, stop, done := run(t, time.Second, e)
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"evil host":     {"GET /reset HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200},
		"absolute URI":  {"GET http://evil.example/reset HTTP/1.1\r\nHost: rekey.example\r\n\r\n", 200},
		"two hosts":     {"GET /reset HTTP/1.1\r\nHost: rekey.example\r\nHost: evil.example\r\n\r\n", 400},
		"HEAD":          {"HEAD /reset HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		"OPTIONS *":     {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		"CONNECT":       {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 404},
		"TRACE":         {"TRACE /reset HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n", 405},
		"long header":   {"GET /reset HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 30<<10) + "\r\n\r\n", 431},
		"smuggled body": {"POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(urls[0], "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, test.request); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(test.request, " ")
		res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if res.StatusCode != test.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, test.status)
		}
		body, _ := io.ReadAll(res.Body)
		if strings.Contains(string(body)+res.Header.Get("Location"), "evil") || (method == "HEAD" && len(body) > 0) {
			t.Errorf("%s: %q %v", name, body, res.Header)
		}
		conn.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

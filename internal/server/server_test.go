package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logbook is a log that a test can read line by line.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logbook) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(l.text()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if m["msg"] == msg {
			found = append(found, m)
		}
	}
	return found
}

func logger(l *logbook) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// engine makes one with a logbook; change may set options.
func engine(t *testing.T, change func(*server.Options)) (*gin.Engine, *logbook) {
	t.Helper()
	book := &logbook{}
	o := server.Options{Logger: logger(book)}
	if change != nil {
		change(&o)
	}
	e, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e, book
}

func ask(e http.Handler, method, target string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func details(t *testing.T, w *httptest.ResponseRecorder) problem.Details {
	t.Helper()
	var d problem.Details
	if ct := w.Header().Get("Content-Type"); ct != problem.ContentType {
		t.Errorf("Content-Type %q, want %q", ct, problem.ContentType)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	return d
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	e, _ := engine(t, nil)
	server.Get(e, "/reset", func(c *gin.Context) { c.String(200, "form") })
	e.POST("/reset", func(c *gin.Context) { c.String(200, "done") })
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/reset", 200, ""},
		{"HEAD", "/reset", 200, ""},
		{"GET", "/reset/", 404, ""},
		{"GET", "/RESET", 404, ""},
		{"GET", "//reset", 404, ""},
		{"GET", "/none", 404, ""},
		{"BREW", "/none", 404, ""},
		{"DELETE", "/reset", 405, "GET, HEAD, POST"},
		{"OPTIONS", "/reset", 405, "GET, HEAD, POST"},
		{"TRACE", "/reset", 405, "GET, HEAD, POST"},
		{"BREW", "/reset", 405, "GET, HEAD, POST"},
	} {
		w := ask(e, test.method, test.path, nil)
		if w.Code != test.status || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", test.method, test.path, w.Code, w.Header().Get("Allow"), test.status, test.allow)
		}
		if w.Header().Get("Location") != "" {
			t.Errorf("%s %s redirects", test.method, test.path)
		}
		if test.status < 400 {
			continue
		}
		if d := details(t, w); d.Status != test.status || d.RequestID == "" || d.RequestID != w.Header().Get("X-Request-Id") {
			t.Errorf("%s %s: %+v", test.method, test.path, d)
		}
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}
	for name, test := range map[string]struct {
		peer string
		xff  []string
		want string
	}{
		"no proxy":                         {"192.0.2.1:5", nil, "192.0.2.1"},
		"spoofed without a proxy":          {"192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		"a stranger claims to be a proxy":  {"192.0.2.1:5", []string{"203.0.113.9, 10.0.0.1"}, "192.0.2.1"},
		"proxy":                            {"10.0.0.1:5", []string{"203.0.113.9"}, "203.0.113.9"},
		"spoofed left of the proxy's word": {"10.0.0.1:5", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"two headers, spoofed first":       {"10.0.0.1:5", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		"spoofed proxy address, left":      {"10.0.0.1:5", []string{"10.0.0.7, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":                      {"10.0.0.1:5", []string{"198.51.100.1, 203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		"only proxies":                     {"10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"rubbish ends the walk":            {"10.0.0.1:5", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		"rubbish behind a second proxy":    {"10.0.0.1:5", []string{"203.0.113.9, <x>, 10.0.0.2"}, "10.0.0.2"},
		"empty header":                     {"10.0.0.1:5", []string{""}, "10.0.0.1"},
		"no header":                        {"10.0.0.1:5", nil, "10.0.0.1"},
		"with a port":                      {"10.0.0.1:5", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6 with a port":                 {"[2001:db8:f::1]:5", []string{"[2001:db8::9]:4711"}, "2001:db8::9"},
		"IPv6 in brackets":                 {"[2001:db8:f::1]:5", []string{"[2001:db8::9]"}, "2001:db8::9"},
		"mapped peer":                      {"[::ffff:10.0.0.1]:5", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"no peer at all":                   {"@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := engine(t, func(o *server.Options) { o.TrustedProxies = proxies })
			server.Get(e, "/", func(c *gin.Context) { c.String(200, server.ClientAddr(c).String()) })
			w := ask(e, "GET", "/", func(r *http.Request) {
				r.RemoteAddr = test.peer
				for _, v := range test.xff {
					r.Header.Add("X-Forwarded-For", v)
				}
				r.Header.Set("X-Real-Ip", "198.51.100.66")
				r.Header.Set("Forwarded", "for=198.51.100.66")
			})
			if got := w.Body.String(); got != test.want {
				t.Errorf("client address %s, want %s", got, test.want)
			}
		})
	}
}

// Gin's own ClientIP must be no hole for whoever uses it by habit.
func TestGinBelievesNoMoreThanWeDo(t *testing.T) {
	t.Parallel()
	e, _ := engine(t, func(o *server.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")} })
	server.Get(e, "/", func(c *gin.Context) { c.String(200, c.ClientIP()) })
	for peer, forwarded := range map[string]string{"192.0.2.1": "203.0.113.9", "10.0.0.1": "rubbish"} {
		w := ask(e, "GET", "/", func(r *http.Request) {
			r.RemoteAddr = peer + ":5"
			r.Header.Set("X-Forwarded-For", forwarded)
			r.Header.Set("X-Real-Ip", "203.0.113.9")
		})
		if w.Body.String() != peer {
			t.Errorf("Gin believes a stranger's header: %s, want %s", w.Body, peer)
		}
	}
}

func TestRefusesToTrustEverybody(t *testing.T) {
	t.Parallel()
	for _, p := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), {}} {
		if _, err := server.New(server.Options{Logger: slog.Default(), TrustedProxies: []netip.Prefix{p}}); err == nil {
			t.Errorf("trusting %s was accepted", p)
		}
	}
	if _, err := server.New(server.Options{}); err == nil {
		t.Error("an engine without a logger was made")
	}
}

func TestSpoofedAddressDoesNotDodgeTheLimit(t *testing.T) {
	t.Parallel()
	l := ratelimit.Limit{Name: "t", Burst: 3, Every: 90 * time.Second}
	e, _ := engine(t, nil)
	e.Use(server.Limit(punctual{ratelimit.NewMemory(100, nil), t}, l, server.ClientNetwork))
	server.Get(e, "/", func(c *gin.Context) { c.String(200, "ok") })
	for i := range 10 {
		w := ask(e, "GET", "/", func(r *http.Request) {
			r.RemoteAddr = "[2001:db8::" + string(rune('1'+i%9)) + "]:5" // one client has a whole /64
			r.Header.Set("X-Forwarded-For", "203.0.113."+string(rune('0'+i)))
			ctx, cancel := context.WithCancel(r.Context())
			cancel() // and hanging up dodges nothing
			*r = *r.WithContext(ctx)
		})
		want := 200
		if i >= 3 {
			want = 429
		}
		if w.Code != want {
			t.Fatalf("request %d: %d, want %d", i, w.Code, want)
		}
		if want == 429 && (w.Header().Get("Retry-After") != "90" || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("429 with %v", w.Header())
		}
	}
}

// punctual is a source that, like a database, does nothing for a caller who is gone, and wants to know how long it may take.
type punctual struct {
	ratelimit.Source
	t *testing.T
}

func (p punctual) Take(ctx context.Context, l ratelimit.Limit, key string, cost float64) (ratelimit.Decision, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		p.t.Error("a look at a limit without a deadline")
	}
	if ctx.Err() != nil {
		return ratelimit.Decision{}, ctx.Err()
	}
	return p.Source.Take(ctx, l, key, cost)
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	e, _ := engine(t, func(o *server.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")} })
	server.Get(e, "/", func(c *gin.Context) { c.String(200, server.RequestID(c.Request.Context())) })
	send := func(peer string, ids ...string) string {
		w := ask(e, "GET", "/", func(r *http.Request) {
			r.RemoteAddr = peer
			r.Header["X-Request-Id"] = ids
		})
		if w.Header().Get("X-Request-Id") != w.Body.String() {
			t.Errorf("header says %q, context %q", w.Header().Get("X-Request-Id"), w.Body)
		}
		return w.Body.String()
	}
	const good = "abc-DEF_123.x"
	if got := send("10.0.0.1:5", good); got != good {
		t.Errorf("a proxy's id became %q", got)
	}
	seen := map[string]bool{}
	for _, got := range []string{
		send("192.0.2.1:5", good), send("192.0.2.1:5"), send("10.0.0.1:5"), send("10.0.0.1:5", "short"), send("10.0.0.1:5", "new\nline-in-it"),
		send("10.0.0.1:5", strings.Repeat("x", 65)), send("10.0.0.1:5", good, good), send("10.0.0.1:5", "sp ace-in-it"),
	} {
		if len(got) != 26 || seen[got] {
			t.Errorf("id %q is not fresh and random", got)
		}
		seen[got] = true
	}
}

func TestAccessLogHoldsNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	e, book := engine(t, nil)
	e.POST("/accounts/:subject", func(c *gin.Context) {
		_, _ = io.ReadAll(c.Request.Body)
		c.String(201, "12345")
	})
	for _, path := range []string{"/accounts/SECRET1?token=SECRET2", "/SECRET3?SECRET4"} {
		r := httptest.NewRequest("POST", path, strings.NewReader("password=SECRET5"))
		r.Header.Set("User-Agent", "SECRET6")
		r.Header.Set("Authorization", "Bearer SECRET7")
		r.Header.Set("Referer", "https://x/SECRET8")
		r.RemoteAddr = "192.0.2.77:5"
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
	ask(e, "SECRET9", "/", nil)
	if strings.Contains(book.text(), "SECRET") {
		t.Errorf("the log holds what was sent:\n%s", book.text())
	}
	lines := book.lines(t, "request")
	if len(lines) != 3 {
		t.Fatalf("%d access lines for 3 requests:\n%s", len(lines), book.text())
	}
	want := map[string]any{"method": "POST", "route": "/accounts/:subject", "status": 201.0, "bytes": 5.0, "client": "192.0.2.0/24"}
	for k, v := range want {
		if lines[0][k] != v {
			t.Errorf("%s = %v, want %v", k, lines[0][k], v)
		}
	}
	if _, ok := lines[0]["ms"].(float64); !ok || len(lines[0]["request_id"].(string)) != 26 {
		t.Errorf("no duration or request id: %v", lines[0])
	}
	if lines[1]["route"] != "none" || lines[1]["status"] != 404.0 || lines[2]["method"] != "other" {
		t.Errorf("unmatched: %v, %v", lines[1], lines[2])
	}
}

func TestAddressLog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		how  server.AddressLog
		peer string
		want any
	}{
		{server.LogNetwork, "192.0.2.77:5", "192.0.2.0/24"},
		{server.LogNetwork, "[2001:db8:1:2::3]:5", "2001:db8:1::/48"},
		{server.LogAddress, "192.0.2.77:5", "192.0.2.77"},
		{server.LogNoAddress, "192.0.2.77:5", nil},
		{server.LogNetwork, "@", nil},
	} {
		e, book := engine(t, func(o *server.Options) { o.LogAddress = test.how })
		ask(e, "GET", "/", func(r *http.Request) { r.RemoteAddr = test.peer })
		if got := book.lines(t, "request")[0]["client"]; got != test.want {
			t.Errorf("%v of %s: %v, want %v", test.how, test.peer, got, test.want)
		}
	}
}

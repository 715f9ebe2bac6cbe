package portal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-1c168855/rekey/internal/portal"
)

// lightEnough is the most bytes a first visit may cost, headers and all: a second or two where the telephone has one bar.
const lightEnough = 60_000

// counted is a connection that counts what comes in.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// visitor fetches as a browser does and keeps what it may.
type visitor struct {
	s     *site
	http  *http.Transport
	bytes atomic.Int64
	kept  map[string]bool
}

func (s *site) visitor() *visitor {
	v := &visitor{s: s, kept: map[string]bool{}}
	v.http = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return counted{c, &v.bytes}, err
	}}
	s.t.Cleanup(v.http.CloseIdleConnections)
	return v
}

func (v *visitor) fetch(path string) string {
	v.s.t.Helper()
	r := v.s.request("GET", path, nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	resp, err := v.http.RoundTrip(r)
	if err != nil {
		v.s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 {
		v.s.t.Fatal(path, resp.Status, err)
	}
	v.kept[path] = strings.Contains(resp.Header.Get("Cache-Control"), "immutable")
	return string(body)
}

var named = regexp.MustCompile(`"(?:http://[^/"]+)?(/static/[^"]+)"`)

// visit is the weight of a page with every file it names, also those that its scripts load only when needed.
func (v *visitor) visit(path string) int64 {
	before := v.bytes.Load()
	for _, m := range named.FindAllStringSubmatch(v.fetch(path), -1) {
		if !v.kept[m[1]] {
			v.fetch(m[1])
		}
	}
	return v.bytes.Load() - before
}

// Every page is light at the first visit, even with the heaviest logo that is taken, and lighter at the second.
func TestPageWeight(t *testing.T) {
	t.Parallel()
	logo := make([]byte, 32<<10)
	if _, err := rand.Read(logo); err != nil {
		t.Fatal(err)
	}
	copy(logo, "\x89PNG\r\n\x1a\n")
	plain := open(t)
	heavy := open(t, func(o *portal.Options) { o.Colour, o.Logo = "#ffcc00", logo })
	for _, path := range []string{"/", "/reset", "/code?lang=ar", "/forgot", "/done", "/incidents/spring-2011", "/nowhere"} {
		v := plain.visitor()
		first, second := v.visit(path), v.visit(path)
		most := heavy.visitor().visit(path)
		t.Logf("%-24s first visit %6d bytes, second %6d, first with a logo of 32 KiB %6d", path, first, second, most)
		if most >= lightEnough || second >= first {
			t.Errorf("%s: the first visit weighs %d bytes, with a heavy logo %d, the second one %d", path, first, most, second)
		}
	}
}

// A page may hold a token beside what a stranger had sent: compressed, its length would tell.
func TestPagesAreNotCompressed(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.cases.fail("redeem", errors.New("a defect"))
	for _, path := range []string{"/reset", "/forgot", "/reissue"} {
		r := s.request("POST", path, strings.NewReader("token="+aToken))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept-Encoding", "gzip")
		if h := s.do(r).header; h.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed", path)
		}
	}
}

// Whatever goes wrong, the page is ours, in the reader's language, and says how to go on.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.cases.hook = func(_ context.Context, call string) {
		if call == "request boom" {
			panic("a defect")
		}
	}
	for _, row := range []struct {
		method, path, body, site string
		status                   int
		says                     string
	}{
		{"POST", "/reset", "password=" + strings.Repeat("x", 17<<10), "", 413, "Das war zu viel auf einmal"},
		{"POST", "/reissue", "token=x", "cross-site", 403, "Das kam von einer anderen Website"},
		{"GET", "/nirgendwo", "", "", 404, "Hier gibt es keine Seite"},
		{"POST", "/nirgendwo", "x=y", "", 404, "Hier gibt es keine Seite"},
		{"GET", "/incidents/x/y", "", "", 404, "Hier gibt es keine Seite"},
		{"GET", "/reissue", "", "", 405, "Diese Seite lässt sich nicht noch einmal öffnen"},
		{"POST", "/done", "x=y", "", 405, "Diese Seite lässt sich nicht noch einmal öffnen"},
		{"DELETE", "/forgot", "", "", 405, "Diese Seite lässt sich nicht noch einmal öffnen"},
		{"POST", "/forgot", "email=a&email=b", "", 400, "Wir konnten diese Anfrage nicht lesen"},
		{"POST", "/forgot", "email=boom", "", 500, "Bei uns ist etwas schiefgegangen"},
	} {
		r := s.request(row.method, row.path, strings.NewReader(row.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept-Language", "de-CH, fr;q=0.5")
		if row.site != "" {
			r.Header.Set("Sec-Fetch-Site", row.site)
		}
		a := s.do(r)
		s.wants(a, row.status, `<html lang="de" dir="ltr">`, ">"+row.says+"</h1>", `class="brand"`, "help@example.com", "/portal.css")
		if next := strings.Contains(a.body, `<ul class="ways">`); next != (row.status != 500) {
			t.Errorf("%s %s: a way to go on: %v", row.method, row.path, next)
		}
	}
}

package portal_test

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/portal"
)

const probe = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"

func TestPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	for path, want := range map[string]struct {
		status int
		has    string
	}{
		"/":                             {200, `href="/forgot"`},
		"/reset":                        {200, `<input id="code"`},
		"/code":                         {200, `action="/reset"`},
		"/forgot":                       {200, `action="/forgot"`},
		"/done":                         {200, `href="https://example.com/login"`},
		"/incidents/spring-2011":        {200, "14 June 2011"},
		"/incidents/spring-2011/feed":   {200, "<feed "},
		"/incidents/other/feed":         {404, "no page here"},
		"/incidents/other":              {404, "no page here"},
		"/.well-known/change-password":  {303, ""},
		probe:                           {404, "no page here"},
		"/robots.txt":                   {200, "Disallow: /"},
		"/nowhere":                      {404, "no page here"},
		"/static/0123456789abcdef/x.js": {404, "no page here"},
	} {
		a := s.get(path)
		s.wants(a, want.status, want.has)
		h := s.do(s.request("HEAD", path, nil))
		if h.status != a.status || h.body != "" {
			t.Errorf("HEAD %s: %d with %d bytes", path, h.status, len(h.body))
		}
	}
	if where := s.get("/.well-known/change-password").header.Get("Location"); where != "/forgot" {
		t.Errorf("Location %q", where)
	}
	if calls := s.cases.take(); calls != nil {
		t.Errorf("GET and HEAD change nothing, but called %v", calls)
	}
}

func TestGetReadsNoQuery(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{"/reset", "/code", "/forgot", "/done", "/"} {
		want := s.get(path)
		got := s.get(path + "?t=" + aToken + "&token=" + aToken + "&email=a@example.com&next=//evil.example&lang=xx")
		sameAnswer(t, want, got)
	}
	if strings.Contains(s.log.String(), aToken) {
		t.Error("the query is in the log")
	}
}

// Whatever a stranger says about the host, pages name the public URL alone (attack 1).
func TestForeignHost(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.request("GET", "/incidents/spring-2011", nil)
	r.Host = "evil.example"
	for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Original-URL", "X-Forwarded-Proto", "Forwarded"} {
		r.Header.Set(name, "host=evil.example")
	}
	sameAnswer(t, s.get("/incidents/spring-2011"), s.do(r))
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *portal.Options) { o.PublicURL = "https://pass.example.com" })
	css := regexp.MustCompile(`/static/[0-9a-f]+/portal\.css`).FindString(s.get("/").body)
	for name, a := range map[string]answer{
		"page": s.get("/reset"), "notice": s.get("/incidents/spring-2011"), "done": s.post("/reset", "token", "x"), "redirect": s.get("/.well-known/change-password"),
		"unreadable": s.send("/reset", "token=a&token=b"), "check": s.post("/reset/check", "token", "x"), "robots": s.get("/robots.txt"), "probe": s.get(probe),
		"too large": s.send("/forgot", strings.Repeat("x", 1<<20)), "asset": s.get(css),
	} {
		for key, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'none'",
			"Referrer-Policy":            "no-referrer",
			"X-Content-Type-Options":     "nosniff",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Strict-Transport-Security":  "max-age=63072000",
			"Cache-Control":              cmp.Or(map[string]string{"asset": "immutable", "notice": "public, max-age=60"}[name], "no-store"),
		} {
			if got := a.header.Get(key); !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q, want %q in it", name, key, got, want)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", name, csp)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", name)
		}
	}
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	s := open(t)
	table := []struct {
		site, origin string
		allowed      bool
	}{
		{"", "", true}, {"same-origin", s.url, true}, {"none", "", true}, {"same-origin", "null", true}, {"", "null", true},
		{"cross-site", "", false}, {"same-site", s.url, false}, {"cross-site", "null", false}, {"", "https://evil.example", false}, {"same-origin", "https://evil.example", false},
	}
	for _, row := range table {
		for _, path := range []string{"/reset", "/reset/check", "/forgot", "/reissue"} {
			r := s.request("POST", path, strings.NewReader("token=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if row.site != "" {
				r.Header.Set("Sec-Fetch-Site", row.site)
			}
			if row.origin != "" {
				r.Header.Set("Origin", row.origin)
			}
			a := s.do(r)
			if (a.status != 403) != row.allowed || (len(s.cases.take()) > 0) != row.allowed {
				t.Errorf("%s with Sec-Fetch-Site %q, Origin %q: %d", path, row.site, row.origin, a.status)
			}
		}
	}
	// From another site people may come by a link: only forms are refused.
	r := s.request("GET", "/forgot", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	s.wants(s.do(r), 200)
}

func TestBodiesThatCanBeReadInTwoWays(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, row := range [][2]string{
		{"/forgot", "email=a@example.com&email=b@example.com"},
		{"/forgot", "email=a@example.com&Email=b@example.com"},
		{"/forgot", "EMAIL=a@example.com"},
		{"/forgot?email=b@example.com", "email=a@example.com"},
		{"/forgot", "email=a;email=b"},
		{"/forgot", "email=%zz"},
		{"/forgot", "email=%ff"},
		{"/reset", "token=a&token=b&password=x&confirm=x"},
		{"/reset", "token=a&password=x&password=y&confirm=x"},
		{"/reset?token=a", "password=x&confirm=x"},
		{"/reissue", "token=a&token=b"},
		{"/reset/check", "token=a&token=b"},
	} {
		if a := s.send(row[0], row[1]); a.status != 400 {
			t.Errorf("%s %s: %d", row[0], row[1], a.status)
		}
	}
	for _, media := range []string{"", "text/plain", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset"} {
		r := s.request("POST", "/forgot", strings.NewReader(`email=a@example.com`))
		r.Header.Set("Content-Type", media)
		if a := s.do(r); a.status != 400 {
			t.Errorf("media type %q: %d", media, a.status)
		}
	}
	if calls := s.cases.take(); calls != nil {
		t.Errorf("reached: %q", calls)
	}
	s.wants(s.send("/forgot?next=//evil.example", "email=a@example.com"), 200)
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{"/reset", "/forgot", "/reissue", "/reset/check"} {
		for _, marks := range []int{1 << 12, 1 << 17} { // 28 KiB, 900 KiB
			if a := s.send(path, "token=x&email=x&password="+strings.Repeat("e%CC%81", marks)); a.status != 413 {
				t.Errorf("%s with %d marks: %d", path, marks, a.status)
			}
		}
	}
	if calls := s.cases.take(); calls != nil {
		t.Errorf("reached: %v", calls)
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *portal.Options) {
		o.Colour, o.Logo = "#ffcc00", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)
	})
	page := s.get("/reset").body
	urls := regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(page, -1)
	var names []string
	for _, u := range urls {
		s.wants(s.get(u[1]), 200)
		names = append(names, u[1][strings.LastIndexByte(u[1], '/')+1:])
	}
	slices.Sort(names)
	if diff := gocmp.Diff([]string{"icon.svg", "logo.svg", "portal.css", "reset.js", "work.js"}, names); diff != "" {
		t.Error(diff)
	}
	plain := open(t)
	cssOf := func(s *site) string {
		return regexp.MustCompile(`/static/[^"]+portal\.css`).FindString(s.get("/").body)
	}
	if cssOf(plain) == cssOf(s) {
		t.Error("another theme must have another address")
	}
}

// A page that breaks these would be blocked by our own policy, or be out of reach for somebody.
func TestMarkup(t *testing.T) {
	t.Parallel()
	s := open(t)
	one := func(page, what string, n int) {
		if n != 1 {
			t.Errorf("%s has %d %s, not one", page, n, what)
		}
	}
	id, label := regexp.MustCompile(`\sid="([^"]+)"`), regexp.MustCompile(`<label for="([^"]+)"`)
	for _, path := range []string{"/", "/reset", "/code", "/forgot", "/done", "/incidents/spring-2011", "/nowhere"} {
		page := s.get(path).body
		for _, tag := range []string{"<h1", "<main", "<title", "<header", "<footer"} {
			one(path, tag, strings.Count(page, tag))
		}
		if !strings.Contains(page, `<html lang="en" dir="ltr">`) {
			t.Errorf("%s names no language", path)
		}
		if bad := regexp.MustCompile(`(?i)\sstyle=|<style|\son[a-z]+="|javascript:|<script>|(?:src|action)="(?:https?:)?//|<no value>`).FindString(page); bad != "" {
			t.Errorf("%s has %q", path, bad)
		}
		seen := map[string]bool{}
		for _, m := range id.FindAllStringSubmatch(page, -1) {
			if seen[m[1]] {
				t.Errorf("%s has the id %s twice", path, m[1])
			}
			seen[m[1]] = true
		}
		labelled := label.FindAllStringSubmatch(page, -1)
		if inputs := strings.Count(page, "<input id="); inputs != len(labelled) {
			t.Errorf("%s has %d inputs and %d labels", path, inputs, len(labelled))
		}
		for _, m := range labelled {
			if !seen[m[1]] {
				t.Errorf("%s labels %s, which is not there", path, m[1])
			}
		}
	}
	page := s.get("/reset").body
	for _, part := range []string{`autocomplete="username"`, `autocomplete="one-time-code"`, `passwordrules="minlength: 15; maxlength: 256; allowed: unicode;"`} {
		one("/reset", part, strings.Count(page, part))
	}
	if n := strings.Count(page, `autocomplete="new-password"`); n != 2 {
		t.Errorf("%d inputs for a new password", n)
	}
	if strings.Contains(page, "maxlength=") || strings.Contains(page, `name="token"`) {
		t.Error("an input would cut what is typed, or there is a token field nobody filled")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	good := func() portal.Options {
		return portal.Options{Resets: &cases{}, Notice: published, PublicURL: "https://pass.example.com", Minimum: 15, Maximum: 256}
	}
	if _, err := portal.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*portal.Options){
		"use cases":  func(o *portal.Options) { o.Resets = nil },
		"notice":     func(o *portal.Options) { o.Notice = nil },
		"public URL": func(o *portal.Options) { o.PublicURL = "pass.example.com" },
		"return URL": func(o *portal.Options) { o.ReturnURL = "javascript:alert(1)" },
		"colour":     func(o *portal.Options) { o.Colour = "red;}*{display:none" },
		"logo":       func(o *portal.Options) { o.Logo = []byte("GIF89a") },
		"large logo": func(o *portal.Options) { o.Logo = append([]byte("<svg"), make([]byte, 33<<10)...) },
		"minimum":    func(o *portal.Options) { o.Minimum = 0 },
		"maximum":    func(o *portal.Options) { o.Maximum = 10 },
		"sender":     func(o *portal.Options) { o.Sender = "nobody" },
	} {
		o := good()
		spoil(&o)
		if _, err := portal.New(o); err == nil {
			t.Errorf("a bad %s is taken", name)
		}
	}
}

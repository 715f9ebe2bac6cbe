package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Attack 30: open redirects. Wherever a request says to go next, in whatever spelling, members stay on the site.
func TestAttack30OpenRedirect(t *testing.T) {
	t.Parallel()
	hostile := []string{"//evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example/", "javascript:alert(1)", "/%2f%2fevil.example", "https:evil.example", "data:text/html,evil", "\t//evil.example"}
	attacked(t, []member{{email: "known@example.net"}}, func(a *target) {
		token, _ := a.link("known@example.net")
		for _, to := range hostile {
			query, fields := url.Values{}, []string{"token", token, "password", "short", "confirm", "short"}
			for _, name := range []string{"next", "return", "return_to", "returnTo", "url", "redirect", "redirect_uri", "continue", "target", "dest", "r", "u", "lang"} {
				query.Set(name, to)
				if name != "lang" {
					fields = append(fields, name, to)
				}
			}
			for _, path := range []string{"/", "/reset", "/code", "/forgot", "/done", "/.well-known/change-password", "/incidents/breach"} {
				a.staysHere("GET "+path, a.send("GET", path+"?"+query.Encode(), ""))
			}
			query.Del("lang")
			for _, path := range []string{"/reset", "/forgot", "/reissue"} {
				a.staysHere("POST "+path, a.send("POST", path+"?"+query.Encode(), encoded(fields...), with("Referer", "https://evil.example/")))
			}
		}
		for _, path := range []string{"//evil.example/reset", "//evil.example/%2e%2e", "/%5cevil.example", "/reset/", "/reset//evil.example", "/./reset", "/evil.example/..", "/static/..//evil.example"} {
			a.staysHere(path, a.send("GET", "", "", func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + path }))
		}
		got := a.send("POST", "/reset?next=//evil.example", encoded("token", token, "password", freshPassword, "confirm", freshPassword, "next", "//evil.example", "return_to", "//evil.example"))
		a.wants("success", got, 303)
		a.staysHere("success", got)
	})
}

// staysHere fails if an answer leads anywhere but to a path of the site, or has anything of the attacker in it.
func (a *target) staysHere(what string, got reply) {
	a.t.Helper()
	to := got.Header.Get("Location")
	if strings.Contains(got.Body, "evil") || strings.Contains(to, "evil") || to != "" && to != "/done" && to != "/forgot" || got.Header.Get("Refresh") != "" {
		a.t.Errorf("%s: %d, Location %q, %s", what, got.Status, to, got.Body)
	}
}

// Attack 31: caches. No answer that a token was sent for may be kept, and what comes after success holds neither token nor password.
// What the browser's Back button shows is in the portal's own browser test.
func TestAttack31Cache(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		answers, token := a.journey()
		for name, r := range answers {
			public := name == "GET /incidents/breach" || name == "GET /robots.txt"
			if cache := r.Header.Get("Cache-Control"); !public && cache != "no-store" {
				t.Errorf("%s: Cache-Control %q", name, cache)
			}
			if strings.Contains(r.Body, freshPassword) || r.Header.Get("ETag") != "" && !public {
				t.Errorf("%s keeps a password or can be kept: %v", name, r.Header)
			}
			if carries := strings.Contains(r.Body, token); carries && name != "too short" && name != "not the same" && name != "used" {
				t.Errorf("%s has the token in it", name)
			}
		}
		if after := a.send("GET", "/reset", ""); after.Body != answers["GET /reset"].Body || strings.Contains(answers["GET /done"].Body, token) {
			t.Error("after success the form is not as empty as before")
		}
	})
}

// Attack 32: clickjacking and cross-site requests. No answer may be framed, no other site's page may send a form, and nothing comes of
// one that did. There is no session that a victim could be put into.
func TestAttack32CrossSite(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		answers, _ := a.journey()
		for name, r := range answers {
			csp := r.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self'") || r.Header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s can be framed: %q %q", name, csp, r.Header.Get("X-Frame-Options"))
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s can be read from elsewhere", name)
			}
		}
		token, _ := a.link("used@example.net")
		a.drained()
		before := a.box.Total()
		for _, sender := range []map[string]string{
			{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "https://reset.example.org.evil.example"},
			{"Origin": "http://reset.example.org"}, {"Origin": a.public}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {"Origin": theirs, "Sec-Fetch-Site": "cross-site"},
		} {
			foreign := func(r *http.Request) {
				for name, value := range sender {
					r.Header.Set(name, value)
				}
			}
			for path, fields := range map[string][]string{
				"/reset": {"token", token, "password", freshPassword, "confirm", freshPassword}, "/reset/check": {"token", token},
				"/forgot": {"email", "known@example.net"}, "/reissue": {"token", token},
			} {
				if got := a.post(path, fields, foreign); got.Status != 403 {
					t.Errorf("%s from %v: %d", path, sender, got.Status)
				}
			}
		}
		a.drained()
		same(t, "mails that came of it", before, a.box.Total())
		a.alive("the link", token, true)
		a.wants("from our own page", a.redeem(token, with("Origin", theirs), with("Sec-Fetch-Site", "same-origin")), 303)
	})
}

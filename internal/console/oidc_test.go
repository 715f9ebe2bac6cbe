package console

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// atProvider is a fitting with a provider.
func atProvider(p *openProvider) func(fitting) {
	return func(f fitting) {
		f.console.Provider = Provider{Issuer: p.url, ClientID: oidcClient, ClientSecret: oidcSecret}
	}
}

var leads = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]+)">`)

// travel goes to the provider as a page leads there, and gives the way back.
func (v *visitorClient) travel(page reply) string {
	v.w.t.Helper()
	found := leads.FindStringSubmatch(page.body)
	if page.status != 200 || found == nil {
		v.w.t.Fatalf("no way to the provider: %d %s", page.status, page.body)
	}
	answer, err := v.http.Get(html.UnescapeString(found[1]))
	must(v.w.t, err)
	must(v.w.t, answer.Body.Close())
	back, err := url.Parse(answer.Header.Get("Location"))
	must(v.w.t, err)
	if back.Path != returnPath {
		v.w.t.Fatalf("the provider answers %d to %s", answer.StatusCode, back)
	}
	return back.RequestURI()
}

// company signs in by the provider, from the button to the page after it.
func (v *visitorClient) company() reply {
	v.w.t.Helper()
	return v.get(v.travel(v.post("/sign-in/provider", "next", "/keys")))
}

// On each database: the first sign-in binds the operator of the verified address; from then on issuer and subject count, whatever the address becomes.
// Strangers, unverified addresses, and who was shut out stay outside, and nobody is made an operator.
func TestCompanySignIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := newOpenProvider(t)
		w := worldOn(t, s, atProvider(p))
		for _, stranger := range []map[string]any{
			{"sub": "u-9", "email": "stranger@example.org", "email_verified": true},
			{"sub": "u-1", "email": "admin@example.org", "email_verified": false},
			{"sub": "u-1", "email": "admin@example.org"},
			{"sub": ""},
		} {
			p.change(func() { clear(p.says); maps.Copy(p.says, stranger) })
			if got := w.nobody().company(); got.status < 400 || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%v: %d to %q", stranger, got.status, got.to)
			}
		}
		p.change(func() { clear(p.says); p.says["email"], p.says["email_verified"] = "Admin@Example.org", true })
		v := w.nobody()
		if got := v.company(); got.to != "/keys" || v.get("/keys").status != 200 {
			t.Fatalf("the first sign-in: %d to %q %s", got.status, got.to, got.body)
		}
		p.change(func() { clear(p.says); p.says["email"] = "married@example.org" })
		v = w.nobody()
		if got := v.company(); got.to != "/keys" {
			t.Errorf("with another address: %d", got.status)
		}
		p.change(func() {
			clear(p.says)
			p.says["sub"], p.says["email"], p.says["email_verified"] = "u-2", "admin@example.org", true
		})
		if got := w.nobody().company(); got.status != http.StatusForbidden {
			t.Errorf("somebody else who got the address: %d", got.status)
		}
		p.change(func() { clear(p.says) })
		must(t, w.people.Disable(t.Context(), w.staff["admin"].ID, tester))
		if got := w.nobody().company(); got.status != http.StatusForbidden {
			t.Errorf("shut out: %d", got.status)
		}
		if all, err := w.people.List(t.Context()); err != nil || len(all) != len(w.staff) {
			t.Errorf("operators: %v %v", all, err)
		}
		if done := w.entries(audit.OperatorSignIn); len(done) == 0 || done[0].Outcome != audit.Refused || done[0].Detail["by"] != string(operator.ByOIDC) {
			t.Errorf("on record: %+v", done)
		}
	})
}

// What comes back must be this browser's own and signed for us: another browser's state, a state twice, a nonce, an audience, an issuer, a time that does not fit open nothing.
func TestCompanySignInIsBound(t *testing.T) {
	t.Parallel()
	p := newOpenProvider(t)
	w := newWorld(t, atProvider(p))
	verified := func() { clear(p.says); p.says["email"], p.says["email_verified"] = "admin@example.org", true }
	p.change(verified)

	way := w.nobody().travel(w.nobody().post("/sign-in/provider"))
	if got := w.nobody().get(way); got.status != http.StatusUnauthorized {
		t.Errorf("another browser's answer: %d to %q", got.status, got.to)
	}
	v := w.nobody()
	way = v.travel(v.post("/sign-in/provider"))
	for name, change := range map[string]func(url.Values){
		"state":   func(q url.Values) { q.Set("state", "x") },
		"issuer":  func(q url.Values) { q.Set("iss", "https://evil.example") },
		"code":    func(q url.Values) { q.Set("code", "x") },
		"no code": func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") },
	} {
		v := w.nobody()
		at, err := url.Parse(v.travel(v.post("/sign-in/provider")))
		must(t, err)
		q := at.Query()
		change(q)
		if got := v.get(returnPath + "?" + q.Encode()); got.status != http.StatusUnauthorized {
			t.Errorf("another %s: %d to %q", name, got.status, got.to)
		}
		if got := v.get(at.RequestURI()); got.status != http.StatusUnauthorized {
			t.Errorf("the state after another %s: %d to %q", name, got.status, got.to)
		}
	}
	for name, value := range map[string]any{"nonce": "x", "aud": "another", "iss": "https://evil.example", "exp": time.Now().Add(-time.Hour).Unix()} {
		p.change(func() { verified(); p.says[name] = value })
		if got := w.nobody().company(); got.status != http.StatusUnauthorized {
			t.Errorf("a token with %s %v: %d to %q", name, value, got.status, got.to)
		}
	}
	p.change(verified)
	if got := v.get(way); got.to != "/" {
		t.Errorf("what fits: %d %s", got.status, got.body)
	}
	if strings.Contains(w.log.String(), oidcSecret) {
		t.Error("the client's secret is in the log")
	}
}

// An invitation binds whoever signs in at the provider; a grave act asks to sign in there anew, and believes auth_time alone.
func TestCompanyEnrolsAndConfirms(t *testing.T) {
	t.Parallel()
	p := newOpenProvider(t)
	w := newWorld(t, atProvider(p))
	v := w.nobody()
	v.post("/enrol", "token", w.url+"/enrol#t="+w.invites["admin"])
	if got := v.get(v.travel(v.post("/enrol/provider"))); got.to != "/me" {
		t.Fatalf("enrolling: %d %s", got.status, got.body)
	}
	if got := v.post("/keys/rotate"); !strings.HasPrefix(got.to, "/confirm?") {
		t.Errorf("a grave act right away: %d to %q", got.status, got.to)
	}
	p.change(func() { p.says["auth_time"] = time.Now().Add(-10 * time.Minute).Unix() })
	if got := v.get(v.travel(v.post("/confirm/provider", "next", "/keys"))); got.status != http.StatusForbidden {
		t.Errorf("a provider that did not ask again: %d to %q", got.status, got.to)
	}
	p.change(func() { p.says["auth_time"] = nil })
	if got := v.get(v.travel(v.post("/confirm/provider", "next", "/keys"))); got.status != http.StatusForbidden {
		t.Errorf("a provider that does not say when: %d to %q", got.status, got.to)
	}
	p.change(func() { clear(p.says); p.says["sub"] = "u-2" })
	if got := v.get(v.travel(v.post("/confirm/provider", "next", "/keys"))); got.status != http.StatusForbidden {
		t.Errorf("somebody else's identity: %d to %q", got.status, got.to)
	}
	p.change(func() { clear(p.says) })
	if got := v.get(v.travel(v.post("/confirm/provider", "next", "/keys"))); got.to != "/keys" {
		t.Fatalf("confirming: %d %s", got.status, got.body)
	}
	if got := v.post("/keys/rotate"); got.to != "/keys" {
		t.Errorf("the act after it: %d to %q", got.status, got.to)
	}
	p.change(func() {
		for _, q := range p.asked[1:] {
			if q.Get("max_age") != "0" {
				t.Errorf("asked without max_age: %v", q)
			}
		}
	})
}

// A provider that is down stops nothing but the way through it, and is found again when it is back.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	p := newOpenProvider(t)
	p.change(func() { p.down = true })
	w := newWorld(t, atProvider(p))
	v := w.nobody()
	if got := v.post("/sign-in/provider"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `name="password"`) {
		t.Errorf("while it is down: %d", got.status)
	}
	w.enrol(v, "admin")
	p.change(func() { p.down = false; p.says["email"], p.says["email_verified"] = "second@example.org", true })
	if got := w.nobody().company(); got.to != "/keys" {
		t.Errorf("when it is back: %d %s", got.status, got.body)
	}
}

package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// The cookie is for this host, for no script, and on https for the wire under TLS alone; it is made when there is something to keep, not before.
func TestCookie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ adminURL, want string }{
		{"https://console.example.org", "__Host-rekey=TOKEN; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"", "rekey=TOKEN; Path=/; HttpOnly; SameSite=Lax"},
	} {
		w := newWorld(t, func(f fitting) {
			if c.adminURL != "" {
				f.console.AdminURL, f.door.AdminURL = c.adminURL, c.adminURL
			}
		})
		if got := w.nobody().get("/sign-in"); got.header.Get("Set-Cookie") != "" {
			t.Errorf("looking at the sign-in sets %s", got.header.Get("Set-Cookie"))
		}
		got := w.nobody().send(http.MethodPost, "/sign-in/passkey/begin", nil, func(r *http.Request) { r.Header.Set("Origin", w.console.site.URL) })
		cookie := got.header.Get("Set-Cookie")
		value, _, _ := strings.Cut(cookie[strings.IndexByte(cookie, '=')+1:], ";")
		if len(value) < 40 || strings.Replace(cookie, value, "TOKEN", 1) != c.want {
			t.Errorf("%s: %s", c.adminURL, cookie)
		}
		if got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("an answer with a cookie may be cached: %s", got.header.Get("Cache-Control"))
		}
	}
}

// Whoever plants a token in somebody's browser knows nothing of the session that is signed in there.
func TestFixation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attacker := w.nobody()
	attacker.post("/sign-in/passkey/begin")
	victim := w.nobody()
	victim.cookie(attacker.token())
	w.enrol(victim, "admin")
	if victim.token() == attacker.token() {
		t.Error("the planted token is signed in")
	}
	w.dead(attacker.token())
	made := w.nobody()
	made.cookie("a-token-that-nobody-gave-out")
	w.enrol(made, "responder")
	if made.token() == "a-token-that-nobody-gave-out" {
		t.Error("a made-up token is taken")
	}
}

// On each database: sessions end by their owner, by an administrator, by a change of roles and when somebody is shut out, and none comes back, not even by what was under way.
func TestEndedSessionsStayEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		ctx := t.Context()
		responder := w.staff["responder"]
		first, second := w.as("responder"), w.as("responder")

		if got := first.post("/me/sessions/end", "session", operator.SessionID(operator.HashToken(second.token()))); got.to != "/me" {
			t.Errorf("ending another session of one's own: %d", got.status)
		}
		w.dead(second.token())
		second = w.as("responder")
		if got := first.post("/me/sessions/end"); got.to != "/me" {
			t.Errorf("ending all others: %d", got.status)
		}
		w.dead(second.token())
		if got := first.get("/me"); got.status != 200 {
			t.Errorf("the one that asked: %d", got.status)
		}
		if got := w.as("approver").post("/me/sessions/end", "session", operator.SessionID(operator.HashToken(first.token()))); got.status != http.StatusNotFound {
			t.Errorf("ending somebody else's as one's own: %d", got.status)
		}
		if got := w.as("admin").post("/operators/"+id(responder)+"/sessions/end", "session", operator.SessionID(operator.HashToken(first.token()))); got.status != http.StatusSeeOther {
			t.Errorf("an administrator: %d", got.status)
		}
		w.dead(first.token())

		token := w.session(responder, true)
		must(t, w.people.SetRoles(ctx, responder.ID, nil, operator.Roles{operator.Auditor}, tester))
		w.dead(token)
		token = w.session(responder, true)
		must(t, w.people.Disable(ctx, responder.ID, tester))
		w.dead(token)

		// A request that was under way when its session ended saves and renews in vain.
		if err := s.SaveSession(ctx, operator.HashToken(token), operator.Session{Operator: responder.ID, Data: []byte("{}"), ExpiresAt: time.Now().Add(time.Hour)}); err == nil {
			t.Error("an ended session was saved")
		}
		fresh := operator.HashToken("another")
		if err := s.RenewSession(ctx, operator.HashToken(token), fresh, operator.Session{Operator: responder.ID, Data: []byte("{}"), ExpiresAt: time.Now().Add(time.Hour)}); err == nil {
			t.Error("an ended session was renewed")
		}
		if _, found, err := s.FindSession(ctx, fresh); err != nil || found {
			t.Errorf("an ended session lives on under another token: %t %v", found, err)
		}
		w.dead(token)
	})
}

// A session ends when it is not used for the idle time, and at its absolute end however much it is used; a confirmation moves neither end of it.
func TestSessionLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(f fitting) { f.console.Idle, f.console.Life = time.Hour, 2*time.Hour })
	w.console.guard.every = 0 // each use counts
	v := w.nobody()
	secret := w.enrol(v, "approver")
	ends := func() (idle, absolute time.Duration) {
		t.Helper()
		found, live, err := w.store.FindSession(t.Context(), operator.HashToken(v.token()))
		if err != nil || !live {
			t.Fatalf("no session: %v", err)
		}
		at, _, err := codec{}.Decode(found.Data)
		must(t, err)
		return time.Until(found.ExpiresAt).Round(time.Minute), time.Until(at).Round(time.Minute)
	}
	if idle, absolute := ends(); idle != time.Hour || absolute != 2*time.Hour {
		t.Errorf("after the sign-in it ends in %v unused, %v at most", idle, absolute)
	}
	w.age(v, 30*time.Minute)
	if got := v.get("/me"); got.status != 200 {
		t.Fatalf("%d", got.status)
	}
	if idle, absolute := ends(); idle != time.Hour || absolute != 90*time.Minute {
		t.Errorf("after a use half an hour later it ends in %v unused, %v at most", idle, absolute)
	}
	w.age(v, 45*time.Minute)
	before := v.token()
	if got := v.post("/confirm/totp", "code", code(t, secret, 1), "next", "/keys"); got.to != "/keys" {
		t.Fatalf("confirming: %d %s", got.status, got.body)
	}
	if v.token() == before {
		t.Error("a right was gained under the same token")
	}
	w.dead(before)
	if idle, absolute := ends(); idle != 45*time.Minute || absolute != 45*time.Minute {
		t.Errorf("after the confirmation it ends in %v unused, %v at most", idle, absolute)
	}
	w.age(v, 46*time.Minute)
	w.dead(v.token())
}

// age makes a session as old as if so much time had passed without a request.
func (w *world) age(v *visitorClient, by time.Duration) {
	w.t.Helper()
	ctx, hash := w.t.Context(), operator.HashToken(v.token())
	found, live, err := w.store.FindSession(ctx, hash)
	if err != nil || !live {
		w.t.Fatalf("no session to age: %v", err)
	}
	at, values, err := codec{}.Decode(found.Data)
	must(w.t, err)
	m := values[memoryKey].(memory)
	data, err := codec{}.Encode(at.Add(-by), map[string]any{memoryKey: m})
	must(w.t, err)
	found.Data, found.ExpiresAt = data, found.ExpiresAt.Add(-by)
	must(w.t, w.store.SaveSession(ctx, hash, found))
}

// A form of another site, or of a program that shows no origin, does nothing, whoever's cookie comes with it.
func TestForeignFormsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*http.Request){
		"another origin":     func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"no origin":          func(r *http.Request) { r.Header.Del("Origin") },
		"null":               func(r *http.Request) { r.Header.Set("Origin", "null") },
		"a neighbour's port": func(r *http.Request) { r.Header.Set("Origin", "http://localhost:1") },
		"cross-site":         func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		v := w.as("responder")
		got := v.send(http.MethodPost, "/lockdown/on", map[string][]string{"reason": {"x"}}, change)
		if got.status != http.StatusForbidden || strings.Contains(got.body, "locked down") {
			t.Errorf("%s: %d", name, got.status)
		}
		if got := v.send(http.MethodPost, "/sign-out", nil, change); got.status != http.StatusForbidden {
			t.Errorf("signing out, %s: %d", name, got.status)
		}
	}
	if n := len(w.entries(audit.LockdownOn)); n != 0 {
		t.Errorf("%d lockdowns", n)
	}
	denials := map[string]int{} // one a minute for each route, however often
	for _, e := range w.entries(audit.ActRefused) {
		if e.Detail["refused"] == "another site's form" && e.Detail["from"] == "127.0.0.1" {
			denials[e.Object+" "+fmt.Sprint(e.Detail["act"])]++
		}
	}
	if diff := cmp.Diff(map[string]int{"/lockdown/on lockdown.on": 1, "/sign-out own.show": 1}, denials); diff != "" {
		t.Errorf("on record:\n%s", diff)
	}
	if got := w.as("responder").get("/me").header; !strings.Contains(got.Get("Content-Security-Policy"), "default-src 'none'") || got.Get("X-Frame-Options") != "DENY" || got.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", got)
	}
}

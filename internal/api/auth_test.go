package api_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// calls are all that need a key: method, path, scope's key, body.
var calls = [][4]string{
	{"POST", "/v1/login/verify", loginKey, verifyBody},
	{"POST", "/v1/gate", loginKey, `{"subject":"u"}`},
	{"POST", "/v1/gate/batch", loginKey, `{"checks":[{"subject":"u"}]}`},
	{"POST", "/v1/introspect", loginKey, "token=t"},
	{"PUT", "/v1/accounts/u", importKey, `{}`},
	{"GET", "/v1/accounts/u", importKey, ""},
	{"DELETE", "/v1/accounts/u", importKey, ""},
	{"PUT", "/v1/accounts/u/password", importKey, `{"password_hash":"x"}`},
}

func formIfIntrospect(r *http.Request) {
	if r.URL.Path == "/v1/introspect" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
}

func TestKeysAndScopes(t *testing.T) {
	t.Parallel()
	for _, c := range calls {
		s := open(t)
		other := map[string]string{loginKey: importKey, importKey: loginKey}[c[2]]
		for key, want := range map[string]int{c[2]: 200, other: 403, "rekey_unknown": 401, "": 401} {
			s.asked = nil
			w := send(s.engine, c[0], c[1], key, c[3], formIfIntrospect)
			if w.Code != want || (want == 200) != (s.asked != nil) {
				t.Errorf("%s %s with %.9q: %d, want %d; asked %v", c[0], c[1], key, w.Code, want, s.asked)
			}
			if want == 401 && w.Header().Get("WWW-Authenticate") != `Bearer realm="rekey"` {
				t.Errorf("%s %s: 401 with %v", c[0], c[1], w.Header())
			}
			// A body that cannot be read tells a stranger nothing about what can.
			if w := send(s.engine, c[0], c[1], key, "}", formIfIntrospect); want != 200 && w.Code != want {
				t.Errorf("%s %s with %.9q and a broken body: %d, want %d", c[0], c[1], key, w.Code, want)
			}
		}
	}
}

func TestAuthorizationHeader(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		values []string
		want   int
	}{
		{[]string{"Bearer " + loginKey}, 200},
		{[]string{"bearer " + loginKey}, 200},
		{[]string{loginKey}, 401},
		{[]string{"Basic " + loginKey}, 401},
		{[]string{"Bearer"}, 401},
		{[]string{"Bearer  " + loginKey}, 401},
		{[]string{"Bearer " + loginKey + " "}, 401},
		{[]string{"Bearer " + loginKey, "Bearer " + loginKey}, 401},
		{[]string{"Bearer " + loginKey + ", Bearer x"}, 401},
	} {
		w := send(s.engine, "POST", "/v1/gate", "", `{"subject":"u"}`, func(r *http.Request) { r.Header["Authorization"] = c.values })
		if w.Code != c.want {
			t.Errorf("%q: %d, want %d", c.values, w.Code, c.want)
		}
	}
}

// Wrong keys are charged to the address that sends them and to nothing else: once they are used up no look-up is made for it,
// a key that was right before still passes, and so does everybody elsewhere.
func TestWrongKeysAreLimited(t *testing.T) {
	t.Parallel()
	for _, c := range [][4]string{calls[0], calls[1]} {
		s := open(t)
		ask := func(key, from string) int {
			return send(s.engine, c[0], c[1], key, c[3], func(r *http.Request) { r.RemoteAddr = from + ":9" }).Code
		}
		for range 3 * ratelimit.KeyAddress.Burst {
			if got := ask(loginKey, "192.0.2.1"); got != 200 {
				t.Fatalf("a right key: %d", got)
			}
			if got := ask(importKey, "192.0.2.2"); got != 403 {
				t.Fatalf("a right key of another scope: %d", got)
			}
		}
		refused := 0
		for range 2 * ratelimit.KeyAddress.Burst {
			if ask("rekey_wrong", "192.0.2.1") == 429 {
				refused++
			}
		}
		if refused < ratelimit.KeyAddress.Burst-2 { // one comes back each second
			t.Errorf("%s: %d of %d wrong keys over the limit were refused", c[1], refused, ratelimit.KeyAddress.Burst)
		}
		before := s.lookUps
		if got := ask("rekey_other", "192.0.2.1"); got == 429 && s.lookUps != before {
			t.Error("a refused key was looked up")
		}
		if got := ask(loginKey, "192.0.2.1"); got != 200 {
			t.Errorf("the right key behind the same address: %d", got)
		}
		if got := ask("rekey_wrong", "192.0.2.3"); got != 401 {
			t.Errorf("a wrong key from elsewhere: %d", got)
		}
	}
}

// A revoked key was right once, and is a wrong one like any other now.
func TestRevokedKeyIsLimitedLikeAnyOther(t *testing.T) {
	t.Parallel()
	s := open(t)
	ask := func() int { return send(s.engine, "POST", "/v1/gate", loginKey, `{"subject":"u"}`).Code }
	if got := ask(); got != 200 {
		t.Fatalf("before: %d", got)
	}
	s.revoked = true
	if got := ask(); got != 401 {
		t.Errorf("at once: %d", got)
	}
	for range 2 * ratelimit.KeyAddress.Burst {
		ask()
	}
	before := s.lookUps
	if got := ask(); got == 429 && s.lookUps != before {
		t.Error("a refused key was looked up")
	}
}

// Many right keys at once from one address are no attack.
func TestConcurrentRightKeys(t *testing.T) {
	t.Parallel()
	s := open(t)
	var wait sync.WaitGroup
	for range 20 * ratelimit.KeyAddress.Burst {
		wait.Go(func() {
			if w := send(s.engine, "POST", "/v1/gate", loginKey, `{"subject":"u"}`); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wait.Wait()
}

func TestVerifyKeyLimit(t *testing.T) {
	t.Parallel()
	s := open(t)
	got := map[int]int{}
	var last http.Header
	for range 3 * ratelimit.VerifyKey.Burst {
		w := send(s.engine, "POST", "/v1/login/verify", loginKey, verifyBody)
		if got[w.Code]++; w.Code == 429 {
			last = w.Header()
		}
	}
	if got[200] < ratelimit.VerifyKey.Burst || got[429] == 0 || last.Get("Retry-After") != "1" {
		t.Errorf("%v, %v", got, last)
	}
	if last.Get("RateLimit-Policy") != `"verify_key";q=1000;w=1` || last.Get("RateLimit") != `"verify_key";r=0;t=1` {
		t.Errorf("told %v", last)
	}
}

func TestClientIsTheActor(t *testing.T) {
	t.Parallel()
	s := open(t)
	send(s.engine, "DELETE", "/v1/accounts/u", importKey, "")
	if want := (audit.Actor{Kind: audit.KindClient, Name: "sync"}); s.actor != want {
		t.Errorf("%+v", s.actor)
	}
}

// Every call with a key says where the key stands (draft-ietf-httpapi-ratelimit-headers-11).
func TestKeysAreToldTheirLimit(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t, store.Options{}), nil)
	for i, body := range []string{`{"subject":"u"}`, `{"subject":"u","more":1}`} {
		w := send(h.engine, "POST", "/v1/gate", h.login, body)
		if got := w.Header().Get("RateLimit"); i == 0 && (w.Code != 200 || w.Header().Get("RateLimit-Policy") != `"gate_key";q=50000;w=1` || got != `"gate_key";r=49999;t=1`) {
			t.Errorf("gate: %d, told %s", w.Code, got)
		} else if i == 1 && got != "" {
			t.Errorf("a call that cost nothing is told %s", got)
		}
	}
}

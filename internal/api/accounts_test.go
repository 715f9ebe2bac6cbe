package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// A subject is whatever the login service says it is, so a path is taken apart before it is decoded.
func TestSubjectInPath(t *testing.T) {
	t.Parallel()
	s := open(t)
	for path, want := range map[string]string{
		"/v1/accounts/u-1": "u-1", "/v1/accounts/a%2Fb": "a/b", "/v1/accounts/a%2Fpassword": "a/password", "/v1/accounts/password": "password",
		"/v1/accounts/a+b@x.org": "a+b@x.org", "/v1/accounts/a%2Bb%2F": "a+b/", "/v1/accounts/%C3%A9%20%25": "é %", "/v1/accounts/..": "..",
	} {
		s.asked = nil
		if w := send(s.engine, "GET", path, importKey, ""); w.Code != 200 || s.asked != want {
			t.Errorf("GET %s: %d, asked %v, want %s", path, w.Code, s.asked, want)
		}
		s.asked = nil
		w := send(s.engine, "PUT", path+"/password", importKey, `{"password_hash":"x"}`)
		if r, ok := s.asked.(account.PasswordRequest); !ok || r.Subject != want {
			t.Errorf("PUT %s/password: %d, asked %v", path, w.Code, s.asked)
		}
		if strings.Contains(s.log.String(), want) {
			t.Errorf("the log holds the subject %s", want)
		}
	}
	for path, want := range map[string]int{
		"/v1/accounts/": 400, "/v1/accounts/a/b": 400, "/v1/accounts/a/": 400, "/v1/accounts//password": 400, "/v1/accounts/a/password": 405, "/v1/accounts/a?b": 400,
	} {
		if w := send(s.engine, "GET", path, importKey, ""); w.Code != want {
			t.Errorf("GET %s: %d, want %d", path, w.Code, want)
		}
	}
	if w := send(s.engine, "DELETE", "/v1/accounts/a/password", importKey, ""); w.Code != 405 || w.Header().Get("Allow") != "PUT" {
		t.Errorf("deleting a password: %d %v", w.Code, w.Header())
	}
}

func TestAccountsGoOnAsTheyCame(t *testing.T) {
	t.Parallel()
	s := open(t)
	email, empty, at := "Ann@example.org", "", time.Unix(1308297601, 0).UTC()
	s.change = account.Change{Outcome: account.Updated, Kept: true, Version: 4, Warnings: []account.Warning{{Field: "locale", Code: "bad_locale", Reason: "no tag"}}}
	w := send(s.engine, "PUT", "/v1/accounts/u", importKey, `{"email":"Ann@example.org","locale":"","password_set_at":1308297601}`)
	want := account.PutRequest{Subject: "u", Email: &email, Locale: &empty, PasswordSetAt: &at}
	if d := cmp.Diff(want, s.asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	const body = `{"subject":"u","outcome":"updated","kept":true,"revived":false,"credential_version":4,"warnings":[{"field":"locale","code":"bad_locale","reason":"no tag"}]}`
	if w.Code != 200 || w.Body.String() != body {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	send(s.engine, "PUT", "/v1/accounts/u/password", importKey, `{"password_hash":"x"}`)
	if d := cmp.Diff(account.PasswordRequest{Subject: "u", Hash: "x"}, s.asked); d != "" { // no date is now, and a dead password stays dead
		t.Errorf("asked (-want +got):\n%s", d)
	}
	s.change = account.Change{Outcome: account.Refused, Version: 4}
	w = send(s.engine, "PUT", "/v1/accounts/u/password", importKey, `{"password_hash":"x"}`)
	if d := read[problem.Details](t, w); w.Code != 422 || d.Code != "dead_password" {
		t.Errorf("a refused revival: %d %s", w.Code, w.Body)
	}
	s.profile = account.Profile{Subject: "u", State: account.StateDeleted, ID: 9, DeletedAt: &at, NotBefore: &at, Version: 2, Epoch: 3}
	w = send(s.engine, "GET", "/v1/accounts/u", importKey, "")
	if got := w.Body.String(); got != `{"subject":"u","credential":"unknown","deleted_at":1308297601,"credential_version":2,"not_before":1308297601}` {
		t.Errorf("a deleted account: %s", got)
	}
}

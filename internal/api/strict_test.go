package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// A body has one meaning or none (attacks 8 and 35). The path in the answer is made of known names alone.
func TestStrictJSON(t *testing.T) {
	t.Parallel()
	s := open(t)
	const verify, gate, batch, put, change = "/v1/login/verify", "/v1/gate", "/v1/gate/batch", "/v1/accounts/u", "/v1/accounts/u/password"
	long := strings.Repeat("é", 255)
	for _, c := range []struct {
		path, body, code string // "": accepted
		place            string
	}{
		{verify, `{"login":"a","password":"b"}`, "", ""},
		{verify, " {\n\"password\" : \"b\", \"subject\":\"a\", \"client_ip\":\"2001:db8::1\"} \n", "", ""},
		{verify, `{"login":"a","password":""}`, "", ""},
		{verify, `{"login":"a","password":"\ud83d\ude00\\ud83d"}`, "", ""},
		{verify, ``, "not_json", "The body"},
		{verify, `{`, "not_json", "The body"},
		{verify, `{"login":"a","password":"b"}{}`, "not_json", "The body"},
		{verify, `{"login":"a","password":"b"} x`, "not_json", "The body"},
		{verify, `{"login":"a","password":"b",}`, "not_json", "The body"},
		{verify, `{"login":"a","password":"b" "subject":"c"}`, "not_json", "The body"},
		{verify, `{'login':'a'}`, "not_json", "The body"},
		{verify, "\ufeff" + `{"login":"a","password":"b"}`, "not_json", "The body"},
		{verify, "{\"login\":\"a\",\"password\":\"\xff\"}", "not_json", "The body"},
		{verify, `[]`, "wrong_type", "The body"},
		{verify, `null`, "wrong_type", "The body"},
		{verify, `"a"`, "wrong_type", "The body"},
		{verify, `{"login":"a"}`, "missing_field", "password"},
		{verify, `{}`, "missing_field", "password"},
		{verify, `{"login":"a","password":"b","password":"c"}`, "duplicate_field", "password"},
		{verify, `{"login":"a","login":"a","password":"c"}`, "duplicate_field", "login"},
		{verify, `{"login":"a","password":"b","Password":"c"}`, "unknown_field", "The body"},
		{verify, `{"Login":"a","password":"b"}`, "unknown_field", "The body"},
		{verify, `{"login":"a","paſſword":"b"}`, "unknown_field", "The body"},
		{verify, `{"login":"a","password":"b","extra":null}`, "unknown_field", "The body"},
		{verify, `{"login":["a","b"],"password":"b"}`, "wrong_type", "login"},
		{verify, `{"login":"a","password":null}`, "wrong_type", "password"},
		{verify, `{"login":"a","password":1}`, "wrong_type", "password"},
		{verify, `{"login":"a","password":{"a":1}}`, "wrong_type", "password"},
		{verify, `{"login":null,"subject":"s","password":"b"}`, "wrong_type", "login"},
		{verify, `{"login":"a\u0000","password":"b"}`, "bad_text", "login"},
		{verify, `{"login":"a","password":"\ud800"}`, "bad_text", "The body"},
		{verify, `{"login":"a","password":"\ude00\ud83d"}`, "bad_text", "The body"},
		{verify, `{"login":"a","password":"\ud83dx\ude00"}`, "bad_text", "The body"},
		{verify, `{"login":"a","password":"b","client_ip":"192.0.2.7:80"}`, "out_of_range", "client_ip"},
		{verify, `{"login":"a","password":"b","client_ip":"fe80::1%eth0"}`, "out_of_range", "client_ip"},
		{verify, `{"login":"","password":"b"}`, "out_of_range", "login"},
		{verify, `{"subject":"` + long + `","password":"b"}`, "", ""},
		{verify, `{"subject":"` + long + `x","password":"b"}`, "out_of_range", "subject"},
		{gate, `{"subject":"a","session_issued_at":0}`, "", ""},
		{gate, `{"subject":"a","session_issued_at":253402300799}`, "", ""},
		{gate, `{"subject":"a","session_issued_at":253402300800}`, "out_of_range", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":9e18}`, "wrong_type", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":99999999999999999999}`, "out_of_range", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":-1}`, "out_of_range", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":1.0}`, "wrong_type", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":"1"}`, "wrong_type", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":null}`, "wrong_type", "session_issued_at"},
		{gate, `{"subject":"a","session_issued_at":true}`, "wrong_type", "session_issued_at"},
		{gate, `{"subject":1}`, "wrong_type", "subject"},
		{batch, `{"checks":[{"subject":"a"}]}`, "", ""},
		{batch, `{"checks":[]}`, "out_of_range", "checks"},
		{batch, `{"checks":null}`, "wrong_type", "checks"},
		{batch, `{"checks":{"subject":"a"}}`, "wrong_type", "checks"},
		{batch, `{"checks":[{"subject":"a"},{"subject":"b","x":1}]}`, "unknown_field", "checks[1]"},
		{batch, `{"checks":[{"subject":"a"},{}]}`, "missing_field", "checks[1].subject"},
		{batch, `{"checks":[{"subject":"a"},null]}`, "wrong_type", "checks[1]"},
		{batch, `{"checks":[["a"]]}`, "wrong_type", "checks[0]"},
		{batch, `{"checks":[{"subject":"a"}`, "not_json", "The body"},
		{put, `{}`, "", ""},
		{put, `{"email":"a@b","locale":"","password_hash":"x","password_set_at":1,"created_at":1}`, "", ""},
		{put, `{"email":null}`, "wrong_type", "email"},
		{put, `{"subject":"v"}`, "unknown_field", "The body"},
		{put, `{"password":"p"}`, "unknown_field", "The body"},
		{change, `{"password_hash":"x","allow_revive":true}`, "", ""},
		{change, `{"password_hash":"x","allow_revive":1}`, "wrong_type", "allow_revive"},
		{change, `{"password_hash":"x","allow_revive":"true"}`, "wrong_type", "allow_revive"},
		{change, `{"password_hash":""}`, "out_of_range", "password_hash"},
		{change, `{}`, "missing_field", "password_hash"},
	} {
		method, key := "POST", loginKey
		if strings.HasPrefix(c.path, "/v1/accounts") {
			method, key = "PUT", importKey
		}
		s.asked = nil
		w := send(s.engine, method, c.path, key, c.body, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		if c.code == "" {
			if w.Code != 200 {
				t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
			}
			continue
		}
		want := 400
		if c.code == "out_of_range" {
			want = 422
		}
		d := read[problem.Details](t, w)
		if w.Code != want || d.Code != c.code || !strings.HasPrefix(d.Detail, c.place+" ") || s.asked != nil {
			t.Errorf("%s %s: %d %s, want %d %s at %s; asked %v", c.path, c.body, w.Code, w.Body, want, c.code, c.place, s.asked)
		}
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	s := open(t)
	for value, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON;charset=UTF-8": 200,
		"": 400, "text/plain": 400, "text/json": 400, "application/json; charset=utf-16": 400, "application/x-www-form-urlencoded": 400,
		"application/json, text/plain": 400, "application/problem+json": 400,
	} {
		w := send(s.engine, "POST", "/v1/gate", loginKey, `{"subject":"u"}`, func(r *http.Request) { r.Header.Set("Content-Type", value) })
		if w.Code != want {
			t.Errorf("%q: %d, want %d", value, w.Code, want)
		}
	}
	w := send(s.engine, "POST", "/v1/gate", loginKey, `{"subject":"u"}`, func(r *http.Request) { r.Header["Content-Type"] = []string{"application/json", "application/json"} })
	if w.Code != 400 {
		t.Errorf("two of them: %d", w.Code)
	}
}

// What was typed reaches the use case as it was typed.
func TestTextIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	send(s.engine, "POST", "/v1/login/verify", loginKey, `{"login":" Ann@Example.ORG ","password":" e\u0301\u2028\ud83d\ude00\t ","client_ip":"::ffff:192.0.2.7"}`)
	got := s.asked.(account.VerifyRequest)
	if got.Login != " Ann@Example.ORG " || got.Password != " e\u0301\u2028😀\t " || got.ClientIP.Unmap().String() != "192.0.2.7" {
		t.Errorf("%+q", got)
	}
}

func TestBatchKeepsOrderAndLimit(t *testing.T) {
	t.Parallel()
	s := open(t)
	of := func(n int) string {
		checks := make([]string, n)
		for i := range checks {
			checks[i] = `{"subject":"` + string(rune('a'+i%26)) + `"}`
		}
		return `{"checks":[` + strings.Join(checks, ",") + `]}`
	}
	w := send(s.engine, "POST", "/v1/gate/batch", loginKey, of(1000))
	var want []account.GateCheck
	for i := range 1000 {
		want = append(want, account.GateCheck{Subject: string(rune('a' + i%26))})
	}
	if d := cmp.Diff(want, s.asked); d != "" || w.Code != 200 {
		t.Errorf("%d, asked (-want +got):\n%s", w.Code, d)
	}
	if w := send(s.engine, "POST", "/v1/gate/batch", loginKey, of(1001)); w.Code != 422 {
		t.Errorf("1,001 checks: %d", w.Code)
	}
}

// FuzzStrictJSON holds that no body makes a panic or a 500, and that none with a name in another case gets through.
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{"login":"a","password":"b"}`, `{"Login":"a","password":"\ud800"}`, `[[[`, `{"a":{"a":`, `{"checks":[{"subject":"a"}]}`} {
		f.Add(seed)
	}
	s := open(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/login/verify", "/v1/gate/batch"} {
			s.asked = nil
			w := send(s.engine, "POST", path, loginKey, body, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
			if w.Code == 500 || (w.Code == 200) != (s.asked != nil) {
				t.Errorf("%q: %d, asked %v", body, w.Code, s.asked)
			}
		}
	})
}

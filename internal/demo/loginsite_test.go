package demo

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const (
	aKey      = "rk_login_key"
	aPassword = "Sonic-0-spindash"
	verified  = `{"result":"ok","subject":"pass-0000000","credential_version":1,"authenticated_at":1700000000,"not_before":0}`
	passing   = `{"subject":"pass-0000000","credential":"live","session":"live","not_before":0,"locked":false}`
)

// rekey answers as it is told, and keeps what it was asked.
type rekey struct {
	mu      sync.Mutex
	status  map[string]int
	answers map[string]string
	asked   []map[string]any
}

func (f *rekey) tell(path string, status int, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status[path], f.answers[path] = status, answer
}

func (f *rekey) last() map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

func (f *rekey) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	question := map[string]any{}
	if json.Unmarshal(body, &question) != nil || r.Header.Get("Authorization") != "Bearer "+aKey || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, question)
	w.WriteHeader(f.status[r.URL.Path])
	_, _ = io.WriteString(w, f.answers[r.URL.Path])
}

func openLogin(t *testing.T) (*site, *rekey) {
	t.Helper()
	f := &rekey{status: map[string]int{}, answers: map[string]string{}}
	f.tell("/v1/login/verify", 200, verified)
	f.tell("/v1/gate", 200, passing)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	h, err := NewLoginSite(Service{URL: server.URL, Key: aKey, HTTP: server.Client()}, aGuide, slog.New(slog.DiscardHandler))
	return open(t, h, err), f
}

// signIn sends the form, with headers in pairs.
func (s *site) signIn(headers ...string) (*http.Response, string) {
	s.t.Helper()
	form := url.Values{"login": {"ann@warmmail.example"}, "password": {"<secret> & " + aPassword}}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.do(r)
}

// home opens the first page with a session's cookie.
func (s *site) home(cookie *http.Cookie) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.AddCookie(cookie)
	return s.do(r)
}

// What each answer of verify means to a member; the password is on no page.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	s, f := openLogin(t)
	for _, c := range []struct {
		name    string
		status  int
		answer  string
		want    int
		says    string
		session bool
	}{
		{"ok", 200, verified, 303, "", true},
		{"dead", 200, `{"result":"reset_required","reason":"breach","incident":"x","reset_url":"https://pass.example/forgot"}`, 403, `href="https://pass.example/forgot"`, false},
		{"wrong", 200, `{"result":"invalid"}`, 403, "don’t fit together", false},
		{"lockdown", 200, `{"result":"locked"}`, 503, "closed for now", false},
		{"limited", 429, `{"title":"Too many requests"}`, 429, "too many tries", false},
		{"down", 503, `{}`, 503, "can’t check passwords", false},
		{"unknown word", 200, `{"result":"fine"}`, 403, "don’t fit together", false},
		{"no answer", 200, `oops`, 503, "can’t check passwords", false},
	} {
		f.tell("/v1/login/verify", c.status, c.answer)
		resp, body := s.signIn()
		if resp.StatusCode != c.want || !strings.Contains(body, c.says) || (len(resp.Cookies()) > 0) != c.session {
			t.Errorf("%s: %d, cookies %v\n%s", c.name, resp.StatusCode, resp.Cookies(), body)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, aKey) {
			t.Errorf("%s: password or key is on the page", c.name)
		}
	}
	if q := f.last(); q["login"] != "ann@warmmail.example" || q["password"] != "<secret> & "+aPassword || q["client_ip"] != "127.0.0.1" {
		t.Errorf("asked: %v", q)
	}
}

// What each answer of gate means to a session. An answer that does not come lets nobody in and signs nobody out.
func TestEveryPageAsksTheGate(t *testing.T) {
	t.Parallel()
	s, f := openLogin(t)
	for _, c := range []struct {
		name   string
		status int
		answer string
		want   int
		says   string
		ends   bool
	}{
		{"live", 200, passing, 200, "You are signed in", false},
		{"dead by a breach", 200, `{"credential":"dead","session":"dead","reason":"breach","incident":"x"}`, 200, "After a breach", true},
		{"dead by a change", 200, `{"credential":"live","session":"dead"}`, 200, "Your password was changed", true},
		{"session kept", 200, `{"credential":"dead","session":"live","reason":"breach"}`, 200, "no longer works", false},
		{"unknown", 200, `{"credential":"unknown","session":"unknown"}`, 200, "You were signed out", true},
		{"lockdown", 200, `{"credential":"live","session":"live","locked":true}`, 503, "closed for now", false},
		{"down", 503, `{}`, 503, "you stay signed in", false},
	} {
		resp, _ := s.signIn()
		cookie := resp.Cookies()[0]
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || len(cookie.Value) < 26 {
			t.Errorf("cookie: %v", cookie)
		}
		f.tell("/v1/gate", c.status, c.answer)
		resp, body := s.home(cookie)
		if resp.StatusCode != c.want || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d\n%s", c.name, resp.StatusCode, body)
		}
		if q := f.last(); q["subject"] != "pass-0000000" || q["session_issued_at"] != 1700000000.0 {
			t.Errorf("%s asked: %v", c.name, q)
		}
		f.tell("/v1/gate", 200, passing)
		if _, body := s.home(cookie); strings.Contains(body, "You are signed in") == c.ends {
			t.Errorf("%s: ended must be %t", c.name, c.ends)
		}
	}
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	s, _ := openLogin(t)
	resp, _ := s.signIn()
	cookie := resp.Cookies()[0]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(cookie)
	if resp, _ := s.do(r); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", resp.StatusCode)
	}
	if _, body := s.home(cookie); strings.Contains(body, "You are signed in") {
		t.Error("still signed in")
	}
}

func TestOtherSitesCannotSignAnybodyIn(t *testing.T) {
	t.Parallel()
	s, f := openLogin(t)
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if resp, _ := s.signIn(headers...); resp.StatusCode != http.StatusForbidden || len(f.asked) != 0 {
			t.Errorf("%v: %d", headers, resp.StatusCode)
		}
	}
}

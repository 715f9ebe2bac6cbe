package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/internal/token"
)

// The keys of the fake clients. Both are as long as real ones.
const (
	loginKey  = "rekey_LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL"
	importKey = "rekey_IIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII"
	publicURL = "https://rekey.example"
)

// fake is every use case at once. What it answers is set before a request, what it was asked is read after.
type fake struct {
	client.Store
	mu       sync.Mutex
	verdict  account.Verdict
	token    reset.Introspection
	profile  account.Profile
	change   account.Change
	err      error
	lookUps  int // of keys
	revoked  bool
	asked    any
	actor    audit.Actor
	deadline bool // the last call had one, and no cancellation but it
}

func (f *fake) note(ctx context.Context, asked any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, f.deadline = ctx.Deadline()
	f.deadline = f.deadline && ctx.Err() == nil
	f.asked = asked
	return f.err
}

func (f *fake) Verify(ctx context.Context, r account.VerifyRequest) (account.Verdict, error) {
	return f.verdict, f.note(ctx, r)
}

func (f *fake) Check(ctx context.Context, keySHA256 []byte, checks []account.GateCheck) ([]account.GateAnswer, error) {
	f.mu.Lock()
	f.lookUps++
	f.mu.Unlock()
	if f.revoked {
		return nil, client.ErrUnknownKey
	}
	switch string(keySHA256) {
	case string(client.HashKey(loginKey)):
	case string(client.HashKey(importKey)):
		return nil, client.ErrScope
	default:
		return nil, client.ErrUnknownKey
	}
	answers := make([]account.GateAnswer, len(checks))
	for i, c := range checks {
		answers[i] = account.GateAnswer{Subject: c.Subject, Credential: "live"}
		if c.SessionIssuedAt != nil {
			answers[i].Session = "live"
		}
	}
	return answers, f.note(ctx, checks)
}

func (f *fake) Introspect(ctx context.Context, text string) (reset.Introspection, error) {
	return f.token, f.note(ctx, text)
}

func (f *fake) Put(ctx context.Context, r account.PutRequest, actor audit.Actor) (account.Change, error) {
	f.actor = actor
	return f.change, f.note(ctx, r)
}

func (f *fake) SetPasswordHash(ctx context.Context, r account.PasswordRequest, actor audit.Actor) (account.Change, error) {
	f.actor = actor
	return f.change, f.note(ctx, r)
}

func (f *fake) Get(ctx context.Context, subject string) (account.Profile, error) {
	return f.profile, f.note(ctx, subject)
}

func (f *fake) Delete(ctx context.Context, subject string, actor audit.Actor) (account.Change, error) {
	f.actor = actor
	return f.change, f.note(ctx, subject)
}

func (f *fake) ClientByKey(_ context.Context, keySHA256 []byte) (client.Client, bool, error) {
	f.mu.Lock()
	f.lookUps++
	f.mu.Unlock()
	switch string(keySHA256) {
	case string(client.HashKey(loginKey)):
		return client.Client{ID: 1, Name: "shop", Scope: client.ScopeLogin}, true, nil
	case string(client.HashKey(importKey)):
		return client.Client{ID: 2, Name: "sync", Scope: client.ScopeImport}, true, nil
	}
	return client.Client{}, false, nil
}

// site is a whole engine with the API on it.
type site struct {
	*fake
	engine *gin.Engine
	limits *ratelimit.Memory
	log    *strings.Builder
}

func open(t testing.TB, change ...func(*api.Options)) *site {
	t.Helper()
	f := &fake{verdict: account.Verdict{Result: account.ResultInvalid}}
	f.change = account.Change{Outcome: account.Unchanged, Version: 1}
	s := &site{fake: f, limits: ratelimit.NewMemory(1000, nil), log: &strings.Builder{}}
	master := secret.NewMaster()
	o := api.Options{
		Verifier: f, Gater: f, Introspector: f, Accounts: f, Clients: f, Limits: s.limits,
		JWKS:      func(context.Context) ([]byte, error) { return []byte(jwks(t)), f.err },
		LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC("test", parts...) }),
		PublicURL: publicURL, Version: "dev",
	}
	for _, c := range change {
		c(&o)
	}
	a, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.engine = engine(t, a, s.log)
	return s
}

func engine(t testing.TB, a *api.API, log io.Writer) *gin.Engine {
	t.Helper()
	e, err := server.New(server.Options{Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	a.Routes(e)
	return e
}

func jwks(t testing.TB) string {
	t.Helper()
	key, err := token.NewKey(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(publicURL, []token.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	text, err := ring.JWKS(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// send asks with a key; a body makes it JSON, and change may make anything else of it.
func send(h http.Handler, method, path, key, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func read[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

const verifyBody = `{"login":"ann@example.org","password":"PASSWORD1"}`

// Each result has exactly its own fields.
func TestVerifyResults(t *testing.T) {
	t.Parallel()
	s := open(t)
	whole := account.Verdict{Subject: "u-1", Version: 3, AuthenticatedAt: 20, Incident: "june", ResetURL: publicURL + "/forgot"}
	for result, want := range map[string]string{
		"ok":             `{"result":"ok","subject":"u-1","credential_version":3,"authenticated_at":20,"not_before":0}`,
		"reset_required": `{"result":"reset_required","reason":"breach","incident":"june","reset_url":"https://rekey.example/forgot"}`,
		"invalid":        `{"result":"invalid"}`,
		"locked":         `{"result":"locked"}`,
	} {
		s.verdict = whole
		s.verdict.Result = result
		w := send(s.engine, "POST", "/v1/login/verify", loginKey, verifyBody)
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s, want %s", result, w.Code, w.Header(), w.Body, want)
		}
	}
	s.verdict.Result = "maybe"
	if w := send(s.engine, "POST", "/v1/login/verify", loginKey, verifyBody); w.Code != 500 {
		t.Errorf("a result nobody knows: %d", w.Code)
	}
}

// Whoever hangs up gets no look for nothing: the work goes on, and ends in time.
func TestHangingUpDodgesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, call := range [][4]string{
		{"POST", "/v1/login/verify", loginKey, verifyBody}, {"POST", "/v1/gate", loginKey, `{"subject":"u"}`}, {"PUT", "/v1/accounts/u", importKey, `{}`},
	} {
		s.asked = nil
		send(s.engine, call[0], call[1], call[2], call[3], func(r *http.Request) { *r = *r.WithContext(gone) })
		if s.asked == nil || !s.deadline {
			t.Errorf("%s %s: asked %v, with a deadline of its own: %v", call[0], call[1], s.asked, s.deadline)
		}
	}
}

// Every failure of a use case has its status, its wait and nothing else; the cause is logged and not shown.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		err    error
		status int
		wait   string
	}{
		{problem.Retry(problem.Limited, "Slow down.", 90*time.Second), 429, "90"},
		{problem.Retry(problem.Unavailable, "Full.", time.Second), 503, "1"},
		{problem.Wrap(problem.Unavailable, "Away.", errors.New("CAUSE")), 503, "2"},
		{context.DeadlineExceeded, 503, "2"},
		{problem.New(problem.Invalid, "No."), 400, ""},
		{errors.New("CAUSE"), 500, ""},
	} {
		s.err = c.err
		for _, call := range [][4]string{
			{"POST", "/v1/login/verify", loginKey, verifyBody}, {"POST", "/v1/gate", loginKey, `{"subject":"u"}`},
			{"PUT", "/v1/accounts/u", importKey, `{}`}, {"GET", "/v1/accounts/u", importKey, ""}, {"GET", "/.well-known/jwks.json", "", ""},
		} {
			w := send(s.engine, call[0], call[1], call[2], call[3])
			if w.Code != c.status || w.Header().Get("Retry-After") != c.wait || w.Header().Get("Content-Type") != problem.ContentType ||
				w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "CAUSE") {
				t.Errorf("%s %s with %v: %d %v %s", call[0], call[1], c.err, w.Code, w.Header(), w.Body)
			}
		}
	}
}

func TestIntrospect(t *testing.T) {
	t.Parallel()
	s := open(t)
	asForm := func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	ask := func(body string) *httptest.ResponseRecorder {
		return send(s.engine, "POST", "/v1/introspect", loginKey, body, asForm)
	}
	if w := ask("token=TOKEN1"); w.Code != 200 || w.Body.String() != `{"active":false}` || s.asked != "TOKEN1" {
		t.Errorf("a token that is not live: %d %s, asked %v", w.Code, w.Body, s.asked)
	}
	at := time.Unix(1308297601, 0)
	s.token = reset.Introspection{Active: true, Subject: "u-1", Claims: token.Claims{Account: 9, Campaign: 7, Version: 2, ID: "jti", IssuedAt: at, ExpiresAt: at.Add(time.Hour)}}
	const live = `{"active":true,"sub":"u-1","iss":"https://rekey.example","aud":"https://rekey.example/reset","iat":1308297601,"exp":1308301201,"jti":"jti","token_type":"reset+jwt","cid":7}`
	if w := ask("token=T&token_type_hint=reset%2Bjwt&client_id=x"); w.Code != 200 || w.Body.String() != live {
		t.Errorf("a live token: %d %s", w.Code, w.Body)
	}
	s.token.Claims.Campaign = 0
	if w := ask("token=T"); strings.Contains(w.Body.String(), "cid") {
		t.Errorf("a token of no campaign: %s", w.Body)
	}
	for _, body := range []string{"", "token=", "token=a&token=b", "Token=a", "token=a;b=c", "token=%zz"} {
		if w := ask(body); w.Code != 400 {
			t.Errorf("form %q: %d", body, w.Code)
		}
	}
	if w := send(s.engine, "POST", "/v1/introspect", loginKey, `{"token":"a"}`); w.Code != 400 {
		t.Errorf("JSON: %d", w.Code)
	}
	if w := send(s.engine, "POST", "/v1/introspect?token=a", loginKey, "token=a", asForm); w.Code != 400 {
		t.Errorf("query and body: %d", w.Code)
	}
	if w := ask("token=" + strings.Repeat("a", 8<<10)); w.Code != 413 {
		t.Errorf("a form over the cap: %d", w.Code)
	}
}

func TestBodyCaps(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		method, path, key string
		most              int
	}{
		{"POST", "/v1/login/verify", loginKey, 8 << 10}, {"POST", "/v1/gate", loginKey, 4 << 10}, {"POST", "/v1/gate/batch", loginKey, 256 << 10},
		{"PUT", "/v1/accounts/u", importKey, 8 << 10}, {"PUT", "/v1/accounts/u/password", importKey, 8 << 10},
	} {
		for extra, want := range map[int]bool{0: false, 1: true} {
			for _, announced := range []bool{true, false} {
				w := send(s.engine, c.method, c.path, c.key, strings.Repeat(" ", c.most+extra), func(r *http.Request) {
					if !announced {
						r.ContentLength = -1
					}
				})
				if (w.Code == 413) != want || w.Code == 200 {
					t.Errorf("%s with %d bytes: %d", c.path, c.most+extra, w.Code)
				}
			}
		}
	}
}

// Everything that is secret is sent wrongly and rightly; none of it is in any answer to a refusal, nor in the log at its most talkative.
func TestNothingSecretIsShownOrLogged(t *testing.T) {
	t.Parallel()
	s := open(t)
	secrets := []string{"PASSWORD", "SECRET", "rekey_", "aGFzaA"}
	for _, c := range [][4]string{
		{"POST", "/v1/login/verify", loginKey, verifyBody},
		{"POST", "/v1/login/verify", loginKey, `{"login":"a","password":{"SECRET1":"PASSWORD2"}}`},
		{"POST", "/v1/login/verify", loginKey, `{"login":"a","SECRET2":1,"password":"PASSWORD3"}`},
		{"POST", "/v1/login/verify", loginKey, `{"login":"a","password":"PASSWORD4","client_ip":"SECRET3"}`},
		{"POST", "/v1/login/verify", loginKey, `{"login":"a","password":"PASSWORD4"`},
		{"POST", "/v1/login/verify", "rekey_SECRET4", verifyBody},
		{"POST", "/v1/gate?token=SECRET5", loginKey, `{"subject":"SECRET6"}`},
		{"POST", "/v1/gate/batch", loginKey, `{"checks":[{"subject":"a"},{"subject":["SECRET7"]}]}`},
		{"PUT", "/v1/accounts/u/password", importKey, `{"password_hash":"$5$SECRET8$aGFzaA","password_set_at":"SECRET9"}`},
		{"PUT", "/v1/accounts/u/password", loginKey, `{"password_hash":"$5$SECRET8$aGFzaA"}`},
		{"POST", "/v1/introspect", loginKey, `SECRET10`},
	} {
		w := send(s.engine, c[0], c[1], c[2], c[3])
		if w.Code >= 500 {
			t.Errorf("%v: %d", c, w.Code)
		}
		for _, word := range secrets {
			if strings.Contains(w.Body.String(), word) {
				t.Errorf("%v is answered with %s", c, w.Body)
			}
		}
	}
	for _, word := range secrets {
		if strings.Contains(s.log.String(), word) {
			t.Errorf("the log holds %s:\n%s", word, s.log)
		}
	}
}

func TestPublicAnswers(t *testing.T) {
	t.Parallel()
	s := open(t)
	for path, want := range map[string][2]string{
		"/.well-known/jwks.json": {"application/jwk-set+json", "public, max-age=60"},
		"/openapi.json":          {"application/json", "public, max-age=300"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := send(s.engine, method, path, "", "")
			if w.Code != 200 || w.Header().Get("Content-Type") != want[0] || w.Header().Get("Cache-Control") != want[1] {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
		}
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := api.New(api.Options{PublicURL: publicURL}); err == nil {
		t.Error("an API of nothing was made")
	}
}

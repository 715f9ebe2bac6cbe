package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var tester = audit.Actor{Kind: audit.KindCLI, Name: "test"}

const right, wrong = "correct horse battery", "correct horse bakery"

// house is the API on real parts, with a client of each scope.
type house struct {
	*testing.T
	store         *store.Store
	hasher        *password.Hasher
	admission     *password.Admission
	keys          *reset.Keys
	campaigns     *campaign.Campaigns
	engine        *gin.Engine
	login, sync   string // client keys
	statementsLog *statements
}

// hashMemory is room for a few hashes; there is no queue behind it.
const hashMemory = 64 << 20

func build(t *testing.T, s *store.Store, log *statements) *house {
	t.Helper()
	h := &house{T: t, store: s, statementsLog: log, campaigns: campaign.On(s, account.EmailKey, nil)}
	master := secret.NewMaster()
	h.keys = reset.NewKeys(s, master, publicURL)
	h.must(h.keys.Ensure(t.Context(), tester))
	var err error
	h.hasher, err = password.NewHasher(password.DefaultParams())
	h.must(err)
	h.admission, err = password.NewAdmission(hashMemory, h.hasher.Memory(), 0, time.Minute)
	h.must(err)
	limits := ratelimit.NewLayered(ratelimit.NewMemory(10_000, nil), s.Limits(), nil)
	keyer := ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC("limits", parts...) })
	a, err := api.New(api.Options{
		Verifier: &account.Verifier{Store: s, Hasher: h.hasher, Admission: h.admission, Floor: account.NewFloor(h.hasher, h.admission),
			Limits: limits, Keys: keyer, Master: master, ResetURL: publicURL + "/forgot"},
		Gater:        &account.Gater{Store: s, Limits: limits, Keys: keyer},
		Introspector: &reset.Service{Store: s, Keys: h.keys, Limits: limits, LimitKeys: keyer},
		Accounts:     account.NewDirectory(s), Clients: s, Limits: limits, LimitKeys: keyer, PublicURL: publicURL, Version: "test",
		JWKS: func(ctx context.Context) ([]byte, error) {
			ring, err := h.keys.Ring(ctx)
			if err != nil {
				return nil, err
			}
			return ring.JWKS(time.Now())
		},
	})
	h.must(err)
	h.engine = engine(t, a, &strings.Builder{})
	_, h.login, err = client.Create(t.Context(), s, "shop", client.ScopeLogin, tester)
	h.must(err)
	_, h.sync, err = client.Create(t.Context(), s, "sync", client.ScopeImport, tester)
	h.must(err)
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// put stores an account through the API; an empty hash leaves it without a password.
func (h *house) put(subject, hash string) {
	h.Helper()
	body := fmt.Sprintf(`{"email":"%s@example.org"}`, subject)
	if hash != "" {
		body = fmt.Sprintf(`{"email":"%s@example.org","password_hash":"%s","password_set_at":1308297601}`, subject, hash)
	}
	if w := send(h.engine, "PUT", "/v1/accounts/"+subject, h.sync, body); w.Code != 200 || read[api.AccountChange](h.T, w).Outcome != account.Inserted {
		h.Fatalf("putting %s: %d %s", subject, w.Code, w.Body)
	}
}

func (h *house) hash(pw string) string {
	h.Helper()
	hash, err := h.hasher.Hash(pw)
	h.must(err)
	return hash
}

// disable does to an account what its hundredth wrong password would.
func (h *house) disable(subject string) {
	h.Helper()
	l, _, err := h.store.LoginFor(h.Context(), false, subject)
	h.must(err)
	h.must(h.store.CountFailure(h.Context(), account.Failure{Key: []byte(subject), Password: []byte("12345678"), Account: l.ID, Max: 1,
		Entry: audit.New(tester, audit.AccountDisable, "account:"+subject, nil)}))
}

func (h *house) breach(keepSessions bool) int64 {
	h.Helper()
	k, err := h.campaigns.Create(h.Context(), campaign.CreateRequest{Incident: "june-2011", Scope: campaign.Everyone, KeepSessions: keepSessions}, tester)
	h.must(err)
	_, err = h.campaigns.Prepare(h.Context(), k.ID, tester)
	h.must(err)
	_, err = h.campaigns.Activate(h.Context(), k.ID, campaign.ActivateRequest{}, tester)
	h.must(err)
	return k.ID
}

func (h *house) verify(login, pw string) *httptest.ResponseRecorder {
	return send(h.engine, "POST", "/v1/login/verify", h.login, fmt.Sprintf(`{"login":"%s@example.org","password":"%s"}`, login, pw))
}

func (h *house) gate(subject string, issuedAt int64) api.GateAnswer {
	h.Helper()
	w := send(h.engine, "POST", "/v1/gate", h.login, fmt.Sprintf(`{"subject":"%s","session_issued_at":%d}`, subject, issuedAt))
	if w.Code != 200 {
		h.Fatalf("gate: %d %s", w.Code, w.Body)
	}
	return read[api.GateAnswer](h.T, w)
}

// The main job as the login service sees it: in, dead, locked, changed by the member, revoked.
func TestLoginServiceThroughABreach(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := build(t, s, nil)
		h.put("ann", h.hash(right))
		h.put("sso", "")
		ok := read[api.VerifyOK](t, h.verify("ann", right))
		if ok.Result != "ok" || ok.Subject != "ann" || ok.CredentialVersion != 1 || ok.AuthenticatedAt < time.Now().Unix()-60 || ok.NotBefore != 0 {
			t.Fatalf("verify before the breach: %+v", ok)
		}
		want := api.GateAnswer{Subject: "ann", Credential: "live", Session: "live"}
		if d := cmp.Diff(want, h.gate("ann", ok.AuthenticatedAt)); d != "" {
			t.Errorf("gate before the breach (-want +got):\n%s", d)
		}

		id := h.breach(false)
		const dead = `{"result":"reset_required","reason":"breach","incident":"june-2011","reset_url":"https://rekey.example/forgot"}`
		if w := h.verify("ann", right); w.Body.String() != dead {
			t.Errorf("the dead password: %d %s", w.Code, w.Body)
		}
		if w := h.verify("ann", wrong); w.Body.String() != `{"result":"invalid"}` {
			t.Errorf("a wrong one beside it: %d %s", w.Code, w.Body)
		}
		got := h.gate("ann", ok.AuthenticatedAt)
		if got.NotBefore < ok.AuthenticatedAt {
			t.Errorf("not_before %d is earlier than the session of %d", got.NotBefore, ok.AuthenticatedAt)
		}
		want = api.GateAnswer{Subject: "ann", Credential: "dead", Session: "dead", NotBefore: got.NotBefore, Reason: "breach", Incident: "june-2011", CoveredBy: id}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("gate after the breach (-want +got):\n%s", d)
		}
		h.batch(id, got.NotBefore)

		refused := send(h.engine, "PUT", "/v1/accounts/ann/password", h.sync, fmt.Sprintf(`{"password_hash":"%s"}`, h.hash("another new one")))
		if d := read[problem.Details](t, refused); refused.Code != 422 || d.Code != "dead_password" {
			t.Errorf("replacing a dead password unasked: %d %s", refused.Code, refused.Body)
		}
		h.inLockdown()
		changed := send(h.engine, "PUT", "/v1/accounts/ann/password", h.sync, fmt.Sprintf(`{"password_hash":"%s","allow_revive":true}`, h.hash("another new one")))
		if c := read[api.AccountChange](t, changed); changed.Code != 200 || c.Outcome != "updated" || !c.Revived || c.CredentialVersion != 2 {
			t.Errorf("replacing it knowingly: %d %s", changed.Code, changed.Body)
		}
		again := read[api.VerifyOK](t, h.verify("ann", "another new one"))
		if again.Result != "ok" || again.AuthenticatedAt <= again.NotBefore || again.NotBefore == 0 {
			t.Errorf("verify after the change: %+v", again)
		}
		if g := h.gate("ann", again.AuthenticatedAt); g.Credential != "live" || g.Session != "live" {
			t.Errorf("gate after the change: %+v", g)
		}
		h.deleteAndRevoke()
	})
}

// batch asks for each kind of account at once.
func (h *house) batch(campaignID, notBefore int64) {
	h.Helper()
	w := send(h.engine, "POST", "/v1/gate/batch", h.login, `{"checks":[{"subject":"nobody","session_issued_at":1},{"subject":"sso","session_issued_at":99999999999},{"subject":"ann"},{"subject":"nobody"}]}`)
	want := []api.GateAnswer{
		{Subject: "nobody", Credential: "unknown", Session: "unknown"},
		{Subject: "sso", Credential: "none", Session: "live", NotBefore: notBefore, CoveredBy: campaignID},
		{Subject: "ann", Credential: "dead", NotBefore: notBefore, Reason: "breach", Incident: "june-2011", CoveredBy: campaignID},
		{Subject: "nobody", Credential: "unknown"},
	}
	if d := cmp.Diff(want, read[api.GateBatchAnswer](h.T, w).Results); d != "" || w.Code != 200 {
		h.Errorf("batch: %d (-want +got):\n%s", w.Code, d)
	}
}

func (h *house) inLockdown() {
	h.Helper()
	_, err := h.campaigns.LockdownOn(h.Context(), "we look first", tester)
	h.must(err)
	full, _ := h.hasher.Count()
	for _, login := range []string{"ann", "nobody"} {
		if w := h.verify(login, right); w.Code != 200 || w.Body.String() != `{"result":"locked"}` {
			h.Errorf("verify of %s while locked down: %d %s", login, w.Code, w.Body)
		}
	}
	if after, _ := h.hasher.Count(); after != full {
		h.Error("a verify hashed while locked down")
	}
	if g := h.gate("nobody", 1); !g.Locked || g.Credential != "unknown" {
		h.Errorf("gate while locked down: %+v", g)
	}
	_, err = h.campaigns.LockdownOff(h.Context(), "all is well", tester)
	h.must(err)
}

func (h *house) deleteAndRevoke() {
	h.Helper()
	before := read[api.AccountProfile](h.T, send(h.engine, "GET", "/v1/accounts/ann", h.sync, ""))
	if before.Credential != "live" || before.Email != "ann@example.org" || before.PasswordSource != "api" || before.CredentialVersion != 2 {
		h.Errorf("the account: %+v", before)
	}
	for _, outcome := range []string{"deleted", "unchanged"} {
		w := send(h.engine, "DELETE", "/v1/accounts/ann", h.sync, "")
		if c := read[api.AccountChange](h.T, w); w.Code != 200 || c.Outcome != outcome || c.CredentialVersion != 3 {
			h.Errorf("deleting: %d %s, want %s", w.Code, w.Body, outcome)
		}
	}
	after := send(h.engine, "GET", "/v1/accounts/ann", h.sync, "")
	if p := read[api.AccountProfile](h.T, after); p.Credential != "unknown" || p.DeletedAt == nil || strings.Contains(after.Body.String(), "example.org") {
		h.Errorf("the deleted account: %s", after.Body)
	}
	if w := send(h.engine, "DELETE", "/v1/accounts/nobody", h.sync, ""); w.Code != 200 || read[api.AccountChange](h.T, w).Outcome != "unknown" {
		h.Errorf("deleting nobody: %d %s", w.Code, w.Body)
	}
	_, err := client.Revoke(h.Context(), h.store, "shop", tester)
	h.must(err)
	for _, w := range []*httptest.ResponseRecorder{h.verify("ann", right), send(h.engine, "POST", "/v1/gate", h.login, `{"subject":"ann"}`)} {
		if w.Code != http.StatusUnauthorized {
			h.Errorf("a revoked key: %d %s", w.Code, w.Body)
		}
	}
}

// A campaign may spare the sessions, whose passwords are dead all the same.
func TestKeptSessions(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, store.Options{})
	h := build(t, s, nil)
	h.put("ann", h.hash(right))
	h.breach(true)
	if g := h.gate("ann", 1308297601); g.Credential != "dead" || g.Session != "live" || g.NotBefore != 0 {
		t.Errorf("%+v", g)
	}
}

func TestIntrospectRealTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := build(t, s, nil)
		h.put("ann", h.hash(right))
		l, _, err := s.LoginFor(t.Context(), false, "ann")
		h.must(err)
		ring, err := h.keys.Ring(t.Context())
		h.must(err)
		text, claims, err := ring.Mint(l.ID, 0, l.Version, 0, time.Now(), time.Hour)
		h.must(err)
		expired, _, err := ring.Mint(l.ID, 0, l.Version, 0, time.Now().Add(-2*time.Hour), time.Hour)
		h.must(err)
		ask := func(token string) string {
			return send(h.engine, "POST", "/v1/introspect", h.login, "token="+token, formIfIntrospect).Body.String()
		}
		live := fmt.Sprintf(`{"active":true,"sub":"ann","iss":"%s","aud":"%[1]s/reset","iat":%d,"exp":%d,"jti":"%s","token_type":"reset+jwt"}`,
			publicURL, claims.IssuedAt.Unix(), claims.ExpiresAt.Unix(), claims.ID)
		if got := ask(text); got != live {
			t.Errorf("live: %s, want %s", got, live)
		}
		for name, token := range map[string]string{"expired": expired, "damaged": text[:len(text)-4] + "AAAA", "nonsense": "x", "long": strings.Repeat("x", 5000)} {
			if got := ask(token); got != `{"active":false}` {
				t.Errorf("%s: %s", name, got)
			}
		}
		h.breach(false) // a newer activation ends every token before it
		if got := ask(text); got != `{"active":false}` {
			t.Errorf("superseded: %s", got)
		}
		w := send(h.engine, "GET", "/.well-known/jwks.json", "", "")
		if keys := read[api.KeySet](t, w).Keys; len(keys) != 1 || keys[0].ID != claims.KeyID || strings.Contains(w.Body.String(), `"d"`) {
			t.Errorf("the key set: %s", w.Body)
		}
	})
}

// statements is a log handler that counts what the database did.
type statements struct {
	slog.Handler
	mu   sync.Mutex
	seen []string
}

func (s *statements) Enabled(context.Context, slog.Level) bool { return true }

func (s *statements) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "sql" {
		return nil
	}
	what := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		what[a.Key] = a.Value.String()
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, strings.Join(strings.Fields(what["statement"]), " ")+" rows "+what["rows"])
	return nil
}

func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.seen = nil }()
	return s.seen
}

// work is everything one request did that a watch could measure, and what it was answered.
type work struct {
	Status     int
	Header     http.Header
	Body       string
	Statements []string
	Full       int64 // hashes of today's cost
}

// measure asks once. A comparison with a dear stored hash is a full one; beside a cheap one or none a full one is made.
func (h *house) measure(login, pw string, dear bool) work {
	before, comparedBefore := h.hasher.Count()
	h.statementsLog.take()
	w := h.verify(login, pw)
	full, compared := h.hasher.Count()
	header := w.Header().Clone()
	header.Del("X-Request-Id")
	done := work{w.Code, header, w.Body.String(), h.statementsLog.take(), full - before}
	if dear {
		done.Full += compared - comparedBefore
	}
	return done
}

// Invariant 3 as work: nobody can tell from answer, statements, rows or hashes which kind of wrong it was.
func TestInvalidIsOneAnswerAndOneWork(t *testing.T) {
	t.Parallel()
	for _, open := range []func(testing.TB, store.Options) *store.Store{storetest.SQLite, storetest.Postgres} {
		log := &statements{Handler: slog.DiscardHandler}
		h := build(t, open(t, store.Options{Logger: slog.New(log), LogSQL: true}), log)
		h.put("known", h.hash(right))
		h.put("sso", "")
		h.put("disabled", h.hash(right))
		h.put("cheap", "{SSHA}UxuLmFBOb/j+86RZYHM/ND0HgqIBAgMEBQYHCA==")
		h.put("strange", "nobody knows this form")
		h.disable("disabled")
		h.verify("warm", wrong)
		want := h.measure("nobody", wrong, false)
		if want.Status != 200 || want.Body != `{"result":"invalid"}` || want.Full != 1 || len(want.Statements) < 4 {
			t.Fatalf("an unknown login: %+v", want)
		}
		for _, c := range []struct {
			login, password string
			dear            bool
		}{
			{"known", wrong, true}, {"sso", right, false}, {"disabled", right, true}, {"cheap", wrong, false}, {"strange", right, false}, {"not an address ", right, false},
		} {
			got := h.measure(c.login, c.password, c.dear)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-unknown +it):\n%s", c.login, d)
			}
		}
	}
}

// Guesses slow down by what was typed, whether there is such an account or not, and whether the last one would have been right.
func TestGuessesAreLimitedAlike(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t, store.Options{}), nil)
	h.put("known", h.hash(right))
	guess := func(login, pw, from string) *httptest.ResponseRecorder {
		w := send(h.engine, "POST", "/v1/login/verify", h.login, fmt.Sprintf(`{"login":"%s@example.org","password":"%s","client_ip":"%s"}`, login, pw, from))
		w.Header().Del("X-Request-Id")
		return w
	}
	var answers []problem.Details
	for _, login := range []string{"known", "nobody"} {
		for i := range ratelimit.VerifyPair.Burst {
			if w := guess(login, fmt.Sprintf("guess %d", i), "192.0.2.1"); w.Body.String() != `{"result":"invalid"}` {
				t.Fatalf("guess %d at %s: %d %s", i, login, w.Code, w.Body)
			}
		}
		w := guess(login, right, "192.0.2.1")
		told := w.Header().Get("RateLimit") // of the key's own limit, and never of the login's
		if wait := w.Header().Get("Retry-After"); w.Code != 429 || len(wait) < 2 || len(wait) > 3 || !strings.HasPrefix(told, `"verify_key";`) {
			t.Errorf("one guess more at %s: %d, Retry-After %s, told %s", login, w.Code, wait, told)
		}
		d := read[problem.Details](t, w)
		d.RequestID = ""
		answers = append(answers, d)
	}
	if d := cmp.Diff(answers[0], answers[1]); d != "" {
		t.Errorf("known (-), unknown (+):\n%s", d)
	}
	if w := guess("known", right, "192.0.2.2"); read[api.VerifyOK](t, w).Result != "ok" {
		t.Errorf("the member elsewhere: %d %s", w.Code, w.Body)
	}
}

// When hashing is full nobody is let in, nothing is held against anybody, and the answer says when to come back.
func TestHashingIsFull(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t, store.Options{}), nil)
	h.put("ann", h.hash(right))
	leave, err := h.admission.Enter(t.Context(), hashMemory)
	h.must(err)
	for range 2 * ratelimit.VerifyLogin.Burst {
		if w := h.verify("ann", right); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	leave()
	if w := h.verify("ann", right); read[api.VerifyOK](t, w).Result != "ok" {
		t.Errorf("when there is room again: %d %s", w.Code, w.Body)
	}
}

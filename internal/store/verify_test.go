package store_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	keys "github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// parked lets something happen after the look-up of a verification and before its last word: all the hash work lies between.
type parked struct {
	*store.Store
	meanwhile func()
}

func (p *parked) LoginFor(ctx context.Context, byEmail bool, key string) (account.Login, bool, error) {
	l, ok, err := p.Store.LoginFor(ctx, byEmail, key)
	if meanwhile := p.meanwhile; meanwhile != nil {
		p.meanwhile = nil
		meanwhile()
	}
	return l, ok, err
}

const rightPassword = "correct horse battery"

// newVerifier has limits in memory and hashing as shipped.
func newVerifier(t testing.TB, s account.VerifyStore, upgrade account.Upgrader) *account.Verifier {
	t.Helper()
	hasher, err := password.NewHasher(password.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	admission, err := password.NewAdmission(256<<20, hasher.Memory(), 1000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return &account.Verifier{
		Store: s, Upgrade: upgrade, Hasher: hasher, Admission: admission, Floor: account.NewFloor(hasher, admission),
		Limits: ratelimit.NewMemory(1000, time.Now), Keys: ratelimit.NewKeyer(func(parts ...string) []byte { return []byte(fmt.Sprintf("%-32q", parts)) }),
		Master: secret.NewMaster(), ResetURL: "https://accounts.example.com/forgot",
	}
}

// addPassword stores an account with the right password.
func addPassword(t testing.TB, s *store.Store, v *account.Verifier, subject string, setAt time.Time) int64 {
	t.Helper()
	id := addAccount(t, s, subject, setAt)
	hash, err := v.Hasher.Hash(rightPassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(context.Background(), `UPDATE accounts SET password_hash = ?, password_scheme = ? WHERE id = ?`, hash, v.Hasher.Label(), id); err != nil {
		t.Fatal(err)
	}
	return id
}

func mustVerify(t testing.TB, v *account.Verifier, r account.VerifyRequest) account.Verdict {
	t.Helper()
	verdict, err := v.Verify(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// A verification parked across something that kills the password gives the answer of afterwards, never the one of before.
func TestParkedVerify(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		p := &parked{Store: s}
		v := newVerifier(t, p, nil)
		campaigns := campaign.On(s, nil, nil)
		right := func(subject string) account.VerifyRequest {
			return account.VerifyRequest{Subject: subject, Password: rightPassword}
		}

		addPassword(t, s, v, "activation", time.Now().Add(-time.Hour))
		if got := mustVerify(t, v, right("activation")); got.Result != account.ResultOK || got.AuthenticatedAt == 0 {
			t.Fatalf("before anything: %+v", got)
		}
		p.meanwhile = func() { everyoneKilled(t, s) }
		if got := mustVerify(t, v, right("activation")); got.Result != account.ResultResetRequired || got.Incident != "breach" || got.Subject != "" {
			t.Errorf("across an activation: %+v", got)
		}

		id := addPassword(t, s, v, "reset", time.Now().Add(time.Millisecond))
		epoch := count(t, s, `SELECT epoch FROM credential_status WHERE account_id = ?`, id)
		p.meanwhile = func() {
			if err := s.SetPassword(ctx, resetOf(id, 1, epoch, "another hash")); err != nil {
				t.Error(err)
			}
		}
		if got := mustVerify(t, v, right("reset")); got.Result != account.ResultInvalid {
			t.Errorf("across a reset: %+v", got)
		}

		addPassword(t, s, v, "lockdown", time.Now().Add(time.Millisecond))
		p.meanwhile = func() {
			if _, err := campaigns.LockdownOn(ctx, "test", tester); err != nil {
				t.Error(err)
			}
		}
		if got := mustVerify(t, v, right("lockdown")); got.Result != account.ResultLocked {
			t.Errorf("across a lockdown: %+v", got)
		}
		if got := mustVerify(t, v, right("nobody at all")); got.Result != account.ResultLocked {
			t.Errorf("while locked down everybody is locked: %+v", got)
		}
	})
}

// A session whose login was verified before an activation is dead after it, whatever the clocks and seconds.
func TestSessionOfAnOlderLoginIsDead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		v := newVerifier(t, s, nil)
		id := addPassword(t, s, v, "a", time.Now().Add(-time.Hour))
		_, key, err := createClient(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		session := func(issued int64) string { return session(t, s, v, key, issued) }
		before := mustVerify(t, v, account.VerifyRequest{Login: "a@EXAMPLE.com", Password: rightPassword})
		if session(before.AuthenticatedAt) != "live" {
			t.Fatal("a fresh session is dead")
		}
		everyoneKilled(t, s)
		if session(before.AuthenticatedAt) != "dead" {
			t.Error("the session outlived the activation")
		}
		if err := s.SetPassword(ctx, resetOf(id, 1, 1, mustHash(t, v, "entirely new secret"))); err != nil {
			t.Fatal(err)
		}
		after := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: "entirely new secret"})
		if after.Result != account.ResultOK || after.AuthenticatedAt <= after.NotBefore {
			t.Fatalf("after the reset: %+v", after)
		}
		if session(after.AuthenticatedAt) != "live" || session(before.AuthenticatedAt) != "dead" {
			t.Error("the new session must live and the old one stay dead")
		}
	})
}

// However much happens within one second, a session opened before a reset or an activation is dead after it: sessions are dated in whole seconds, and one
// opened just after such a moment into the next.
func TestSessionsWithinOneSecond(t *testing.T) {
	t.Parallel()
	still := time.Now().UTC().Truncate(time.Second).Add(100 * time.Millisecond)
	storetest.EachWith(t, store.Options{Clock: func(time.Time) time.Time { return still }}, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		v := newVerifier(t, s, nil)
		id := addPassword(t, s, v, "a", still.Add(-time.Hour))
		_, key, err := createClient(ctx, s)
		must(t, err)
		epoch := int64(0)
		var opened []int64
		for round := range int64(4) {
			if round%2 == 1 {
				everyoneKilled(t, s)
				epoch++
			}
			pw := fmt.Sprintf("password of round %d", round)
			must(t, s.SetPassword(ctx, resetOf(id, round+1, epoch, mustHash(t, v, pw))))
			for _, issued := range opened {
				if session(t, s, v, key, issued) != "dead" {
					t.Errorf("round %d: the session of %d is alive", round, issued)
				}
			}
			fresh := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: pw})
			if fresh.Result != account.ResultOK || session(t, s, v, key, fresh.AuthenticatedAt) != "live" {
				t.Fatalf("round %d: %+v", round, fresh)
			}
			opened = append(opened, fresh.AuthenticatedAt)
		}
		everyoneKilled(t, s)
		for _, issued := range opened {
			if session(t, s, v, key, issued) != "dead" {
				t.Errorf("the session of %d outlived the activation", issued)
			}
		}
	})
}

// session is what the gate says of a session of account a.
func session(t *testing.T, s *store.Store, v *account.Verifier, key []byte, issued int64) string {
	t.Helper()
	found, err := s.Gate(t.Context(), key, "login", []string{"a"})
	must(t, err)
	g := account.Gater{Store: fixedGate{found}, Limits: v.Limits, Keys: v.Keys}
	answers, err := g.Check(t.Context(), key, []account.GateCheck{{Subject: "a", SessionIssuedAt: &issued}})
	must(t, err)
	return answers[0].Session
}

type fixedGate struct{ records []account.GateRecord }

func (f fixedGate) Gate(context.Context, []byte, string, []string) ([]account.GateRecord, error) {
	return f.records, nil
}

func createClient(ctx context.Context, s *store.Store) (int64, []byte, error) {
	key := []byte("0123456789abcdef0123456789abcdef")
	c, err := s.CreateClient(ctx, keys.Client{Name: "login site", Scope: keys.ScopeLogin}, key, audit.New(tester, audit.ClientCreate, "client:login site", nil))
	return c.ID, key, err
}

func mustHash(t testing.TB, v *account.Verifier, pw string) string {
	t.Helper()
	hash, err := v.Hasher.Hash(pw)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// 100 different wrong passwords in a row disable the password, whether tried by address or by subject; the same one repeated
// counts once; the right one no longer helps; sessions stay; the member gets one mail; a reset heals it.
func TestConsecutiveFailuresDisable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		v := newVerifier(t, s, nil)
		id := addPassword(t, s, v, "a", time.Now().Add(-time.Hour))
		key := account.FailureKey(v.Master, id)
		fail := func(pw string) {
			t.Helper()
			f := account.Failure{Key: key, Password: []byte(pw)[:min(8, len(pw))], Account: id, Max: account.MaxFailures, Entry: audit.New(tester, audit.AccountDisable, "account:a", nil)}
			if err := s.CountFailure(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			fail("the same")
		}
		for i := range account.MaxFailures - 2 {
			fail(fmt.Sprintf("w%d", i))
		}
		if got := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: rightPassword}); got.Result != account.ResultOK {
			t.Fatalf("99 failures: %+v", got)
		}
		for i := range account.MaxFailures - 1 { // the right password began the count anew
			fail(fmt.Sprintf("x%d", i))
		}
		if got := mustVerify(t, v, account.VerifyRequest{Login: "a@example.com", Password: "wrong", ClientIP: netip.MustParseAddr("192.0.2.1")}); got.Result != account.ResultInvalid {
			t.Fatal(got)
		}
		if got := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: rightPassword}); got.Result != account.ResultInvalid {
			t.Errorf("the right password of a disabled account: %+v", got)
		}
		if n := count(t, s, `SELECT count(*) FROM outbox WHERE kind = 'disabled'`); n != 1 {
			t.Errorf("%d mails", n)
		}
		if !dead(t, s, id) || count(t, s, `SELECT count(*) FROM credential_status WHERE account_id = ? AND not_before IS NOT NULL`, id) != 0 {
			t.Error("disabled means dead, and ends no session")
		}
		healed := resetOf(id, 1, 0, mustHash(t, v, "entirely new secret"))
		healed.FailureKey = key
		if err := s.SetPassword(ctx, healed); err != nil {
			t.Fatal(err)
		}
		if got := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: "entirely new secret"}); got.Result != account.ResultOK {
			t.Errorf("after the reset: %+v", got)
		}
	})
}

// A live legacy hash that proves right gets the strength of new ones, without touching date or version.
func TestLegacyHashIsUpgraded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		v := newVerifier(t, s, s)
		id := addAccount(t, s, "a", time.Now().Add(-time.Hour))
		legacy := "md5$$5f4dcc3b5aa765d61d8327deb882cf99" // password
		if err := s.Exec(context.Background(), `UPDATE accounts SET password_hash = ?, password_scheme = 'django-md5' WHERE id = ?`, legacy, id); err != nil {
			t.Fatal(err)
		}
		before := count(t, s, `SELECT count(*) FROM accounts WHERE credential_version = 1 AND password_set_at IS NOT NULL`)
		for range 2 {
			if got := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: "password"}); got.Result != account.ResultOK {
				t.Fatalf("%+v", got)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM accounts WHERE password_hash LIKE '$argon2id$%' AND password_scheme = ? AND credential_version = 1`, v.Hasher.Label()); n != before {
			t.Errorf("%d upgraded", n)
		}
		everyoneKilled(t, s)
		if got := mustVerify(t, v, account.VerifyRequest{Subject: "a", Password: "password"}); got.Result != account.ResultResetRequired {
			t.Errorf("an upgrade must not save a dead password: %+v", got)
		}
	})
}

// Known and unknown logins take the same statements, rows and hashes (design §6.3).
func TestWrongLoginsCostTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := &work{Store: s}
		v := newVerifier(t, w, nil)
		addPassword(t, s, v, "known", time.Now().Add(-time.Hour))
		addPassword(t, s, v, "disabled", time.Now().Add(-time.Hour))
		addPassword(t, s, v, "dead", time.Now().Add(-time.Hour))
		addAccount(t, s, "sso", time.Now().Add(-time.Hour))
		ctx := context.Background()
		for _, statement := range []string{
			`UPDATE accounts SET disabled_at = created_at WHERE subject = 'disabled'`,
			`UPDATE accounts SET password_hash = NULL, password_scheme = NULL WHERE subject = 'sso'`,
		} {
			if err := s.Exec(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		var want string
		for _, subject := range []string{"unknown", "known", "disabled", "dead", "sso"} {
			w.calls = nil
			hashes, compared := v.Hasher.Count()
			rows := count(t, s, `SELECT count(*) FROM login_failures`)
			if got := mustVerify(t, v, account.VerifyRequest{Subject: subject, Password: "wrong"}); got != (account.Verdict{Result: account.ResultInvalid}) {
				t.Fatalf("%s: %+v", subject, got)
			}
			full, withStored := v.Hasher.Count()
			got := fmt.Sprint(w.calls, " hashes ", full-hashes+withStored-compared, " rows ", count(t, s, `SELECT count(*) FROM login_failures`)-rows)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: %s; an unknown login: %s", subject, got, want)
			}
		}
	})
}

// work notes what verification asks of the database.
type work struct {
	*store.Store
	calls []string
}

func (w *work) Locked(ctx context.Context) (bool, error) {
	w.calls = append(w.calls, "locked")
	return w.Store.Locked(ctx)
}

func (w *work) LoginFor(ctx context.Context, byEmail bool, key string) (account.Login, bool, error) {
	w.calls = append(w.calls, "login")
	return w.Store.LoginFor(ctx, byEmail, key)
}

func (w *work) Judge(ctx context.Context, id, version int64, hash string, failureKey []byte) (account.Judgement, bool, error) {
	w.calls = append(w.calls, "judge")
	return w.Store.Judge(ctx, id, version, hash, failureKey)
}

func (w *work) CountFailure(ctx context.Context, f account.Failure) error {
	w.calls = append(w.calls, "failure")
	return w.Store.CountFailure(ctx, f)
}

func (w *work) Succeeded(ctx context.Context, key []byte) error {
	w.calls = append(w.calls, "succeeded")
	return w.Store.Succeeded(ctx, key)
}

// Errors of verification are about the request, never about the account.
func TestVerifyRefusals(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, store.Options{})
	v := newVerifier(t, s, nil)
	for _, r := range []account.VerifyRequest{{Password: "x"}, {Login: "a@example.com", Subject: "a", Password: "x"}} {
		if _, err := v.Verify(context.Background(), r); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	var last error
	for i := range ratelimit.VerifyPair.Burst + 1 {
		_, last = v.Verify(context.Background(), account.VerifyRequest{Login: "nobody@example.com", Password: fmt.Sprint(i), ClientIP: netip.MustParseAddr("192.0.2.1")})
	}
	if !problem.Is(last, problem.Limited) || problem.RetryAfter(last) <= 0 {
		t.Errorf("over the limit: %v", last)
	}
}

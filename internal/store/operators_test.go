package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	keys "github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// hire adds a person, and gives the key of their invitation.
func hire(t testing.TB, s *store.Store, name string, roles ...operator.Role) (operator.Operator, []byte) {
	t.Helper()
	o, token, err := operator.NewPeople(s).Create(context.Background(), operator.CreateRequest{Name: name, Email: name + "@example.com", Roles: roles}, tester)
	if err != nil {
		t.Fatal(err)
	}
	return o, operator.HashToken(token)
}

// contend runs n at once and counts who won.
func contend(n int, try func(i int) bool) int {
	var won atomic.Int64
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			if try(i) {
				won.Add(1)
			}
		})
	}
	start.Done()
	done.Wait()
	return int(won.Load())
}

func note(action audit.Action) audit.Entry { return audit.New(tester, action, "operator:x", nil) }

func TestOperatorNamesAreNeverGivenTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		people := operator.NewPeople(s)
		hire(t, s, "root", operator.Admin)
		ada, _ := hire(t, s, "ada", operator.Approver, operator.Responder)
		must(t, people.Disable(t.Context(), ada.ID, tester))
		if _, _, err := people.Create(t.Context(), operator.CreateRequest{Name: " ADA ", Email: "a@example.com", Roles: operator.Roles{operator.Auditor}}, tester); !problem.Is(err, problem.Conflict) {
			t.Errorf("a name given again: %v", err)
		}
		for _, bad := range []operator.CreateRequest{
			{Name: "a b", Email: "a@example.com", Roles: operator.Roles{operator.Auditor}}, {Name: "a", Email: "A <a@example.com>", Roles: operator.Roles{operator.Auditor}},
			{Name: "a", Email: "a@example.com"}, {Name: "a", Email: "a@example.com", Roles: operator.Roles{"root"}},
		} {
			if _, _, err := people.Create(t.Context(), bad, tester); !problem.Is(err, problem.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		if err := people.Disable(t.Context(), ada.ID, tester); !problem.Is(err, problem.Conflict) {
			t.Errorf("disabling twice: %v", err)
		}
		if _, err := people.Invite(t.Context(), ada.ID, tester); !problem.Is(err, problem.Conflict) {
			t.Errorf("inviting the disabled: %v", err)
		}
		all := got[[]operator.Operator](t)(people.List(t.Context()))
		if len(all) != 2 || all[0].Name != "ada" || all[0].DisabledAt == nil || !cmp.Equal(all[0].Roles, operator.Roles{operator.Responder, operator.Approver}) || all[0].Enrolled() {
			t.Errorf("operators %+v", all)
		}
		has := got[bool](t)(people.HasApprover(t.Context()))
		if has {
			t.Error("a disabled approver counts")
		}
	})
}

// Two admins who take each other's place away at the same moment, again and again: one stays each time.
func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		people := operator.NewPeople(s)
		left, _ := hire(t, s, "first", operator.Admin)
		for round := range 12 {
			next, _ := hire(t, s, fmt.Sprint("admin", round), operator.Admin)
			ids := []int64{left.ID, next.ID}
			won := contend(2, func(i int) bool {
				var err error
				if (i+round)%2 == 0 {
					err = people.Disable(context.Background(), ids[i], tester)
				} else {
					err = people.SetRoles(context.Background(), ids[i], nil, operator.Roles{operator.Auditor}, tester)
				}
				if err != nil && !problem.Is(err, problem.Conflict) {
					t.Error(err)
				}
				return err == nil
			})
			if won != 1 {
				t.Fatalf("round %d: %d of 2 admins went", round, won)
			}
			if now := got[operator.Operator](t)(s.Operator(t.Context(), left.ID)); now.DisabledAt != nil || !now.Roles.Has(operator.Admin) {
				left = next
			}
		}
	})
}

// One admin's removal stands before its commit; the other's waits for it, and then finds itself to be of the last.
func TestLastAdminWaits(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t, store.Options{})
	people := operator.NewPeople(s)
	ada, _ := hire(t, s, "ada", operator.Admin)
	bob, _ := hire(t, s, "bob", operator.Admin)
	parked, resume := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.SetHooks(false, nil, func(string) error {
		once.Do(func() {
			close(parked)
			<-resume
		})
		return nil
	}, nil)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- people.Disable(context.Background(), ada.ID, tester) }()
	<-parked
	go func() {
		second <- people.SetRoles(context.Background(), bob.ID, nil, operator.Roles{operator.Auditor}, tester)
	}()
	waitForLock(t, s)
	close(resume)
	must(t, <-first)
	if err := <-second; !problem.Is(err, problem.Conflict) {
		t.Errorf("the last admin went: %v", err)
	}
}

func TestRolesAreComparedAndSwapped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o, _ := hire(t, s, "ada", operator.Responder)
		people := operator.NewPeople(s)
		must(t, people.SetRoles(t.Context(), o.ID, o.Roles, operator.Roles{operator.Approver}, tester))
		if err := people.SetRoles(t.Context(), o.ID, o.Roles, operator.Roles{operator.Admin}, tester); !problem.Is(err, problem.Conflict) {
			t.Errorf("roles changed from what they are no more: %v", err)
		}
	})
}

// Of many who use one invitation, and an older one beside it, one is let in, and what they set is what stands.
func TestInvitationIsUsedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o, old := hire(t, s, "ada", operator.Approver)
		token := got[string](t)(operator.NewPeople(s).Invite(t.Context(), o.ID, tester))
		key := operator.HashToken(token)
		var who atomic.Int64
		won := contend(12, func(i int) bool {
			k := key
			if i%3 == 0 {
				k = old
			}
			used, err := s.Enrol(context.Background(), k, operator.Ways{PasswordHash: fmt.Sprintf("$argon2id$%d", i), TOTPSealed: []byte{byte(i)}, TOTPStep: int64(i)}, note(audit.OperatorEnrol))
			if err != nil {
				t.Error(err)
			}
			if used {
				who.Store(int64(i))
			}
			return used
		})
		v, _, err := s.SecretsOf(t.Context(), "ada")
		must(t, err)
		if won != 1 || v.PasswordHash != fmt.Sprintf("$argon2id$%d", who.Load()) || v.TOTPStep != who.Load() || who.Load()%3 == 0 {
			t.Errorf("%d won; %+v, winner %d", won, v, who.Load())
		}
		if _, live, err := s.Invited(t.Context(), key); live || err != nil {
			t.Errorf("a used invitation lives: %v", err)
		}
	})
}

func TestInvitationsEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, key := hire(t, s, "ada", operator.Approver)
		if o, live, err := s.Invited(t.Context(), key); !live || err != nil || o.Name != "ada" {
			t.Fatalf("a fresh invitation: %+v %v %v", o, live, err)
		}
		must(t, s.Exec(t.Context(), `UPDATE operator_invites SET expires_at = ?`, time.Now().Add(-time.Second)))
		if _, live, _ := s.Invited(t.Context(), key); live {
			t.Error("an expired invitation lives")
		}
		if used, err := s.Enrol(t.Context(), key, operator.Ways{PasswordHash: "x"}, note(audit.OperatorEnrol)); used || err != nil {
			t.Errorf("an expired invitation was used: %v", err)
		}
		bob, bobs := hire(t, s, "bob", operator.Approver)
		must(t, operator.NewPeople(s).Disable(t.Context(), bob.ID, tester))
		if used, err := s.Enrol(t.Context(), bobs, operator.Ways{PasswordHash: "x"}, note(audit.OperatorEnrol)); used || err != nil {
			t.Errorf("a disabled operator's invitation was used: %v", err)
		}
	})
}

// A new invitation's use ends what could have been in a thief's hands.
func TestEnrolmentReplacesEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o, key := hire(t, s, "ada", operator.Approver)
		passkey := &operator.Passkey{CredentialID: []byte("one"), Name: "key", Record: "{}"}
		got[bool](t)(s.Enrol(t.Context(), key, operator.Ways{PasswordHash: "x", TOTPSealed: []byte("s"), Passkey: passkey, Issuer: "https://id", Subject: "42"}, note(audit.OperatorEnrol)))
		person := o.Person(time.Now().Add(time.Hour))
		_, token, err := operator.CreateToken(t.Context(), s, person, "script", 0)
		must(t, err)
		must(t, s.SaveSession(t.Context(), []byte("cookie"), operator.Session{Operator: o.ID, Data: []byte("d"), ExpiresAt: time.Now().Add(time.Hour)}))
		again := operator.HashToken(got[string](t)(operator.NewPeople(s).Invite(t.Context(), o.ID, tester)))
		got[bool](t)(s.Enrol(t.Context(), again, operator.Ways{Passkey: &operator.Passkey{CredentialID: []byte("two"), Name: "key", Record: "{}"}}, note(audit.OperatorEnrol)))
		now := got[operator.Operator](t)(s.Operator(t.Context(), o.ID))
		if now.HasPassword || now.HasTOTP || now.OIDC || now.Passkeys != 1 {
			t.Errorf("after the second enrolment %+v", now)
		}
		if _, err := operator.Authenticate(t.Context(), s, token); !errors.Is(err, operator.ErrUnknownToken) {
			t.Errorf("the old token: %v", err)
		}
		if _, live, _ := s.FindSession(t.Context(), []byte("cookie")); live {
			t.Error("the old session lives")
		}
	})
}

func TestTOTPStepIsTakenOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o, key := hire(t, s, "ada", operator.Approver)
		sealed := []byte("sealed")
		got[bool](t)(s.Enrol(t.Context(), key, operator.Ways{PasswordHash: "x", TOTPSealed: sealed, TOTPStep: 10}, note(audit.OperatorEnrol)))
		must(t, s.CountSignInFailure(t.Context(), o.ID, note(audit.OperatorSignIn)))
		if won := contend(10, func(int) bool {
			used, err := s.UseTOTP(context.Background(), o.ID, sealed, 11, note(audit.OperatorSignIn))
			if err != nil {
				t.Error(err)
			}
			return used
		}); won != 1 {
			t.Errorf("%d took one step", won)
		}
		for _, step := range []int64{9, 10, 11} {
			if got[bool](t)(s.UseTOTP(t.Context(), o.ID, sealed, step, note(audit.OperatorSignIn))) {
				t.Errorf("step %d was taken after 11", step)
			}
		}
		if got[bool](t)(s.UseTOTP(t.Context(), o.ID, []byte("other"), 12, note(audit.OperatorSignIn))) {
			t.Error("a code of a secret that was replaced was taken")
		}
		if v, _, _ := s.SecretsOf(t.Context(), "ada"); v.Failures != 0 || v.LastSeenAt == nil {
			t.Errorf("after the sign-in %+v", v)
		}
	})
}

func TestPasskeyAnswersACeremonyOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o, key := hire(t, s, "ada", operator.Approver)
		got[bool](t)(s.Enrol(t.Context(), key, operator.Ways{Passkey: &operator.Passkey{CredentialID: []byte("c"), Name: "key", Record: "0"}}, note(audit.OperatorEnrol)))
		passkey, who, found, err := s.PasskeyBy(t.Context(), []byte("c"))
		if !found || err != nil || who.ID != o.ID {
			t.Fatal(who, found, err)
		}
		use := operator.PasskeyUse{Passkey: passkey.ID, Operator: o.ID, Began: got[time.Time](t)(s.Now(t.Context())), Was: "0", Now: "0"} // an authenticator that does not count
		if won := contend(10, func(int) bool {
			used, err := s.UsePasskey(context.Background(), use, note(audit.OperatorSignIn))
			if err != nil {
				t.Error(err)
			}
			return used
		}); won != 1 {
			t.Errorf("%d answers to one ceremony", won)
		}
		use.Began = got[time.Time](t)(s.Now(t.Context()))
		use.Was = "1"
		if got[bool](t)(s.UsePasskey(t.Context(), use, note(audit.OperatorSignIn))) {
			t.Error("a record that changed meanwhile was replaced")
		}
		use.Was = "0"
		if !got[bool](t)(s.UsePasskey(t.Context(), use, note(audit.OperatorSignIn))) {
			t.Error("a new ceremony was refused")
		}
	})
}

func TestLastWayInStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o, key := hire(t, s, "ada", operator.Approver)
		got[bool](t)(s.Enrol(t.Context(), key, operator.Ways{PasswordHash: "x", TOTPSealed: []byte("s")}, note(audit.OperatorEnrol)))
		remove := func(w operator.Way, passkey int64, issuer string) error {
			return s.RemoveWay(t.Context(), o.ID, w, passkey, issuer, note(audit.OwnPasskeys))
		}
		for _, w := range []operator.Way{operator.ByPassword, operator.ByTOTP} {
			if err := remove(w, 0, ""); !problem.Is(err, problem.Conflict) {
				t.Errorf("removing %s, the last way: %v", w, err)
			}
		}
		must(t, s.AddWay(t.Context(), o.ID, operator.Ways{Issuer: "https://id", Subject: "42"}, note(audit.OwnOIDC)))
		if err := remove(operator.ByTOTP, 0, "https://other"); !problem.Is(err, problem.Conflict) {
			t.Errorf("an identity of a provider that is not set counts: %v", err)
		}
		for _, c := range []string{"a", "b"} {
			must(t, s.AddWay(t.Context(), o.ID, operator.Ways{Passkey: &operator.Passkey{CredentialID: []byte(c), Name: c, Record: "{}"}}, note(audit.OwnPasskeys)))
		}
		if err := s.AddWay(t.Context(), o.ID, operator.Ways{Passkey: &operator.Passkey{CredentialID: []byte("a"), Name: "a", Record: "{}"}}, note(audit.OwnPasskeys)); !problem.Is(err, problem.Conflict) {
			t.Errorf("a passkey twice: %v", err)
		}
		must(t, remove(operator.ByTOTP, 0, ""))
		must(t, remove(operator.ByOIDC, 0, ""))
		must(t, remove(operator.ByPassword, 0, ""))
		if err := remove(operator.ByPassword, 0, ""); !problem.Is(err, problem.NotFound) {
			t.Errorf("removing what is not there: %v", err)
		}
		passkeys := got[[]operator.Passkey](t)(s.Passkeys(t.Context(), o.ID))
		if won := contend(2, func(i int) bool {
			return s.RemoveWay(context.Background(), o.ID, operator.ByPasskey, passkeys[i].ID, "", note(audit.OwnPasskeys)) == nil
		}); won != 1 {
			t.Errorf("%d of the last 2 passkeys were removed at once", won)
		}
	})
}

// One identity has one owner, however many bind it at once.
func TestIdentityIsBoundOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var ids []int64
		for i := range 4 {
			o, _ := hire(t, s, fmt.Sprintf("op%d", i), operator.Auditor)
			ids = append(ids, o.ID)
		}
		bind := func(id int64, subject string) error {
			return s.AddWay(context.Background(), id, operator.Ways{Issuer: "https://id", Subject: subject}, note(audit.OwnOIDC))
		}
		if won := contend(4, func(i int) bool { return bind(ids[i], "one") == nil }); won != 1 {
			t.Errorf("%d own one identity", won)
		}
		free, _ := hire(t, s, "free", operator.Auditor)
		if won := contend(4, func(i int) bool { return bind(free.ID, fmt.Sprint("s", i)) == nil }); won != 1 {
			t.Errorf("one operator has %d identities", won)
		}
		entry := func(operator.Operator) audit.Entry { return note(audit.OperatorSignIn) }
		if _, used, err := s.UseOIDC(t.Context(), "https://id", "one", free.ID, entry); used || err != nil {
			t.Errorf("somebody else's identity was taken: %v", err)
		}
		if o, used, err := s.UseOIDC(t.Context(), "https://id", "one", 0, entry); !used || err != nil || o.ID == free.ID {
			t.Errorf("%+v %v %v", o, used, err)
		}
		if _, used, err := s.UseOIDC(t.Context(), "https://evil", "one", 0, entry); used || err != nil {
			t.Errorf("another issuer's subject was taken: %v", err)
		}
	})
}

// An ended session stays ended, also for a request that saves it after the end.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ada, _ := hire(t, s, "ada", operator.Responder)
		hour := time.Now().Add(time.Hour)
		save := func(cookie string, who int64) error {
			return s.SaveSession(t.Context(), []byte(cookie), operator.Session{Operator: who, Data: []byte(cookie), Client: "192.0.2.1", Agent: "Firefox", ExpiresAt: hour})
		}
		must(t, save("half", 0))
		for _, c := range []string{"a", "b", "c"} {
			must(t, save(c, ada.ID))
		}
		must(t, save("half", ada.ID)) // signed in
		if v, live, err := s.FindSession(t.Context(), []byte("half")); !live || err != nil || v.Operator != ada.ID || !bytes.Equal(v.Data, []byte("half")) || v.Client != "192.0.2.1" {
			t.Errorf("session %+v %v %v", v, live, err)
		}
		must(t, s.DeleteSession(t.Context(), []byte("half")))
		person := ada.Person(time.Time{})
		id := operator.SessionID([]byte("a"))
		if n := got[int64](t)(operator.EndOwn(t.Context(), s, person, id, "")); n != 1 {
			t.Errorf("%d ended", n)
		}
		if _, err := operator.EndOwn(t.Context(), s, person, id, ""); !problem.Is(err, problem.NotFound) {
			t.Errorf("ended twice: %v", err)
		}
		if n := got[int64](t)(operator.EndOwn(t.Context(), s, person, "", operator.SessionID([]byte("b")))); n != 1 {
			t.Errorf("%d others ended", n)
		}
		if left := got[[]operator.Session](t)(operator.Sessions(t.Context(), s, ada.ID)); len(left) != 1 || left[0].ID != operator.SessionID([]byte("b")) {
			t.Errorf("left %+v", left)
		}
		must(t, operator.NewPeople(s).SetRoles(t.Context(), ada.ID, nil, operator.Roles{operator.Auditor}, tester))
		for _, c := range []string{"a", "b", "c", "half"} {
			if _, live, _ := s.FindSession(t.Context(), []byte(c)); live {
				t.Errorf("session %s lives on", c)
			}
			if err := save(c, ada.ID); !errors.Is(err, operator.ErrEnded) {
				t.Errorf("session %s came back: %v", c, err)
			}
		}
		must(t, save("new", ada.ID))
		got[struct{}](t)(struct{}{}, s.Exec(t.Context(), `UPDATE operator_sessions SET expires_at = ?, last_seen_at = ? WHERE token_sha256 = ?`,
			time.Now().Add(-25*time.Hour), time.Now().Add(-25*time.Hour), []byte("a")))
		if n := got[int64](t)(s.SweepSessions(t.Context())); n != 1 {
			t.Errorf("%d swept, want the one that ended a day ago", n)
		}
		must(t, s.Exec(t.Context(), `UPDATE operators SET disabled_at = created_at WHERE id = ?`, ada.ID))
		if _, live, _ := s.FindSession(t.Context(), []byte("new")); live {
			t.Error("a disabled operator's session lives")
		}
	})
}

func TestOperatorTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ada, _ := hire(t, s, "ada", operator.Responder)
		bob, _ := hire(t, s, "bob", operator.Admin)
		person := ada.Person(time.Time{})
		for _, life := range []time.Duration{time.Second, 91 * 24 * time.Hour, -1} {
			if _, _, err := operator.CreateToken(t.Context(), s, person, "x", life); !problem.Is(err, problem.Invalid) {
				t.Errorf("a life of %v: %v", life, err)
			}
		}
		made, token, err := operator.CreateToken(t.Context(), s, person, " my\nscript ", 0)
		must(t, err)
		if len(token) != 4+43 || made.Name != "myscript" {
			t.Errorf("token of %d characters named %q", len(token), made.Name)
		}
		p := got[operator.Principal](t)(operator.Authenticate(t.Context(), s, token))
		if p.ID != ada.ID || p.Token != made.ID || p.Fresh(time.Now()) || !cmp.Equal(p.Roles, ada.Roles) {
			t.Errorf("principal %+v", p)
		}
		if _, err := operator.FreshenToken(t.Context(), s, bob.Person(time.Now()), made.ID); !problem.Is(err, problem.NotFound) {
			t.Errorf("somebody else's token made fresh: %v", err)
		}
		got[time.Time](t)(operator.FreshenToken(t.Context(), s, person, made.ID))
		must(t, operator.NewPeople(s).SetRoles(t.Context(), ada.ID, nil, operator.Roles{operator.Approver}, tester))
		p = got[operator.Principal](t)(operator.Authenticate(t.Context(), s, token))
		if !p.Fresh(time.Now()) || !p.Roles.Has(operator.Approver) {
			t.Errorf("principal now %+v", p)
		}
		used := got[[]operator.Token](t)(s.Tokens(t.Context(), ada.ID))[0].LastUsedAt
		got[operator.Principal](t)(operator.Authenticate(t.Context(), s, token))
		if again := got[[]operator.Token](t)(s.Tokens(t.Context(), ada.ID))[0].LastUsedAt; used == nil || !again.Equal(*used) {
			t.Errorf("last used %v, then %v within the minute", used, again)
		}
		if err := operator.RevokeToken(t.Context(), s, bob.Person(time.Now()), made.ID); !problem.Is(err, problem.NotFound) {
			t.Errorf("somebody else's token revoked: %v", err)
		}
		must(t, operator.RevokeToken(t.Context(), s, person, made.ID))
		_, second, err := operator.CreateToken(t.Context(), s, person, "two", time.Hour)
		must(t, err)
		must(t, s.Exec(t.Context(), `UPDATE operator_tokens SET expires_at = ? WHERE revoked_at IS NULL`, time.Now().Add(-time.Second)))
		for _, dead := range []string{token, second, "rko_" + token[5:], "rekey_" + token[4:], ""} {
			if _, err := operator.Authenticate(t.Context(), s, dead); !errors.Is(err, operator.ErrUnknownToken) {
				t.Errorf("a dead token: %v", err)
			}
		}
	})
}

func TestClientExpiry(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		soon := time.Now().Add(time.Hour)
		past := time.Now().Add(-time.Hour)
		if _, _, err := keys.CreateUntil(t.Context(), s, "late", keys.ScopeLogin, &past, tester); !problem.Is(err, problem.Invalid) {
			t.Errorf("a client that ended before it began: %v", err)
		}
		_, key, err := keys.CreateUntil(t.Context(), s, "site", keys.ScopeLogin, &soon, tester)
		must(t, err)
		gate := func() error {
			_, one := s.Gate(t.Context(), keys.HashKey(key), keys.ScopeLogin, []string{"x"})
			_, two := s.Gate(t.Context(), keys.HashKey(key), keys.ScopeLogin, []string{"x", "y"})
			_, three := keys.Authenticate(t.Context(), s, key, keys.ScopeLogin)
			if (one == nil) != (two == nil) || (one == nil) != (three == nil) {
				t.Errorf("the gates differ: %v, %v, %v", one, two, three)
			}
			return errors.Join(one, two, three)
		}
		must(t, gate())
		uses := keys.NewUses(s)
		for range 3 {
			uses.Saw(keys.HashKey(key))
		}
		must(t, uses.Flush(t.Context()))
		first := got[[]keys.Client](t)(s.Clients(t.Context()))[0]
		if first.LastUsedAt == nil || first.ExpiresAt == nil || !first.ExpiresAt.Equal(store.At(soon)) {
			t.Errorf("client %+v", first)
		}
		must(t, uses.Flush(t.Context()))
		if again := got[[]keys.Client](t)(s.Clients(t.Context()))[0]; !again.LastUsedAt.Equal(*first.LastUsedAt) {
			t.Error("a client that was not used was dated")
		}
		must(t, s.Exec(t.Context(), `UPDATE clients SET expires_at = ?`, time.Now().Add(-time.Second)))
		if err := gate(); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("an expired client: %v", err)
		}
	})
}

// acts are a desk that counts what was done, where log is set as an act that is recorded.
type acts struct {
	basis string
	fail  error
	log   *store.Store
	done  atomic.Int64
}

func (a *acts) Basis(context.Context, approval.Request) (string, error) { return a.basis, nil }

func (a *acts) CarryOut(ctx context.Context, _ approval.Request, _ operator.Principal) error {
	if a.fail != nil {
		return a.fail
	}
	if a.log != nil {
		if err := a.log.Record(ctx, note(audit.CampaignActivate)); err != nil {
			return err
		}
	}
	a.done.Add(1)
	return nil
}

// crew are an asker and approvers, all fresh.
func crew(t testing.TB, s *store.Store, approvers int) (asker operator.Principal, others []operator.Principal) {
	fresh := time.Now().Add(time.Hour)
	o, _ := hire(t, s, "asker", operator.Responder, operator.Approver)
	for i := range approvers {
		other, _ := hire(t, s, fmt.Sprintf("approver%d", i), operator.Approver)
		others = append(others, other.Person(fresh))
	}
	return o.Person(fresh), others
}

func request(object string) approval.Request {
	return approval.Request{Act: operator.CampaignActivate, Object: object, Params: json.RawMessage(`{"campaign":1}`), Effect: json.RawMessage(`{"would_die":7}`), Basis: "b", Accounts: 7, Reason: "breach"}
}

func TestApprovalRules(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := approval.On(s, 0)
		asker, others := crew(t, s, 1)
		second := others[0]
		desk := &acts{basis: "b"}
		ask := func(p operator.Principal, change func(*approval.Request)) (approval.Request, error) {
			r := request("campaign:1")
			if change != nil {
				change(&r)
			}
			return a.Ask(t.Context(), p, r)
		}
		stale, auditor := asker, asker
		stale.FreshUntil, auditor.Roles = time.Time{}, operator.Roles{operator.Auditor}
		for name, err := range map[string]error{
			"stale":           second1(ask(stale, nil)),
			"role":            second1(ask(auditor, nil)),
			"a program":       second1(ask(operator.Program(1, "site"), nil)),
			"command line":    second1(ask(operator.CommandLine("root", ""), nil)),
			"no reason":       second1(ask(asker, func(r *approval.Request) { r.Reason = "  " })),
			"no need for two": second1(ask(asker, func(r *approval.Request) { r.Act = operator.CampaignPause })),
		} {
			if err == nil {
				t.Errorf("%s could ask", name)
			}
		}
		r := got[approval.Request](t)(ask(asker, nil))
		if _, err := ask(second, nil); !problem.Is(err, problem.Conflict) {
			t.Errorf("two requests for the same: %v", err)
		}
		got[approval.Request](t)(ask(second, func(r *approval.Request) { r.Object = "campaign:2" }))
		kept := got[approval.Request](t)(a.Show(t.Context(), r.ID))
		if kept.Requester != "asker" || kept.State != approval.Pending || string(kept.Effect) != `{"would_die":7}` || kept.ExpiresAt.Sub(kept.RequestedAt) != approval.DefaultLife {
			t.Errorf("kept %+v", kept)
		}
		staleSecond, responder := second, second
		staleSecond.FreshUntil, responder.Roles = time.Time{}, operator.Roles{operator.Responder}
		for name, p := range map[string]operator.Principal{"who asked": asker, "stale": staleSecond, "role": responder, "a program": operator.Program(1, "site"), "command line": operator.CommandLine("root", "x")} {
			if _, err := a.Approve(t.Context(), p, r.ID, "", desk); !problem.Is(err, problem.Forbidden) {
				t.Errorf("%s approved: %v", name, err)
			}
		}
		if err := a.Reject(t.Context(), asker, r.ID, ""); !problem.Is(err, problem.Forbidden) {
			t.Errorf("who asked rejected: %v", err)
		}
		if err := a.Withdraw(t.Context(), second, r.ID); !problem.Is(err, problem.Forbidden) {
			t.Errorf("somebody else withdrew: %v", err)
		}
		if desk.done.Load() != 0 {
			t.Fatal("a refused approval was carried out")
		}
		approved := got[approval.Request](t)(a.Approve(t.Context(), second, r.ID, "go", desk))
		if approved.State != approval.Approved || approved.Decider != second.Name || approved.Note != "go" || desk.done.Load() != 1 {
			t.Errorf("approved %+v, carried out %d times", approved, desk.done.Load())
		}
		if _, err := a.Approve(t.Context(), second, r.ID, "", desk); !problem.Is(err, problem.Conflict) || desk.done.Load() != 1 {
			t.Errorf("approved twice: %v", err)
		}
		if left, _, err := a.Page(t.Context(), approval.Query{State: approval.Pending}); err != nil || len(left) != 1 || left[0].Object != "campaign:2" {
			t.Errorf("pending %+v, %v", left, err)
		}
	})
}

func second1[T any](_ T, err error) error { return err }

func TestApprovalDiesWithWhatItRestsOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := approval.On(s, time.Hour)
		asker, others := crew(t, s, 1)
		state := func(id int64) approval.State {
			return got[approval.Request](t)(a.Show(t.Context(), id)).State
		}
		for name, c := range map[string]struct {
			desk *acts
			want approval.State
		}{
			"changed":     {&acts{basis: "other"}, approval.Void},
			"refused":     {&acts{basis: "b", fail: problem.New(problem.Conflict, "prepared anew")}, approval.Void},
			"unknown":     {&acts{basis: "b", fail: errors.New("defect")}, approval.Void},
			"unavailable": {&acts{basis: "b", fail: problem.New(problem.Unavailable, "busy")}, approval.Pending},
		} {
			r := got[approval.Request](t)(a.Ask(t.Context(), asker, request("campaign:"+name)))
			if _, err := a.Approve(t.Context(), others[0], r.ID, "", c.desk); err == nil {
				t.Errorf("%s: approved", name)
			}
			if got := state(r.ID); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
		old := got[approval.Request](t)(a.Ask(t.Context(), asker, request("old")))
		swept := got[approval.Request](t)(a.Ask(t.Context(), asker, request("swept")))
		must(t, s.Exec(t.Context(), `UPDATE approvals SET expires_at = ? WHERE id IN (?, ?)`, time.Now().Add(-time.Second), old.ID, swept.ID))
		if _, err := a.Approve(t.Context(), others[0], old.ID, "", &acts{basis: "b"}); !problem.Is(err, problem.Conflict) {
			t.Errorf("an expired request was approved: %v", err)
		}
		got[approval.Request](t)(a.Ask(t.Context(), asker, request("old"))) // an expired one that nobody swept is not in the way
		if n := got[int64](t)(a.Expire(t.Context())); n != 1 || state(swept.ID) != approval.Expired || state(old.ID) != approval.Expired {
			t.Errorf("%d expired, %s and %s", n, state(swept.ID), state(old.ID))
		}
		mine := got[approval.Request](t)(a.Ask(t.Context(), asker, request("mine")))
		must(t, operator.NewPeople(s).Disable(t.Context(), asker.ID, tester))
		if state(mine.ID) != approval.Void {
			t.Errorf("what a disabled operator asked for is %s", state(mine.ID))
		}
	})
}

// Two approvers, a rejection, a withdrawal and the sweep meet at one request: one of them decides, and it is carried out at most once.
func TestApprovalRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := approval.On(s, time.Hour)
		asker, others := crew(t, s, 3)
		for round := range 8 {
			r := got[approval.Request](t)(a.Ask(t.Context(), asker, request(fmt.Sprint("campaign:", round))))
			desk := &acts{basis: "b", log: s}
			ctx := context.Background()
			moves := []func() error{
				func() error { return second1(a.Approve(ctx, others[0], r.ID, "", desk)) },
				func() error { return second1(a.Approve(ctx, others[1], r.ID, "", desk)) },
				func() error { return a.Reject(ctx, others[2], r.ID, "no") },
				func() error { return a.Withdraw(ctx, asker, r.ID) },
				func() error { return second1(a.Approve(ctx, others[0], r.ID, "", desk)) },
			}
			if round%2 == 0 {
				moves = moves[:2]
			}
			won := contend(len(moves), func(i int) bool {
				err := moves[i]()
				if err != nil && !problem.Is(err, problem.Conflict) {
					t.Error(err)
				}
				return err == nil
			})
			end := got[approval.Request](t)(a.Show(ctx, r.ID))
			if won != 1 || end.State == approval.Pending || (desk.done.Load() == 1) != (end.State == approval.Approved) || desk.done.Load() > 1 {
				t.Errorf("round %d: %d decided, %s, carried out %d times", round, won, end.State, desk.done.Load())
			}
		}
	})
}

package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

var tester = audit.Actor{Kind: audit.KindCLI, Name: "test"}

// addAccount stores an account with a password that nobody knows, and gives its id.
func addAccount(t testing.TB, s *store.Store, subject string, setAt time.Time) int64 {
	t.Helper()
	ctx := context.Background()
	err := s.Exec(ctx, `INSERT INTO accounts (subject, email, email_key, created_at, password_hash, password_scheme, password_set_at)
		VALUES (?, ?, ?, ?, 'old hash', 'unknown', ?)`, subject, subject+"@example.com", subject+"@example.com", setAt, setAt)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Count(ctx, `SELECT id FROM accounts WHERE subject = ?`, subject)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// everyoneKilled activates a campaign for everyone now.
func everyoneKilled(t testing.TB, s *store.Store) campaign.Activated {
	t.Helper()
	ctx := context.Background()
	c := campaign.On(s, func(a string) (string, error) { return a, nil }, nil)
	k, err := c.Create(ctx, campaign.CreateRequest{Incident: "breach", Scope: campaign.Everyone}, tester)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prepare(ctx, k.ID, tester); err != nil {
		t.Fatal(err)
	}
	done, err := c.Activate(ctx, k.ID, campaign.ActivateRequest{}, tester)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func resetOf(id, version, epoch int64, hash string) reset.Reset {
	return reset.Reset{
		Account: id, Version: version, Epoch: epoch, Hash: hash, Scheme: "argon2id:m=19456,t=2,p=1", FailureKey: []byte("key"),
		Entry: audit.New(audit.Actor{Kind: audit.KindMember, Name: "1"}, audit.ResetRedeemed, "account:1", nil),
	}
}

func dead(t testing.TB, s *store.Store, id int64) bool {
	t.Helper()
	n, err := s.Count(context.Background(), `SELECT CASE WHEN dead THEN 1 ELSE 0 END FROM credential_status WHERE account_id = ?`, id)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func count(t testing.TB, s *store.Store, statement string, vars ...any) int64 {
	t.Helper()
	n, err := s.Count(context.Background(), statement, vars...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A token names the version, so of any number of tries at once exactly one changes the password, once.
func TestOneTokenOneWinner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tokens, tries int }{{1, 1000}, {100, 50}} {
		t.Run(fmt.Sprintf("%dx%d", c.tokens, c.tries), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) { race(t, s, c.tokens, c.tries) })
		})
	}
}

func race(t *testing.T, s *store.Store, tokens, tries int) {
	ids := make([]int64, tokens)
	for i := range ids {
		ids[i] = addAccount(t, s, fmt.Sprintf("s%d", i), time.Now().Add(-time.Hour))
	}
	wins := make([]atomic.Int64, tokens)
	winner := make([]atomic.Value, tokens)
	var wait sync.WaitGroup
	for try := range tries {
		for i, id := range ids {
			wait.Go(func() {
				hash := fmt.Sprintf("new hash %d", try)
				err := s.SetPassword(context.Background(), resetOf(id, 1, 0, hash))
				switch {
				case err == nil:
					wins[i].Add(1)
					winner[i].Store(hash)
				case !problem.Is(err, problem.Gone):
					t.Errorf("a loser was told %v", err)
				}
			})
		}
	}
	wait.Wait()
	for i, id := range ids {
		if wins[i].Load() != 1 {
			t.Fatalf("token %d: %d winners", i, wins[i].Load())
		}
		if count(t, s, `SELECT count(*) FROM accounts WHERE id = ? AND credential_version = 2 AND password_hash = ?`, id, winner[i].Load()) != 1 {
			t.Errorf("token %d: the stored hash is not the winner's", i)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM audit_entries WHERE action = 'reset.redeemed'`); n != int64(tokens) {
		t.Errorf("%d audit entries for %d resets", n, tokens)
	}
	if n := count(t, s, `SELECT count(*) FROM outbox WHERE kind = 'changed'`); n != int64(tokens) {
		t.Errorf("%d mails for %d resets", n, tokens)
	}
}

// A reset that read the clock before an activation must commit before it too: otherwise it is acknowledged after the activation,
// dated before it, and dead the moment it is set. The order lock makes the activation wait; without it that very thing happens.
func TestOrderLock(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // the clock goes on by more than the second that such moments are kept apart
	s := storetest.Postgres(t, store.Options{Clock: func(now time.Time) time.Time { return now.Add(time.Duration(ahead.Load())) }})
	parkedReset := func(id, epoch int64, withoutLock bool, meanwhile func()) {
		parked, resume := make(chan struct{}), make(chan struct{})
		s.SetHooks(withoutLock, nil, func(doing string) error {
			if doing == "setting a password" {
				close(parked)
				<-resume
			}
			return nil
		}, nil)
		done := make(chan error, 1)
		go func() { done <- s.SetPassword(context.Background(), resetOf(id, 1, epoch, "new hash")) }()
		<-parked
		meanwhile()
		close(resume)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}

	with := addAccount(t, s, "with", time.Now().Add(-time.Hour))
	finished := make(chan campaign.Activated, 1)
	parkedReset(with, 0, false, func() {
		go func() { finished <- everyoneKilled(t, s) }()
		waitForLock(t, s)
	})
	first := <-finished
	if count(t, s, `SELECT count(*) FROM accounts WHERE id = ? AND password_set_at < ?`, with, first.ActivatedAt) != 1 {
		t.Error("the activation that waited is dated before the reset it waited for")
	}

	without := addAccount(t, s, "without", time.Now().Add(-time.Hour))
	ahead.Store(int64(time.Minute))
	parkedReset(without, 1, true, func() {
		ahead.Store(int64(2 * time.Minute))
		everyoneKilled(t, s)
	})
	if !dead(t, s, without) {
		t.Error("without the lock nothing went wrong: this test no longer shows what the lock is for")
	}
}

// waitForLock returns when somebody waits for an advisory lock.
func waitForLock(t testing.TB, s *store.Store) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for count(t, s, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for the order lock")
		}
	}
}

// A clock that steps back must neither let a new password die by an older activation nor let an activation miss a password.
func TestClockThatStepsBack(t *testing.T) {
	t.Parallel()
	var back atomic.Int64
	o := store.Options{Clock: func(now time.Time) time.Time { return now.Add(-time.Duration(back.Load())) }}
	storetest.EachWith(t, o, func(t *testing.T, s *store.Store) {
		a := addAccount(t, s, "a", time.Now().Add(-time.Hour))
		b := addAccount(t, s, "b", time.Now().Add(-time.Hour))
		first := everyoneKilled(t, s)
		back.Store(int64(10 * time.Minute))
		defer back.Store(0)
		if err := s.SetPassword(context.Background(), resetOf(a, 1, 1, "new")); err != nil {
			t.Fatal(err)
		}
		if dead(t, s, a) || !dead(t, s, b) {
			t.Fatal("a reset after the activation must live, and only it")
		}
		back.Store(int64(20 * time.Minute))
		second := everyoneKilled(t, s)
		if !dead(t, s, a) || !dead(t, s, b) {
			t.Fatal("an activation kills what was set before it, whatever the clock says")
		}
		if !second.ActivatedAt.After(first.ActivatedAt) {
			t.Errorf("activations at %v and %v are out of order", first.ActivatedAt, second.ActivatedAt)
		}
	})
}

// Each step of a redemption × failed before the commit, or its reply lost after: all of it holds, or none.
func TestSetPasswordFaults(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fault := errors.New("fault")
		id := addAccount(t, s, "a", time.Now().Add(-time.Hour))
		s.SetHooks(false, nil, func(string) error { return fault }, nil)
		if err := s.SetPassword(context.Background(), resetOf(id, 1, 0, "new")); !errors.Is(err, fault) {
			t.Fatalf("got %v", err)
		}
		s.SetHooks(false, nil, nil, nil)
		if n := count(t, s, `SELECT count(*) FROM outbox`) + count(t, s, `SELECT count(*) FROM audit_entries`) +
			count(t, s, `SELECT count(*) FROM accounts WHERE credential_version > 1`); n != 0 {
			t.Fatal("a rolled-back reset left something")
		}
		s.SetHooks(false, nil, nil, func(string) error { return fault })
		if err := s.SetPassword(context.Background(), resetOf(id, 1, 0, "new")); !errors.Is(err, fault) {
			t.Fatalf("got %v", err)
		}
		s.SetHooks(false, nil, nil, nil)
		if err := s.SetPassword(context.Background(), resetOf(id, 1, 0, "newer")); !problem.Is(err, problem.Gone) {
			t.Fatalf("after a lost reply the token is used; got %v", err)
		}
		if n := count(t, s, `SELECT count(*) FROM outbox WHERE kind = 'changed'`); n != 1 {
			t.Fatalf("%d mails", n)
		}
	})
}

// Lockdown and supersession refuse a redemption in the transaction itself.
func TestSetPasswordRefusals(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		id := addAccount(t, s, "a", time.Now().Add(-time.Hour))
		everyoneKilled(t, s)
		if err := s.SetPassword(ctx, resetOf(id, 1, 0, "new")); !problem.Is(err, problem.Gone) {
			t.Errorf("a token older than the activation: %v", err)
		}
		if err := s.SetPassword(ctx, resetOf(id, 2, 1, "new")); !problem.Is(err, problem.Gone) {
			t.Errorf("a wrong version: %v", err)
		}
		if err := s.SetPassword(ctx, resetOf(id+1000, 1, 0, "new")); !problem.Is(err, problem.Gone) {
			t.Errorf("no such account: %v", err)
		}
		c := campaign.On(s, nil, nil)
		if _, err := c.LockdownOn(ctx, "test", tester); err != nil {
			t.Fatal(err)
		}
		if err := s.SetPassword(ctx, resetOf(id, 1, 1, "new")); !problem.Is(err, problem.Unavailable) {
			t.Errorf("while locked down: %v", err)
		}
		if _, err := c.LockdownOff(ctx, "test over", tester); err != nil {
			t.Fatal(err)
		}
		if err := s.SetPassword(ctx, resetOf(id, 1, 1, "new")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if dead(t, s, id) {
			t.Error("the new password is dead")
		}
	})
}

package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// mailing seeds accounts 1 to n, all members of the active campaign 1.
func mailing(t *testing.T, s *store.Store, n int, scope string) {
	t.Helper()
	now := time.Now()
	must := func(statement string, vars ...any) {
		t.Helper()
		if err := s.Exec(context.Background(), statement, vars...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	must(`INSERT INTO incidents (id, slug, title, data_classes, created_at, updated_at) VALUES (1, 'breach', 'Breach', '["names"]', ?, ?)`, now, now)
	if s.Dialect() == "postgres" {
		must(`CREATE TABLE campaign_members_1 PARTITION OF campaign_members FOR VALUES IN (1)`)
	}
	must(`INSERT INTO campaigns (id, incident_id, scope, state, epoch, cutoff, activated_at, created_at, members_through) VALUES (1, 1, ?, 'active', 1, ?, ?, ?, ?)`, scope, now, now, now, n)
	for id := 1; id <= n; id++ {
		arrive(t, s, id, now.Add(-time.Hour), now.Add(-time.Hour))
		must(`INSERT INTO campaign_members (campaign_id, account_id) VALUES (1, ?)`, id)
	}
}

func arrive(t *testing.T, s *store.Store, id int, created, set time.Time) {
	t.Helper()
	address := fmt.Sprintf("m%d@example.net", id)
	err := s.Exec(context.Background(), `INSERT INTO accounts (id, subject, email, email_key, created_at, password_hash, password_scheme, password_set_at) VALUES (?, ?, ?, ?, ?, 'h', 'test', ?)`,
		id, address, address, address, created, set)
	if err != nil {
		t.Fatal(err)
	}
}

var (
	mine   = queue.Lease{Owner: "mine", For: time.Minute}
	theirs = queue.Lease{Owner: "theirs", For: time.Minute}
	all    = queue.Pick{Campaign: 1, Upto: 1 << 40, Limit: 1000}
)

func claim(t *testing.T, s *store.Store, lease queue.Lease, pick queue.Pick) []queue.Member {
	t.Helper()
	members, err := s.ClaimMembers(context.Background(), lease, pick)
	if err != nil {
		t.Fatal(err)
	}
	return members
}

func is(t *testing.T, s *store.Store, want int64, query string, vars ...any) {
	t.Helper()
	got, err := s.Count(context.Background(), query, vars...)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s gives %d, want %d", query, got, want)
	}
}

func TestNobodyIsClaimedTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 200
		mailing(t, s, n, "list")
		var mu sync.Mutex
		claims := map[int64]int{}
		var racing sync.WaitGroup
		for p := range 4 {
			racing.Go(func() {
				pick := all
				for pick.Limit = 7; ; {
					some, err := s.ClaimMembers(context.Background(), queue.Lease{Owner: fmt.Sprint(p), For: time.Minute}, pick)
					if err != nil {
						t.Error(err)
						return
					}
					if len(some) == 0 {
						return
					}
					mu.Lock()
					for _, m := range some {
						claims[m.Account]++
						pick.After = max(pick.After, m.Account)
					}
					mu.Unlock()
				}
			})
		}
		racing.Wait()
		for id := int64(1); id <= n; id++ {
			if claims[id] > 1 {
				t.Errorf("member %d was claimed %d times", id, claims[id])
			}
		}
		claim(t, s, mine, all) // those that one process skipped because another held them in that moment
		is(t, s, 0, `SELECT count(*) FROM campaign_members WHERE state = 'pending'`)
	})
}

// TestOnlyTheOwnerFinishes pins that a mark is a compare-and-swap on the lease.
func TestOnlyTheOwnerFinishes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		mailing(t, s, 2, "list")
		claim(t, s, mine, all)
		mark := []queue.Mark{{ID: 1, State: queue.Sent, At: time.Now(), Kind: queue.Reset, MessageID: "<1@x>", Tried: true}, {ID: 2, State: queue.Pending, At: time.Now(), Tried: true, After: time.Hour, Error: "450"}}
		if n, err := s.MarkMembers(ctx, theirs.Owner, 1, mark); err != nil || n != 0 {
			t.Errorf("another process finished %d members (%v)", n, err)
		}
		if n, err := s.MarkMembers(ctx, mine.Owner, 1, mark); err != nil || n != 2 {
			t.Errorf("the owner finished %d members (%v), want 2", n, err)
		}
		if n, err := s.MarkMembers(ctx, mine.Owner, 1, mark); err != nil || n != 0 {
			t.Errorf("a repeated mark changed %d members (%v)", n, err)
		}
		is(t, s, 1, `SELECT count(*) FROM campaign_members WHERE account_id = 1 AND state = 'sent' AND kind = 'reset' AND attempts = 1 AND lease_owner IS NULL AND sent_at IS NOT NULL`)
		is(t, s, 1, `SELECT count(*) FROM campaign_members WHERE account_id = 2 AND state = 'pending' AND attempts = 1 AND last_error = '450' AND next_attempt_at > ?`, time.Now().Add(50*time.Minute))
		retries := queue.Pick{Campaign: 1, Retries: true, Limit: 10}
		if got := claim(t, s, mine, retries); len(got) != 0 {
			t.Error("a member was claimed before its time")
		}
		if err := s.Exec(ctx, `UPDATE campaign_members SET next_attempt_at = ? WHERE account_id = 2`, time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := claim(t, s, mine, all); len(got) != 0 {
			t.Error("a member tried before was claimed as a fresh one")
		}
		if got := claim(t, s, mine, retries); len(got) != 1 || got[0].Attempts != 1 {
			t.Errorf("claimed %+v, want the member whose time has come", got)
		}
	})
}

// TestLeasesRunOut pins that what a dead process held comes back, and that it can finish nothing then.
func TestLeasesRunOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		mailing(t, s, 3, "list")
		if err := s.Exec(ctx, `INSERT INTO outbox (id, kind, account_id, next_attempt_at, created_at) VALUES (1, 'changed', 1, ?, ?)`, time.Now().Add(-time.Second), time.Now()); err != nil {
			t.Fatal(err)
		}
		over := queue.Lease{Owner: "over", For: -time.Second}
		claim(t, s, over, all)
		if _, err := s.ClaimSingles(ctx, over, 10, true); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Expire(ctx, 1, 2); err != nil || n != 2 {
			t.Errorf("%d members came back (%v), want the bound of 2", n, err)
		}
		if n, err := s.Expire(ctx, 1, 2); err != nil || n != 1 {
			t.Errorf("%d members came back (%v), want 1", n, err)
		}
		if n, err := s.MarkMembers(ctx, over.Owner, 1, []queue.Mark{{ID: 1, State: queue.Sent, At: time.Now()}}); err != nil || n != 0 {
			t.Errorf("the dead process finished %d members (%v)", n, err)
		}
		if got := claim(t, s, mine, queue.Pick{Campaign: 1, Retries: true, Limit: 10}); len(got) != 3 || got[0].Attempts != 1 {
			t.Errorf("claimed %+v, want all three, tried once", got)
		}
		if n, err := s.Expire(ctx, 1, 10); err != nil || n != 0 {
			t.Errorf("%d live leases were taken away (%v)", n, err)
		}
		singles, err := s.ClaimSingles(ctx, mine, 10, true)
		if err != nil || len(singles) != 1 || singles[0].Attempts != 1 {
			t.Errorf("claimed %+v (%v), want the single mail of the dead process", singles, err)
		}
		if again, err := s.ClaimSingles(ctx, theirs, 10, true); err != nil || len(again) != 0 {
			t.Errorf("claimed %+v (%v), though its lease holds", again, err)
		}
	})
}

// TestLaterAccounts pins who joins a campaign for everyone, and that the end of the mailing is no end while it kills newcomers.
func TestLaterAccounts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		mailing(t, s, 1, "everyone")
		claim(t, s, mine, all)
		if done, untried, err := s.Settle(ctx, 1); err != nil || done || untried != 0 {
			t.Errorf("with a mail under way the campaign is done %v, untried %d (%v)", done, untried, err)
		}
		if _, err := s.MarkMembers(ctx, mine.Owner, 1, []queue.Mark{{ID: 1, State: queue.Sent, At: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		if done, _, err := s.Settle(ctx, 1); err != nil || !done {
			t.Errorf("with nobody waiting the campaign is done %v (%v)", done, err)
		}
		before, after := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		arrive(t, s, 10, before, before) // existed
		arrive(t, s, 11, before, after)  // existed, changed since
		arrive(t, s, 12, after, after)   // new: not in the breach
		arrive(t, s, 13, after, before)  // new here with an old password: it kills that one
		added, more, err := s.TopUp(ctx, 1, 10)
		if err != nil || added != 2 || !more {
			t.Errorf("added %d, more %v (%v), want the two up to id 11, and more", added, more, err)
		}
		is(t, s, 1, `SELECT count(*) FROM campaigns WHERE mailing = 'running'`)
		if added, more, err = s.TopUp(ctx, 1, 10); err != nil || added != 1 || more {
			t.Errorf("added %d, more %v (%v), want the last", added, more, err)
		}
		if added, _, err = s.TopUp(ctx, 1, 10); err != nil || added != 0 {
			t.Errorf("added %d once more (%v)", added, err)
		}
		is(t, s, 0, `SELECT count(*) FROM campaign_members WHERE account_id = 12`)
		if done, untried, err := s.Settle(ctx, 1); err != nil || done || untried != 10 {
			t.Errorf("with newcomers the campaign is done %v, untried %d (%v), want 10", done, untried, err)
		}
	})
}

func TestOutlook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		if o, err := s.Outlook(ctx); err != nil || o.Locked || len(o.Campaigns) != 0 {
			t.Errorf("an empty database: %+v (%v)", o, err)
		}
		mailing(t, s, 1, "everyone")
		if err := s.Exec(ctx, `INSERT INTO lockdowns (on_at, on_by, on_reason) VALUES (?, 'a', 'b')`, time.Now()); err != nil {
			t.Fatal(err)
		}
		o, err := s.Outlook(ctx)
		if err != nil || !o.Locked || len(o.Campaigns) != 1 {
			t.Fatalf("%+v (%v), want a lockdown and a campaign", o, err)
		}
		if k := o.Campaigns[0]; k.ID != 1 || k.Mailing != "running" || !k.Everyone || k.Slug != "breach" || len(k.Classes) != 1 || k.Published {
			t.Errorf("the campaign is %+v", k)
		}
		for _, stop := range []string{`UPDATE campaigns SET mailing = 'paused'`, `UPDATE campaigns SET mailing = 'running', state = 'closed', closed_at = created_at`} {
			if err := s.Exec(ctx, stop); err != nil {
				t.Fatal(err)
			}
			if got := claim(t, s, mine, all); len(got) != 0 {
				t.Errorf("after %s members were claimed", stop)
			}
		}
	})
}

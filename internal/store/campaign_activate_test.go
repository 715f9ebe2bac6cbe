package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// TestOverlap counts in three overlapping campaigns and a disabled account: nobody dies twice, and cancelling revives only its own.
func TestOverlap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for n := range 6 {
			seatAll(t, s, seat{subject: fmt.Sprint("s-", n), scheme: "md5"})
		}
		must(t, s.Exec(t.Context(), "UPDATE accounts SET disabled_at = ? WHERE subject = 's-5'", day(time.May, 1)))
		first := active(t, s, "subject\ns-0\ns-1\ns-2\n")
		second := prepared(t, s, "subject\ns-1\ns-2\ns-3\ns-5\n")
		p := got[campaign.Preview](t)(on(s).Preview(t.Context(), second))
		if p.WouldDie != 1 || p.AlreadyDead != 3 || p.Covered != 4 {
			t.Errorf("preview %+v", p)
		}
		done := got[campaign.Activated](t)(on(s).Activate(t.Context(), second, campaign.ActivateRequest{}, responder))
		if *done.Died != 1 || done.Epoch != 2 {
			t.Errorf("activated %+v", done)
		}
		if p := got[campaign.Plan](t)(on(s).PlanCancel(t.Context(), first)); p.Accounts != 1 {
			t.Errorf("cancelling the first would revive %d, want 1", p.Accounts)
		}
		must(t, on(s).Cancel(t.Context(), first, "mistake", responder))
		if d := deadSubjects(t, s); d != "s-1 s-2 s-3 s-5" {
			t.Errorf("dead after cancelling the first: %s", d)
		}
		if k := got[campaign.Campaign](t)(on(s).Show(t.Context(), first)); *k.Died != 3 || k.CancelReason != "mistake" {
			t.Errorf("first %+v", k)
		}
	})
}

func TestExpect(t *testing.T) {
	t.Parallel()
	n := func(v int64) *int64 { return &v }
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i := range 30 {
			seatAll(t, s, seat{subject: fmt.Sprint("s-", i), scheme: "md5"})
		}
		id := prepared(t, s, "")
		for _, r := range []campaign.ActivateRequest{{Expect: n(41)}, {Expect: n(19)}, {Expect: n(29), Tolerance: n(0)}, {Expect: n(33), Tolerance: n(2)}} {
			if _, err := on(s).Activate(t.Context(), id, r, responder); !problem.Is(err, problem.Conflict) {
				t.Errorf("expecting %d, tolerance %v, where 30 die: %v", *r.Expect, r.Tolerance, err)
			}
		}
		if d := deadSubjects(t, s); d != "" {
			t.Errorf("a refused activation killed %s", d)
		}
		got[campaign.Activated](t)(on(s).Activate(t.Context(), id, campaign.ActivateRequest{Expect: n(40)}, responder))
	})
}

// TestPreparedAnew shows that the members that die are those that were counted: a campaign prepared between the count and the lock is refused.
func TestPreparedAnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		id := prepared(t, s, "")
		counted := *got[campaign.Campaign](t)(s.Campaign(t.Context(), id)).PreparedAt
		got[campaign.Report](t)(on(s).Prepare(t.Context(), id, responder))
		_, err := s.ActivateCampaign(t.Context(), id, counted, audit.New(responder, audit.CampaignActivate, campaign.Object(id), nil))
		if !errors.Is(err, campaign.ErrPreparedAnew) {
			t.Errorf("activating what was prepared anew: %v", err)
		}
	})
}

func TestActivateOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		id := prepared(t, s, "")
		var wg sync.WaitGroup
		results := make(chan error, 20)
		for range 20 {
			wg.Go(func() {
				_, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder)
				results <- err
			})
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
			} else if !problem.Is(err, problem.Conflict) {
				t.Errorf("a loser got %v", err)
			}
		}
		done := 0
		for _, e := range entries(t, s) {
			if e == "campaign.activate done" {
				done++
			}
		}
		if won != 1 || done != 1 {
			t.Errorf("%d activations won, %d entries", won, done)
		}
	})
}

// TestActivateFaults is the fault table of the activation: whatever fails, the answer is the truth.
func TestActivateFaults(t *testing.T) {
	t.Parallel()
	lost := problem.New(problem.Unavailable, "the connection is gone")
	for name, c := range map[string]struct {
		doing         string
		before, after error
		active        bool // what must hold afterwards, and be answered
		counted       bool
	}{
		"no fault":            {active: true, counted: true},
		"commit fails":        {doing: "activating a campaign", before: lost},
		"reply lost":          {doing: "activating a campaign", after: lost, active: true, counted: true},
		"count fails":         {doing: "keeping the count of what died", before: lost, active: true},
		"count's reply lost":  {doing: "keeping the count of what died", after: lost, active: true},
		"refusal not written": {doing: "recording an act", before: lost, active: true, counted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				base(t, s)
				id := prepared(t, s, "")
				fail := func(with error) func(string) error {
					return func(doing string) error {
						if doing != c.doing {
							return nil
						}
						return with
					}
				}
				s.SetHooks(false, nil, fail(c.before), fail(c.after))
				done, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder)
				if (err == nil) != c.active || (err == nil && (done.Died != nil) != c.counted) {
					t.Errorf("answer %+v, %v", done, err)
				}
				s.SetHooks(false, nil, nil, nil)
				k := got[campaign.Campaign](t)(on(s).Show(t.Context(), id))
				if (k.State == campaign.Active) != c.active || (deadSubjects(t, s) != "") != c.active {
					t.Errorf("state %s, dead %q", k.State, deadSubjects(t, s))
				}
				written := strings.Contains(strings.Join(entries(t, s), " "), "campaign.activate done")
				if written != c.active {
					t.Errorf("entry written: %v", written)
				}
				if c.active {
					if died := got[int64](t)(on(s).CountDied(t.Context(), id, responder)); died != 4 {
						t.Errorf("counted again: %d died, want 4", died)
					}
				} else if _, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder); err != nil {
					t.Errorf("trying again: %v", err)
				}
			})
		})
	}
}

// TestActivationClock shows that an activation is later than every password and every activation before it, though the clock went back.
func TestActivationClock(t *testing.T) {
	t.Parallel()
	back := time.Duration(0)
	storetest.EachWith(t, store.Options{Clock: func(now time.Time) time.Time { return now.Add(-back) }}, func(t *testing.T, s *store.Store) {
		future := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
		seatAll(t, s, seat{subject: "s-1", scheme: "md5", setAt: &future})
		first := prepared(t, s, "")
		second := prepared(t, s, "")
		a := got[campaign.Activated](t)(on(s).Activate(t.Context(), first, campaign.ActivateRequest{}, responder))
		b := got[campaign.Activated](t)(on(s).Activate(t.Context(), second, campaign.ActivateRequest{}, responder))
		if !a.ActivatedAt.Equal(future.Add(time.Second)) || !b.ActivatedAt.Equal(future.Add(2*time.Second)) {
			t.Errorf("activated at %s and %s, the password was set at %s", a.ActivatedAt, b.ActivatedAt, future)
		}
		if d := deadSubjects(t, s); d != "s-1" {
			t.Errorf("dead: %q", d)
		}
	})
}

// TestActivationWaits shows that a lock that is not given is an answer, and no change.
func TestActivationWaits(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t, store.Options{LockTimeout: 50 * time.Millisecond})
	base(t, s)
	id := prepared(t, s, "")
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.SetHooks(false, func(bool) {
		once.Do(func() {
			close(held)
			<-release
		})
	}, nil, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := on(s).LockdownOn(t.Context(), "holding the lock", responder); err != nil {
			t.Error(err)
		}
	})
	<-held
	_, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder)
	close(release)
	wg.Wait()
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("activating while another holds the lock: %v", err)
	}
	if k := got[campaign.Campaign](t)(on(s).Show(t.Context(), id)); k.State != campaign.Prepared {
		t.Errorf("it is %s", k.State)
	}
	got[campaign.Activated](t)(on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder))
}

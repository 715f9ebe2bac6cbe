package desk_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

var called = support.Identity{Proof: "callback", Note: "ticket 7"}

// helping is a world whose desk helps members.
func helping(t *testing.T, change func(*desk.Options), f func(w *world)) {
	each(t, func(o *desk.Options) {
		master := secret.NewMaster()
		o.Support = &support.Service{
			Store: o.Log.(support.Store), Coder: token.NewCoder(master), Limits: ratelimit.NewMemory(1000, nil), Fold: account.EmailKey, Lives: support.CodeLives,
			LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) }),
			Locked:    func(ctx context.Context) (bool, error) { l, err := o.Campaigns.Lockdown(ctx); return l.On, err },
		}
		if change != nil {
			change(o)
		}
	}, f)
}

func (w *world) askCode(id int64) approval.Request {
	w.Helper()
	outcome, err := w.desk.SpeakCode(w.Context(), w.person("ann"), id, called, "on the line")
	w.must(err)
	if outcome.Pending == nil || outcome.Done != nil {
		w.Fatalf("outcome %+v: nothing may be shown before the second person", outcome)
	}
	return *outcome.Pending
}

// However many looks come at once, the code is shown to who asked for it, once, and an entry says so.
func TestApprovedCodeIsShownOnce(t *testing.T) {
	helping(t, func(o *desk.Options) { o.SecondForCodes = true }, func(w *world) {
		r := w.askCode(1)
		_, err := w.desk.Approve(w.Context(), w.person("bob"), r.ID, "")
		w.must(err)
		var shown atomic.Int64
		var all sync.WaitGroup
		ann := w.person("ann")
		for range 6 {
			all.Go(func() {
				code, err := w.desk.TakeCode(context.Background(), ann, r.ID)
				switch {
				case err == nil && len(code.Code) == 14 && code.Email == "s0@example.com" && time.Until(code.Until) <= time.Hour:
					shown.Add(1)
				case !problem.Is(err, problem.Conflict):
					w.Errorf("%+v %v", code, err)
				}
			})
		}
		all.Wait()
		if log := w.log(audit.SupportCode); shown.Load() != 1 || len(log) != 1 || log[0].Detail["approved_by"] != "bob" || log[0].Actor.Name != "ann" {
			t.Errorf("shown %d times, recorded %+v", shown.Load(), log)
		}
		_, err = w.desk.TakeCode(w.Context(), w.person("bob"), r.ID)
		w.refused(err, problem.Forbidden, "asker")
	})
}

func TestApprovedCodeWaitsFifteenMinutes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(ago time.Duration) *time.Time { when := now.Add(-ago); return &when }
	sound := approval.Request{Act: operator.SupportCode, State: approval.Approved, DecidedAt: at(14 * time.Minute)}
	for name, c := range map[string]struct {
		change func(*approval.Request)
		want   bool
	}{
		"in time":   {func(*approval.Request) {}, true},
		"too late":  {func(r *approval.Request) { r.DecidedAt = at(15 * time.Minute) }, false},
		"taken":     {func(r *approval.Request) { r.TakenAt = at(time.Minute) }, false},
		"void":      {func(r *approval.Request) { r.State = approval.Void }, false},
		"undecided": {func(r *approval.Request) { r.State, r.DecidedAt = approval.Pending, nil }, false},
		"other act": {func(r *approval.Request) { r.Act = operator.AuditExport }, false},
	} {
		r := sound
		c.change(&r)
		if got := desk.CodeWaits(r, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Without the setting whoever approves gives codes alone, and whoever responds asks them; who does neither gets none, and no address or code is on record.
func TestSpokenCodeByRole(t *testing.T) {
	helping(t, nil, func(w *world) {
		outcome, err := w.desk.SpeakCode(w.Context(), w.person("cid"), 2, called, "")
		w.must(err)
		code, ok := outcome.Done.(support.Code)
		if !ok || outcome.Pending != nil || code.Email != "s1@example.com" {
			t.Errorf("%+v", outcome)
		}
		if w.desk.ForTwoCode(w.person("cid")) || !w.desk.ForTwoCode(w.person("ann")) {
			t.Error("the page would say another thing than what happens")
		}
		w.askCode(3)
		for _, p := range []operator.Principal{w.person("eve"), operator.Program(1, "robot")} {
			if _, err := w.desk.SpeakCode(w.Context(), p, 4, called, ""); !problem.Is(err, problem.Forbidden) {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
		_, err = w.desk.SpeakCode(w.Context(), stale(w.person("cid")), 4, called, "")
		w.refused(err, problem.Forbidden, operator.NeedsFresh)
		_, err = w.desk.SpeakCode(w.Context(), w.person("cid"), 4, support.Identity{}, "")
		w.refused(err, problem.Unprocessable, "proof")
		_, err = w.desk.SpeakCode(w.Context(), w.person("cid"), 999, called, "")
		w.refused(err, problem.NotFound, "")
	})
}

// A code costs whoever gives it out and the member it is for; both limits refuse, and what is refused is not given out.
func TestSpokenCodesAreLimited(t *testing.T) {
	helping(t, nil, func(w *world) {
		speak := func(id int64) error {
			_, err := w.desk.SpeakCode(w.Context(), w.person("cid"), id, called, "")
			return err
		}
		for range ratelimit.SupportCodeAccount.Burst {
			w.must(speak(1))
		}
		w.refused(speak(1), problem.Limited, "")
		for id := range int64(ratelimit.SupportCodeOperator.Burst - ratelimit.SupportCodeAccount.Burst - 1) { // the refused one was charged to the operator
			w.must(speak(id + 2))
		}
		w.refused(speak(20), problem.Limited, "")
		if n := len(w.log(audit.SupportCode)); n != ratelimit.SupportCodeOperator.Burst-1 {
			t.Errorf("%d codes recorded", n)
		}
	})
}

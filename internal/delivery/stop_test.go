package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// TestStopping pins that each way to stop mail bites within a second, loses nobody, and that mail goes on where it can.
func TestStopping(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ stop, resume string }{
		"pause":    {`UPDATE campaigns SET mailing = 'paused'`, `UPDATE campaigns SET mailing = 'running'`},
		"lockdown": {`INSERT INTO lockdowns (on_at, on_by, on_reason) VALUES (%now%, 'a', 'b')`, `UPDATE lockdowns SET off_at = %now%`},
		"close":    {`UPDATE campaigns SET state = 'closed', closed_at = %now%`, ""},
		"cancel":   {`UPDATE campaigns SET state = 'cancelled', cancelled_at = %now%`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				const n = 120
				w.smtpd.taken = make(chan struct{}, 10*n)
				w.smtpd.start(t, smtpdOptions{})
				w.accounts(n)
				w.activate("list")
				o := w.options()
				o.Rate, o.Batch, o.Watch = 60, 50, 0 // two seconds for all; the watch as in production
				w.run(o)
				for range 10 {
					<-w.smtpd.taken
				}
				w.exec(strings.ReplaceAll(c.stop, "%now%", w.time(0)))
				stopped := time.Now()
				last := stopped
				for quiet := time.After(1500 * time.Millisecond); ; {
					select {
					case <-w.smtpd.taken:
						last = time.Now()
						continue
					case <-quiet:
					}
					break
				}
				if late := last.Sub(stopped); late > time.Second {
					t.Errorf("mail still went out %s after the stop", late)
				}
				w.until(`SELECT count(*) FROM campaign_members WHERE state = 'leased'`, "0")
				if c.resume == "" {
					return
				}
				w.exec(strings.ReplaceAll(c.resume, "%now%", w.time(0)))
				w.until(sentMembers, fmt.Sprint(n))
				once(t, w, n)
			})
		})
	}
}

func TestLockedDownNoticesGo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(3)
		w.account(4, "sso@example.net", "")
		w.account(5, "asked@example.net", "h")
		w.activate("list")
		w.exec(`DELETE FROM campaign_members WHERE account_id = 5`)
		w.exec(`INSERT INTO lockdowns (on_at, on_by, on_reason) VALUES (` + w.time(0) + `, 'a', 'b')`)
		w.ask("asked", 0, "asked@example.net")
		w.ask("changed", 1, "")
		w.run(w.options())
		w.until(`SELECT state FROM outbox WHERE kind = 'changed'`, "sent")
		w.until(`SELECT coalesce(kind, state) FROM campaign_members WHERE account_id = 4`, "notice")
		if got := w.text(sentMembers); got != "1" {
			t.Errorf("%s members got mail, want the one without a password", got)
		}
		if got := w.text(`SELECT state FROM outbox WHERE kind = 'asked'`); got != "pending" {
			t.Errorf("the mail with links is %s", got)
		}
		w.exec(`UPDATE lockdowns SET off_at = ` + w.time(0))
		w.until(openMembers, "0")
		w.until(openSingles, "0")
	})
}

func TestStoppingGivesBackAndLeavesNothing(t *testing.T) {
	w := newWorld(t, "sqlite")
	hold := make(chan struct{})
	w.smtpd.taken = make(chan struct{}, 100)
	w.smtpd.onData = func(string) error { <-hold; return nil }
	w.smtpd.start(t, smtpdOptions{})
	w.accounts(100)
	w.activate("list")
	o := w.options()
	o.Connections = 2
	worker, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	w.until(`SELECT CASE WHEN count(*) > 50 THEN 'yes' END FROM campaign_members WHERE state = 'leased'`, "yes")
	cancel()
	close(hold)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := w.text(`SELECT count(*) FROM campaign_members WHERE state = 'leased'`); got != "0" {
		t.Errorf("%s members are still leased", got)
	}
	if sent, mails := w.text(sentMembers), fmt.Sprint(len(w.smtpd.mails())); sent != mails {
		t.Errorf("%s mails went out and %s are marked", mails, sent)
	}
	goleak.VerifyNone(t, before)
}

// one claims the only member and hands it to a sender by hand, as if it had waited.
func one(t *testing.T, w *world, waited time.Duration, meanwhile string) (queue.Mark, string) {
	t.Helper()
	ctx := context.Background()
	o := w.options()
	o.Watch = 0
	worker, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	worker.look(ctx)
	members, err := w.s.ClaimMembers(ctx, worker.lease, queue.Pick{Campaign: 1, Upto: 1 << 40, Limit: 10})
	if err != nil || len(members) != 1 {
		t.Fatalf("claimed %d members: %v", len(members), err)
	}
	if meanwhile != "" {
		w.exec(strings.ReplaceAll(meanwhile, "%now%", w.time(0)))
	}
	w.smtpd.onRcpt = func(string) error { worker.look(ctx); return nil } // the watch strikes between RCPT and DATA
	s := &sender{w: worker}
	defer s.hangUp()
	then := time.Now().Add(-waited)
	return s.attempt(ctx, &job{campaign: 1, member: members[0], claimed: then, read: then})
}

// TestTheLastMoment pins what is asked again between claim and DATA.
func TestTheLastMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		waited    time.Duration
		meanwhile string
		state     queue.State
		kind      queue.Kind
	}{
		"nothing happened":          {state: queue.Sent, kind: queue.Reset},
		"password set while queued": {waited: 2 * time.Second, meanwhile: `UPDATE accounts SET password_set_at = %now%`, state: queue.Sent, kind: queue.Notice},
		"address gone while queued": {waited: 2 * time.Second, meanwhile: `UPDATE accounts SET email = NULL, email_key = NULL`, state: queue.Skipped},
		"lease nearly over":         {waited: 8 * time.Second, state: queue.Pending},
		"paused before DATA":        {meanwhile: `UPDATE campaigns SET mailing = 'paused'`, state: queue.Pending},
		"cancelled before DATA":     {meanwhile: `UPDATE campaigns SET state = 'cancelled', cancelled_at = %now%`, state: queue.Pending},
		"lockdown before DATA":      {meanwhile: `INSERT INTO lockdowns (on_at, on_by, on_reason) VALUES (%now%, 'a', 'b')`, state: queue.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "sqlite")
			w.smtpd.start(t, smtpdOptions{})
			w.accounts(1)
			w.activate("list")
			mark, _ := one(t, w, c.waited, c.meanwhile)
			sent := 0
			if c.state == queue.Sent {
				sent = 1
			}
			if mark.State != c.state || mark.Kind != c.kind || len(w.smtpd.mails()) != sent || (c.state == queue.Pending && mark.Tried) {
				t.Errorf("it is marked %+v and %d mails went out, want %s %s", mark, len(w.smtpd.mails()), c.state, c.kind)
			}
		})
	}
}

func TestBlindMeansStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.accounts(1)
	w.activate("list")
	w.smtpd.start(t, smtpdOptions{})
	worker, err := New(w.options())
	if err != nil {
		t.Fatal(err)
	}
	j := &job{campaign: 1, member: queue.Member{Campaign: 1}, claimed: time.Now()}
	if err := worker.allowed(context.Background(), j); !errors.Is(err, errBlind) {
		t.Errorf("before the first look: %v, want %v", err, errBlind)
	}
	worker.look(context.Background())
	if err := worker.allowed(context.Background(), j); err != nil {
		t.Errorf("after a look: %v", err)
	}
	worker.view.latest.Store(&seen{Outlook: worker.view.now().Outlook, at: time.Now().Add(-maxView - time.Second)})
	if err := worker.allowed(context.Background(), j); !errors.Is(err, errBlind) {
		t.Errorf("when the database has not answered for long: %v, want %v", err, errBlind)
	}
}

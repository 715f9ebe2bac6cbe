package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// mailed makes campaign 1 one whose members all got their first mail four days ago, in a mailing that is over.
func (w *world) mailed(n int) {
	w.t.Helper()
	w.accounts(n)
	w.activate("list")
	w.exec(`UPDATE campaign_members SET state = 'sent', kind = 'reset', attempts = 2, message_id = '<first@x>', sent_at = ` + w.time(-96*time.Hour))
	w.exec(`UPDATE campaigns SET mailing = 'done'`)
}

// remind orders a reminder as another process would.
func (w *world) remind(age time.Duration) {
	w.t.Helper()
	entry := audit.New(audit.Actor{Kind: audit.KindCLI, Name: "test"}, audit.CampaignRemind, campaign.Object(1), nil)
	if _, err := w.s.RemindCampaign(context.Background(), 1, age, entry); err != nil {
		w.t.Fatal(err)
	}
}

const done = `SELECT mailing FROM campaigns`

// TestReminder lets two processes rest at the end of a mailing. Both notice a reminder that somebody else orders, and another after it; who reset,
// or is live again, gets none.
func TestReminder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n = 60
		w.smtpd.start(t, smtpdOptions{})
		w.mailed(n)
		w.exec(`UPDATE campaign_members SET reset_at = sent_at WHERE account_id = 1`)
		w.exec(`UPDATE accounts SET password_set_at = ` + w.time(0) + ` WHERE id IN (1, 2)`)
		var sent [2]atomic.Int64
		var looked [2]chan struct{}
		for i := range sent {
			looked[i] = make(chan struct{}, 1000)
			o := w.options()
			o.Batch, o.Connections, o.Store = 5, 1, &watched{Store: w.s, looked: looked[i]}
			o.Observe = func(kind, outcome string) {
				if kind == "reminder" && outcome == "sent" {
					sent[i].Add(1)
				}
			}
			w.run(o)
		}
		for i := range looked {
			<-looked[i]
			<-looked[i]
		}
		for round := 1; round <= 2; round++ {
			w.remind(0)
			w.until(done, "done")
			got := w.smtpd.perAddress()
			for id := 3; id <= n; id++ {
				if c := got[fmt.Sprintf("m%d@example.net", id)]; c != round {
					t.Errorf("after reminder %d member %d has %d", round, id, c)
				}
			}
			if len(got) != n-2 {
				t.Errorf("%d members were reminded, want all but those who have answered", len(got))
			}
		}
		if sent[0].Load() == 0 || sent[1].Load() == 0 {
			t.Errorf("a process did not notice: they sent %d and %d", sent[0].Load(), sent[1].Load())
		}
		first := `state = 'sent' AND kind = 'reset' AND sent_at < ` + w.time(-95*time.Hour)
		if got := w.text(`SELECT count(*) FROM campaign_members WHERE ` + first + ` AND reminders = 2 AND attempts = 1 AND reminded_at > ` + w.time(-time.Minute) + ` AND message_id LIKE '<%@reset.example.org>'`); got != fmt.Sprint(n-2) {
			t.Errorf("%s members are marked as reminded, and written to when they were, want %d", got, n-2)
		}
		if got := w.text(`SELECT count(*) FROM campaign_members WHERE ` + first + ` AND reminded_at IS NULL AND message_id = '<first@x>'`); got != "2" {
			t.Errorf("%s members are as the first mail left them, want 2", got)
		}
		mail := readMail(t, w.smtpd.mails()[0].Data)
		if !strings.Contains(mail.header.Get("Subject"), "reminder") || !strings.Contains(mail.text, "We wrote to you before") || !strings.Contains(mail.text, "#t=") || codePattern.FindString(mail.text) == "" {
			t.Errorf("the reminder says:\n%s", mail.text)
		}
	})
}

// watched tells each time the outlook was read.
type watched struct {
	Store
	looked chan struct{}
}

func (s *watched) Outlook(ctx context.Context) (queue.Outlook, error) {
	o, err := s.Store.Outlook(ctx)
	select {
	case s.looked <- struct{}{}:
	default:
	}
	return o, err
}

// TestAReminderGoesOnAfterACrash kills a process in the middle of one. Another goes on from the rows alone: nobody is missed, and nobody is
// written to twice but for what was in flight.
func TestAReminderGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n, connections = 150, 2
		var data atomic.Int64
		victim, killed := &mortal{Store: w.s}, make(chan struct{})
		w.smtpd.onData = func(string) error {
			if data.Add(1) == 40 {
				victim.dead.Store(true)
				close(killed)
			}
			return nil
		}
		w.smtpd.start(t, smtpdOptions{})
		w.mailed(n)
		w.remind(72 * time.Hour)
		o := w.options()
		o.Store, o.Connections, o.Session, o.Batch = victim, connections, time.Second, 20
		stop := w.run(o)
		<-killed
		stop()
		if w.text(done) != "running" {
			t.Fatal("the mailing was over before the crash")
		}
		o.Store = w.s
		w.run(o)
		w.until(done, "done")
		twice := 0
		for id := 1; id <= n; id++ {
			c := w.smtpd.perAddress()[fmt.Sprintf("m%d@example.net", id)]
			if c == 0 {
				t.Errorf("member %d was not reminded", id)
			}
			twice += max(0, c-1)
		}
		if twice > inFlight*connections {
			t.Errorf("%d reminders went twice, more than %d for each of %d connections", twice, inFlight, connections)
		}
		if got := w.text(`SELECT count(*) FROM campaign_members WHERE state = 'sent' AND reminded_at IS NOT NULL AND sent_at < reminded_at`); got != fmt.Sprint(n) {
			t.Errorf("%s members are marked as reminded, want %d", got, n)
		}
	})
}

// TestAReminderWaitsForTheLockdownsEnd: it has a link.
func TestAReminderWaitsForTheLockdownsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.smtpd.start(t, smtpdOptions{})
	w.mailed(3)
	w.exec(`INSERT INTO lockdowns (on_at, on_by, on_reason) VALUES (` + w.time(0) + `, 'a', 'b')`)
	looked := make(chan struct{}, 1000)
	o := w.options()
	o.Store = &watched{Store: w.s, looked: looked}
	w.run(o)
	w.remind(72 * time.Hour)
	for range 5 {
		<-looked
	}
	if got := len(w.smtpd.mails()); got != 0 {
		t.Errorf("%d reminders went while the service was locked down", got)
	}
	w.exec(`UPDATE lockdowns SET off_at = on_at, off_by = 'a', off_reason = 'b'`)
	w.until(done, "done")
	once(t, w, 3)
}

// TestOldRowsAreForgotten: a process that delivers looks for them.
func TestOldRowsAreForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.smtpd.start(t, smtpdOptions{})
		w.account(1, "a@example.net", "h")
		w.ask("changed", 1, "")
		w.exec(`UPDATE outbox SET state = 'sent', created_at = ` + w.time(-31*24*time.Hour))
		w.ask("reissue", 1, "")
		w.exec(`INSERT INTO login_failures (key, consecutive, last_password, updated_at) SELECT password, 3, password, at FROM (SELECT CAST('x' AS ` + map[bool]string{true: "blob", false: "bytea"}[w.lite] + `) AS password, ` + w.time(-91*24*time.Hour) + ` AS at) v`)
		w.run(w.options())
		w.until(`SELECT count(*) FROM login_failures`, "0")
		w.until(`SELECT count(*) FROM outbox WHERE kind = 'changed'`, "0")
		w.until(`SELECT state FROM outbox`, "sent")
	})
}

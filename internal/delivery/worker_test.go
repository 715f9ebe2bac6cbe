package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// once fails unless each of the n members got exactly one mail.
func once(t *testing.T, w *world, n int) {
	t.Helper()
	got := w.smtpd.perAddress()
	for id := 1; id <= n; id++ {
		if c := got[fmt.Sprintf("m%d@example.net", id)]; c != 1 {
			t.Errorf("member %d got %d mails", id, c)
		}
	}
	if len(got) != n {
		t.Errorf("%d addresses got mail, want %d", len(got), n)
	}
}

func TestEveryMemberGetsOneMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n = 300
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(n)
		w.activate("list")
		stop := w.run(w.options())
		w.until(sentMembers, fmt.Sprint(n))
		w.until(`SELECT mailing FROM campaigns`, "done")
		stop()
		once(t, w, n)
		if got := w.text(`SELECT count(*) FROM campaign_members WHERE kind = 'reset' AND attempts = 1 AND message_id LIKE '<%@reset.example.org>' AND sent_at IS NOT NULL AND lease_owner IS NULL`); got != fmt.Sprint(n) {
			t.Errorf("%s rows are marked as they should be, want %d", got, n)
		}
	})
}

func TestTwoProcessesShareTheWork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n = 400
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(n)
		w.activate("list")
		var sent [2]atomic.Int64
		for i := range sent {
			o := w.options()
			o.Batch, o.Connections = 10, 2
			o.Observe = func(_, outcome string) {
				if outcome == "sent" {
					sent[i].Add(1)
				}
			}
			w.run(o)
		}
		w.until(sentMembers, fmt.Sprint(n))
		once(t, w, n)
		if sent[0].Load() == 0 || sent[1].Load() == 0 {
			t.Errorf("one process did all the work: %d and %d", sent[0].Load(), sent[1].Load())
		}
	})
}

// mortal is a store that stops answering, as for a process that was killed.
type mortal struct {
	Store
	dead atomic.Bool
}

var errKilled = errors.New("killed")

func (m *mortal) MarkMembers(ctx context.Context, owner string, campaign int64, marks []queue.Mark) (int, error) {
	if m.dead.Load() {
		return 0, errKilled
	}
	return m.Store.MarkMembers(ctx, owner, campaign, marks)
}

func (m *mortal) ClaimMembers(ctx context.Context, lease queue.Lease, pick queue.Pick) ([]queue.Member, error) {
	if m.dead.Load() {
		return nil, errKilled
	}
	return m.Store.ClaimMembers(ctx, lease, pick)
}

func TestACrashRepeatsNoMoreThanWhatIsInFlight(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n, connections = 200, 3
		var data atomic.Int64
		victim, killed := &mortal{Store: w.s}, make(chan struct{})
		w.smtpd.onData = func(string) error {
			if data.Add(1) == 50 { // taken by the server, not yet marked
				victim.dead.Store(true)
				close(killed)
			}
			return nil
		}
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(n)
		w.activate("list")
		o := w.options()
		o.Store, o.Connections, o.Session = victim, connections, time.Second
		stop := w.run(o)
		<-killed
		<-time.After(300 * time.Millisecond) // in which it may send all it dares
		stop()
		before := len(w.smtpd.mails())
		o.Store, o.Owner = w.s, ""
		w.run(o)
		w.until(openMembers, "0")
		once2 := 0
		for address, c := range w.smtpd.perAddress() {
			if c > 2 {
				t.Errorf("%s got %d mails", address, c)
			}
			once2 += c - 1
		}
		if got := len(w.smtpd.perAddress()); got != n {
			t.Errorf("%d members got mail, want %d", got, n)
		}
		if once2 > 2*connections {
			t.Errorf("%d mails went twice, more than two for each of %d connections", once2, connections)
		}
		if before > 50+2*connections {
			t.Errorf("%d mails went out, though nothing was marked after 50", before)
		}
	})
}

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

func TestWhatIsTrueWhenItIsSent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.smtpd.start(t, smtpdOptions{UTF8: false})
		w.account(1, "dead@example.net", "h")
		w.account(2, "changed@example.net", "h")
		w.exec(`UPDATE accounts SET password_set_at = ` + w.time(0) + ` WHERE id = 2`)
		w.account(3, "sso@example.net", "")
		w.account(4, "", "h")
		w.account(5, "bounced@example.net", "h")
		w.exec(`INSERT INTO suppressions (email_key, reason, created_at) VALUES ('bounced@example.net', 'test', ` + w.time(0) + `)`)
		w.account(6, "jörg@example.net", "h")
		w.account(7, "two..dots@bücher.example", "h")
		w.activate("list")
		w.run(w.options())
		w.until(openMembers, "0")
		for id, want := range map[int]string{
			1: "sent reset ", 2: "sent notice ", 3: "sent notice ", 4: "skipped  no address", 5: "skipped  address suppressed",
			6: "failed  RCPT TO: the mail server cannot take an address beyond ASCII (SMTPUTF8)", 7: "sent reset ",
		} {
			got := w.text(fmt.Sprintf(`SELECT state || ' ' || coalesce(kind, '') || ' ' || coalesce(last_error, '') FROM campaign_members WHERE account_id = %d`, id))
			if got != want {
				t.Errorf("member %d: %q, want %q", id, got, want)
			}
		}
		if w.smtpd.perAddress()[`"two..dots"@xn--bcher-kva.example`]+w.smtpd.perAddress()[`two..dots@xn--bcher-kva.example`] != 1 {
			t.Errorf("the address with two dots got no mail: %v", w.smtpd.perAddress())
		}
		w.exec(`UPDATE accounts SET email = 'late@example.net', email_key = 'late@example.net' WHERE id = 4`)
		n, err := w.s.Rearm(context.Background(), 1, 10)
		if err != nil || n != 1 {
			t.Errorf("%d members were made due by their new address (%v), want 1", n, err)
		}
		w.until(`SELECT state FROM campaign_members WHERE account_id = 4`, "sent")
	})
}

// TestFailures pins what each answer of the server leads to.
func TestFailures(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		tries := map[string]*atomic.Int64{}
		for _, name := range []string{"grey", "full", "gone", "policy", "content", "drop"} {
			tries[name] = &atomic.Int64{}
		}
		w.smtpd.onRcpt = func(to string) error {
			name, _, _ := strings.Cut(to, "@")
			switch name {
			case "grey":
				if tries[name].Add(1) == 1 {
					return reply(450, "4.2.0", "greylisted "+to)
				}
			case "full":
				tries[name].Add(1)
				return reply(452, "4.2.2", "mailbox full")
			case "gone":
				tries[name].Add(1)
				return reply(550, "5.1.1", "<"+to+"> no such user, see https://help.example/?u="+to)
			case "policy":
				if tries[name].Add(1) < 3 {
					return reply(550, "5.7.1", "not today")
				}
			}
			return nil
		}
		w.smtpd.onData = func(to string) error {
			name, _, _ := strings.Cut(to, "@")
			switch {
			case name == "content":
				tries[name].Add(1)
				return reply(554, "5.6.0", "bad content")
			case name == "drop" && tries[name].Add(1) == 1:
				return errHangUp
			}
			return nil
		}
		w.smtpd.start(t, smtpdOptions{})
		for i, name := range []string{"grey", "full", "gone", "policy", "content", "drop", "fine"} {
			w.account(i+1, name+"@example.net", "h")
		}
		w.activate("list")
		o := w.options()
		o.Retry.Max = 4
		w.run(o)
		w.until(openMembers, "0")
		for id, want := range map[int]string{
			1: "sent 2", 2: "failed 4 RCPT TO: 452 4.2.2 mailbox full", 3: "failed 1 RCPT TO: 550 5.1.1 … no such user, see …",
			4: "sent 3", 5: "failed 1 content: 554 5.6.0 bad content", 6: "sent 2", 7: "sent 1",
		} {
			got := w.text(fmt.Sprintf(`SELECT state || ' ' || attempts || CASE state WHEN 'failed' THEN ' ' || last_error ELSE '' END FROM campaign_members WHERE account_id = %d`, id))
			if got != want {
				t.Errorf("member %d: %q, want %q", id, got, want)
			}
		}
		if got := w.text(`SELECT group_concat_keys FROM (SELECT min(email_key) || ' ' || count(*) AS group_concat_keys FROM suppressions) s`); got != "gone@example.net 1" {
			t.Errorf("suppressed: %q, want the one mailbox that does not exist", got)
		}
	})
}

// TestAnOutageBurnsNobody pins that a mail server that cannot be used, in whatever way, costs no mail an attempt.
func TestAnOutageBurnsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var refusals atomic.Int64
		w.smtpd.onMail = func(string) error {
			switch refusals.Add(1) {
			case 1:
				return reply(550, "5.7.1", "sender not allowed")
			case 2:
				return reply(421, "4.3.2", "closing")
			}
			return nil
		}
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(20)
		w.activate("list")
		o := w.options()
		o.Connections = 1
		var down atomic.Bool
		down.Store(true)
		o.Dialer = dialFunc(func(ctx context.Context) (Conn, error) {
			if down.CompareAndSwap(true, false) {
				return nil, errors.New("connection refused")
			}
			return dialer(t, w.smtpd, "smtp://", "?tls=none").Dial(ctx)
		})
		w.run(o)
		w.until(sentMembers, "20")
		if got := w.text(`SELECT max(attempts) FROM campaign_members`); got != "1" {
			t.Errorf("somebody's mail took %s attempts", got)
		}
		once(t, w, 20)
	})
}

type dialFunc func(context.Context) (Conn, error)

func (f dialFunc) Dial(ctx context.Context) (Conn, error) { return f(ctx) }

func TestSingleMailsGoFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.smtpd.taken = make(chan struct{}, 1000)
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(200)
		w.activate("list")
		o := w.options()
		o.Connections, o.Rate, o.Batch = 1, 40, 50
		w.run(o)
		<-w.smtpd.taken
		w.account(900, "asked@example.net", "h")
		w.ask("asked", 0, "asked@example.net")
		w.until(openSingles, "0")
		if got := len(w.smtpd.mails()); got > 40 {
			t.Errorf("a single mail waited behind %d of the campaign", got)
		}
	})
}

func TestSingleMails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.smtpd.start(t, smtpdOptions{})
		w.account(1, "family@example.net", "h")
		w.account(2, "family@example.net", "h")
		w.account(3, "sso@example.net", "")
		w.account(4, "alone@example.net", "h")
		w.ask("asked", 0, "family@example.net")
		w.ask("asked", 0, "family@example.net")
		w.account(5, "Mike@example.net", "h")
		w.account(6, "mike@example.net", "h")
		w.ask("asked", 0, "nobody@example.net")
		w.ask("reissue", 3, "")
		w.ask("reissue", 4, "")
		w.ask("changed", 4, "")
		w.ask("disabled", 4, "")
		w.ask("asked", 0, "mike@example.net")
		w.run(w.options())
		w.until(openSingles, "0")
		want := map[string]int{"family@example.net": 1, "alone@example.net": 2, "Mike@example.net": 1, "mike@example.net": 1}
		got := w.smtpd.perAddress()
		for address, n := range want {
			if got[address] != n {
				t.Errorf("%s got %d mails, want %d", address, got[address], n)
			}
		}
		if len(got) != len(want) {
			t.Errorf("mail went to %v", got)
		}
		for _, m := range w.smtpd.mails() {
			text := readMail(t, m.Data).text
			if m.To == "mike@example.net" && strings.Count(text, "#t=") != 1 {
				t.Errorf("a differently spelled mailbox got the links of another:\n%s", text)
			}
			if links := strings.Count(text, publicURL+"/reset#t="); m.To == "family@example.net" && (links != 2 || !strings.Contains(text, "user-1") || !strings.Contains(text, "user-2")) {
				t.Errorf("the mail to a shared address has %d links and does not name both accounts:\n%s", links, text)
			}
		}
		if got := w.text(`SELECT count(*) FROM outbox WHERE email_key LIKE '%@%'`); got != "0" {
			t.Errorf("%s finished rows still hold the typed address", got)
		}
		for id, want := range map[int]string{3: "skipped " + reasonNobody, 4: "skipped " + reasonNoPassword, 5: "sent ", 6: "sent ", 7: "skipped " + reasonEnabled} {
			if got := w.text(fmt.Sprintf(`SELECT state || ' ' || coalesce(last_error, '') FROM outbox WHERE id = %d`, id)); got != want {
				t.Errorf("row %d: %q, want %q", id, got, want)
			}
		}
	})
}

// TestTheLinkWorks reads link and code out of a mail as a member would, and holds them against ring and coder.
func TestTheLinkWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.smtpd.start(t, smtpdOptions{})
	w.account(7, "one@example.net", "h")
	w.exec(`UPDATE accounts SET credential_version = 5`)
	w.activate("list")
	w.run(w.options())
	w.until(sentMembers, "1")
	text := readMail(t, w.smtpd.mails()[0].Data).text
	_, rest, _ := strings.Cut(text, publicURL+"/reset#t=")
	signed, _, _ := strings.Cut(rest, "\n")
	claims, err := w.ring.Parse(strings.TrimSpace(signed), time.Now())
	if err != nil {
		t.Fatalf("the link in the mail: %v", err)
	}
	if claims.Account != 7 || claims.Campaign != 1 || claims.Version != 5 || claims.Epoch != 1 || claims.ExpiresAt.Sub(claims.IssuedAt) != 24*time.Hour {
		t.Errorf("the link says %+v", claims)
	}
	code := codePattern.FindString(text)
	if !w.coder.Matches(code, 7, 5, 1, []time.Duration{24 * time.Hour}, time.Now()) {
		t.Errorf("the code %q does not fit", code)
	}
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

func TestBackOff(t *testing.T) {
	t.Parallel()
	var r Retry
	r.defaults()
	for n, want := range map[int]time.Duration{1: time.Minute, 2: 3 * time.Minute, 5: 81 * time.Minute, 6: 4 * time.Hour, 11: 4 * time.Hour} {
		if got := r.after(n); got < want || got > want+want/5+1 {
			t.Errorf("after hand-off %d: %s, want %s and up to a fifth more", n, got, want)
		}
	}
	b, now := &breaker{}, time.Now()
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		wait, first := b.trip(now)
		if want *= time.Second; !first || wait < want || wait > want+want/5+1 {
			t.Errorf("failure %d shuts the lane for %s (first %v), want %s", n+1, wait, first, want)
		}
		if _, again := b.trip(now); again {
			t.Error("a second connection's failure counts again")
		}
		now = now.Add(wait)
	}
	b.works()
	if wait, _ := b.trip(now); wait > 2*time.Second {
		t.Errorf("after a success the first failure shuts the lane for %s", wait)
	}
}

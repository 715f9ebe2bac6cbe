package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
		successor := w.options() // with leases of the usual length: only the victim's shall end soon
		successor.Connections = connections
		w.run(successor)
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
		if once2 > inFlight*connections {
			t.Errorf("%d mails went twice, more than %d for each of %d connections", once2, inFlight, connections)
		}
		if before > 50+inFlight*connections {
			t.Errorf("%d mails went out, though nothing was marked after 50", before)
		}
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
		w.until(`SELECT state FROM campaign_members WHERE account_id = 4`, "sent")
	})
}

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

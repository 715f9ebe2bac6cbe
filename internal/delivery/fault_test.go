package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

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

// TestThrottling pins that a server that takes nothing for a while costs a few mails an attempt, and not the whole campaign.
func TestThrottling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	var asked atomic.Int64
	w.smtpd.onRcpt = func(string) error {
		if asked.Add(1) <= crowd+2 {
			return reply(451, "4.7.1", "slow down")
		}
		return nil
	}
	w.smtpd.start(t, smtpdOptions{})
	w.accounts(60)
	w.activate("list")
	o := w.options()
	o.Connections = 1
	w.run(o)
	w.until(sentMembers, "60")
	once(t, w, 60)
	if got := w.text(`SELECT sum(attempts) FROM campaign_members`); got != fmt.Sprint(60+crowd) {
		t.Errorf("all mails took %s attempts, want one each and %d more", got, crowd)
	}
}

// TestServersThatHangUpBetweenMails pins that a kept connection that was dropped costs a new one and nothing else.
func TestServersThatHangUpBetweenMails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.smtpd.leave = true
	w.smtpd.start(t, smtpdOptions{})
	w.accounts(20)
	w.activate("list")
	o := w.options()
	var others atomic.Int64
	o.Observe = func(_, outcome string) {
		if outcome != "sent" {
			others.Add(1)
		}
	}
	w.run(o)
	w.until(sentMembers, "20")
	once(t, w, 20)
	if n := others.Load(); n != 0 {
		t.Errorf("%d mails were put off", n)
	}
}

type dialFunc func(context.Context) (Conn, error)

func (f dialFunc) Dial(ctx context.Context) (Conn, error) { return f(ctx) }

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

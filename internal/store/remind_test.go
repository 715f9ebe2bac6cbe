package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

var remindEntry = audit.New(audit.Actor{Kind: audit.KindCLI, Name: "test"}, audit.CampaignRemind, campaign.Object(1), nil)

// written says what became of the first mail to a member, so long ago.
func written(t *testing.T, s *store.Store, id int, state, kind string, age time.Duration) {
	t.Helper()
	err := s.Exec(context.Background(), `UPDATE campaign_members SET state = ?, kind = ?, attempts = 3, sent_at = ?, message_id = '<first@x>' WHERE account_id = ?`,
		state, kind, time.Now().Add(-age), id)
	if err != nil {
		t.Fatal(err)
	}
}

const aDay = 24 * time.Hour

// unansweredTwo seeds eight members, of whom 1 and 2 are to be reminded.
func unansweredTwo(t *testing.T, s *store.Store) {
	t.Helper()
	mailing(t, s, 8, "everyone")
	for id := range 8 {
		written(t, s, id+1, "sent", "reset", 4*aDay)
	}
	for _, change := range []string{
		`UPDATE campaign_members SET reset_at = sent_at WHERE account_id = 3`,
		`UPDATE accounts SET password_set_at = cutoff FROM campaigns WHERE accounts.id = 4`, // changed at the login service
		`UPDATE campaign_members SET kind = 'notice' WHERE account_id = 5`,
		`UPDATE campaign_members SET state = 'failed', sent_at = NULL WHERE account_id = 6`,
		`INSERT INTO suppressions (email_key, reason, created_at) SELECT 'm7@example.net', 'test', created_at FROM accounts WHERE id = 7`,
	} {
		if err := s.Exec(context.Background(), change); err != nil {
			t.Fatalf("%s: %v", change, err)
		}
	}
	written(t, s, 8, "sent", "reset", aDay)
}

func order(t *testing.T, s *store.Store, age time.Duration) campaign.Campaign {
	t.Helper()
	k, err := s.RemindCampaign(context.Background(), 1, age, remindEntry)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestReminderIsForTheUnanswered pins who is counted, who is taken up, and what stays as it was.
func TestReminderIsForTheUnanswered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		unansweredTwo(t, s)
		if n, err := s.WouldRemind(ctx, 1, 3*aDay); err != nil || n != 2 {
			t.Errorf("%d would be reminded (%v), want 2", n, err)
		}
		if err := s.Exec(ctx, `UPDATE campaigns SET mailing = 'done'`); err != nil {
			t.Fatal(err)
		}
		reminders := queue.Pick{Campaign: 1, Reminders: true, Upto: 1 << 40, Limit: 3}
		if got := claim(t, s, mine, reminders); len(got) != 0 {
			t.Errorf("claimed %+v before a reminder was ordered", got)
		}
		if k := order(t, s, 3*aDay); k.Reminders != 1 || k.Mailing != campaign.Running || k.RemindedAt == nil {
			t.Errorf("the campaign is %+v", k)
		}
		is(t, s, 1, `SELECT count(*) FROM audit_entries WHERE action = 'campaign.remind' AND outcome = 'done'`)
		status(t, s, campaign.Delivery{Sent: 7, Failed: 1}, 1, 4, 0) // 4 and 7 are found out when their turn comes
		if done, next, err := s.Settle(ctx, 1); err != nil || done || next != 1 {
			t.Errorf("with reminders to go the mailing is done %v, next %d (%v)", done, next, err)
		}
		got := claim(t, s, mine, reminders)
		if len(got) != 3 || got[0].Account != 1 || got[1].Account != 2 || got[2].Account != 4 || !got[0].Reminder || got[0].Attempts != 0 || got[2].Dead {
			t.Fatalf("claimed %+v, want 1, 2 and 4 for a reminder, as if never tried", got)
		}
		status(t, s, campaign.Delivery{Sent: 7, Failed: 1}, 1, 4, 0)
		marks := []queue.Mark{
			{ID: 1, State: queue.Sent, At: time.Now(), Kind: queue.Reset, MessageID: "<second@x>", Tried: true},
			{ID: 2, State: queue.Pending, At: time.Now()},                 // given back
			{ID: 4, State: queue.Sent, At: time.Now(), Error: "answered"}, // not sent
		}
		if n, err := s.MarkMembers(ctx, mine.Owner, 1, marks); err != nil || n != 3 {
			t.Fatalf("%d marks (%v)", n, err)
		}
		is(t, s, 1, `SELECT count(*) FROM campaign_members WHERE account_id = 1 AND state = 'sent' AND attempts = 1 AND message_id = '<second@x>' AND sent_at < ? AND reminded_at > ?`, time.Now().Add(-3*aDay), time.Now().Add(-time.Minute))
		is(t, s, 1, `SELECT count(*) FROM campaign_members WHERE account_id = 4 AND state = 'sent' AND reminded_at IS NULL AND message_id = '<first@x>' AND sent_at < ?`, time.Now().Add(-3*aDay))
		status(t, s, campaign.Delivery{Sent: 7, Failed: 1}, 1, 2, 1)
		if again := claim(t, s, mine, queue.Pick{Campaign: 1, Upto: 1 << 40, Limit: 9}); len(again) != 1 || again[0].Account != 2 || !again[0].Reminder {
			t.Errorf("claimed %+v as fresh, want the one that was given back, for a reminder", again)
		}
		if rest := claim(t, s, theirs, reminders); len(rest) != 1 || rest[0].Account != 7 {
			t.Errorf("claimed %+v, want 7 and nobody twice", rest)
		}
	})
}

// status holds the numbers that an operator sees.
func status(t *testing.T, s *store.Store, d campaign.Delivery, ordered, waiting, sent int64) {
	t.Helper()
	st, err := s.CampaignStatus(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, st.Delivery); diff != "" {
		t.Errorf("mails (-want +got):\n%s", diff)
	}
	if r := st.Reminders; r.Ordered != ordered || r.Waiting != waiting || r.Sent != sent || r.LastAt == nil || st.Reset != 1 {
		t.Errorf("reminders %+v, %d reset; want %d ordered, %d waiting, %d sent, 1 reset", r, st.Reset, ordered, waiting, sent)
	}
}

// TestReminderRefused pins when none may be ordered, that nothing changes then, and that the next round finds who was not reminded lately.
func TestReminderRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		unansweredTwo(t, s)
		refused := func(change, restore, code string) {
			t.Helper()
			if err := s.Exec(ctx, change); err != nil {
				t.Fatal(err)
			}
			var refusal *problem.Error
			if _, err := s.RemindCampaign(ctx, 1, 3*aDay, remindEntry); !errors.As(err, &refusal) || refusal.Code != code {
				t.Errorf("after %s: %v, want %s", change, err, code)
			}
			if _, err := s.WouldRemind(ctx, 1, 3*aDay); !errors.As(err, &refusal) || refusal.Code != code {
				t.Errorf("counted after %s: %v, want %s", change, err, code)
			}
			if err := s.Exec(ctx, restore); err != nil {
				t.Fatal(err)
			}
		}
		refused(`UPDATE campaigns SET mailing = 'paused'`, `UPDATE campaigns SET mailing = 'done'`, "wrong_mailing")
		refused(`UPDATE campaigns SET state = 'closed', closed_at = created_at`, `UPDATE campaigns SET state = 'active', closed_at = NULL`, "wrong_state")
		is(t, s, 0, `SELECT count(*) FROM audit_entries`)
		is(t, s, 0, `SELECT reminders FROM campaigns`)
		order(t, s, 3*aDay)
		refused(`UPDATE campaigns SET mailing = 'done'`, `UPDATE campaigns SET mailing = 'running'`, "reminded_lately")
		is(t, s, 1, `SELECT count(*) FROM audit_entries`)
		is(t, s, 1, `SELECT reminders FROM campaigns`)

		claim(t, s, mine, queue.Pick{Campaign: 1, Reminders: true, Upto: 1, Limit: 9})
		if _, err := s.MarkMembers(ctx, mine.Owner, 1, []queue.Mark{{ID: 1, State: queue.Sent, At: time.Now(), Kind: queue.Reset, Tried: true}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Exec(ctx, `UPDATE campaigns SET reminded_at = ?`, time.Now().Add(-3*aDay)); err != nil {
			t.Fatal(err)
		}
		if n, err := s.WouldRemind(ctx, 1, 2*aDay); err != nil || n != 1 {
			t.Errorf("%d would be reminded once more (%v), want the one who was not reminded a moment ago", n, err)
		}
	})
}

// TestReminderIsOneCommit breaks it before its commit: neither the order nor the entry stays.
func TestReminderIsOneCommit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		unansweredTwo(t, s)
		fault := errors.New("killed")
		s.SetHooks(false, nil, func(string) error { return fault }, nil)
		if _, err := s.RemindCampaign(context.Background(), 1, 3*aDay, remindEntry); !errors.Is(err, fault) {
			t.Errorf("killed before the commit: %v", err)
		}
		s.SetHooks(false, nil, nil, nil)
		is(t, s, 0, `SELECT count(*) FROM audit_entries`)
		is(t, s, 0, `SELECT reminders FROM campaigns`)
		is(t, s, 0, `SELECT count(*) FROM campaign_members WHERE state = 'pending'`)
	})
}

package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
)

// A reminder is one committed row, as an activation is: no member's row is touched until its mail is claimed, so there is nothing to resume
// after a crash and nothing to repeat.

// unanswered are the members m who were written to with a link, before a moment, and have not reset.
const unanswered = `m.state = 'sent' AND m.kind = 'reset' AND m.reset_at IS NULL AND coalesce(m.reminded_at, m.sent_at) <= `

// dueReminder are the members m whom the last reminder is for and who were not taken up for it yet. It takes the campaign twice.
const dueReminder = unanswered + `(SELECT k.remind_before FROM campaigns k WHERE k.id = ?) AND m.reminders < (SELECT k.reminders FROM campaigns k WHERE k.id = ?)`

// WouldRemind counts set-wise what delivery decides one by one: who is unanswered and dead, and can be written to.
func (s *Store) WouldRemind(ctx context.Context, id int64, age time.Duration) (n int64, err error) {
	k, err := s.Campaign(ctx, id)
	if err != nil {
		return 0, err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return 0, err
	}
	if err := campaign.CheckRemind(k, age, now); err != nil {
		return 0, err
	}
	err = s.dialect.roomy(s.db(ctx), func(db *gorm.DB) error {
		r, err := s.reachOf(db, id, 0)
		if err != nil {
			return err
		}
		return db.Raw(`SELECT count(*) FROM ? AND (r.kills OR d.account_id IS NOT NULL) AND r.account_id IN (
			SELECT m.account_id FROM campaign_members m JOIN accounts a ON a.id = m.account_id
			  LEFT JOIN suppressions s ON s.email_key = a.email_key
			 WHERE m.campaign_id = ? AND `+unanswered+`? AND a.email_key IS NOT NULL AND s.email_key IS NULL)`, s.from(r), id, at(now.Add(-age))).Row().Scan(&n)
	})
	return n, s.fail("counting who would be reminded", err)
}

// RemindCampaign orders a reminder. The row says whom it is for; mailing runs again if it had come to its end.
func (s *Store) RemindCampaign(ctx context.Context, id int64, age time.Duration, entry audit.Entry) (k campaign.Campaign, err error) {
	err = s.write(ctx, "ordering a reminder", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		before := at(now.Add(-age))
		done := tx.Exec(`UPDATE campaigns SET reminders = reminders + 1, reminded_at = ?, remind_before = ?, mailing = 'running'
			WHERE id = ? AND state = 'active' AND mailing IN ('running', 'done') AND (reminded_at IS NULL OR reminded_at <= ?)`, at(now), before, id, before)
		if done.Error != nil {
			return done.Error
		}
		if k, err = readCampaign(tx, id); err != nil {
			return err
		}
		if done.RowsAffected == 0 {
			return campaign.CheckRemind(k, age, now)
		}
		return s.record(tx, now, entry.With("reminder", k.Reminders).With("mail_before", before.Time))
	})
	return k, err
}

package store

import (
	"context"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// Upkeep is what delivery does now and then so that nobody in scope is missed.

// Expire gives members back whose lease ran out: their process is gone. It counts as an attempt, since the mail may have been under way,
// and makes them due at once. Rows are looked for without a lock; the update asks again whether the lease is over.
func (s *Store) Expire(ctx context.Context, campaign int64, limit int) (int, error) {
	var changed int64
	doing := "giving back members whose lease ran out"
	now, err := s.now(s.db(ctx))
	if err != nil {
		return 0, s.fail(doing, err)
	}
	var ids []int64
	err = s.db(ctx).Raw(`SELECT account_id FROM campaign_members WHERE campaign_id = ? AND state = 'leased' AND lease_until < ? LIMIT ?`, campaign, at(now), limit).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return 0, s.fail(doing, err)
	}
	err = s.single(ctx, doing, func(db *gorm.DB) error {
		result := db.Exec(`
			UPDATE campaign_members SET state = 'pending', attempts = attempts + 1, next_attempt_at = ?, lease_owner = NULL, lease_until = NULL, last_error = 'the sending process was gone'
			 WHERE campaign_id = ? AND ? AND state = 'leased' AND lease_until < ?`, at(now), campaign, s.dialect.in("account_id", ids), at(now))
		changed = result.RowsAffected
		return result.Error
	})
	return int(changed), err
}

// TopUp makes members of accounts that came after the last top-up of an active campaign for everyone: of those that existed when it was
// activated, and of those it kills. It looks at no more than limit account ids, and says how many became members and whether more ids wait.
// While an import runs it does nothing, because ids that are taken but not committed would be passed over for good.
func (s *Store) TopUp(ctx context.Context, campaign int64, limit int) (added int, more bool, err error) {
	err = s.write(ctx, "adding later accounts to a campaign", func(tx *gorm.DB) error {
		if free, err := s.dialect.tryLock(tx, arrivalLock, exclusive); err != nil || !free {
			return err
		}
		var k struct{ MembersThrough, Highest int64 }
		err := tx.Raw(`
			SELECT members_through, (SELECT coalesce(max(id), 0) FROM accounts) AS highest
			  FROM campaigns WHERE id = ? AND scope = 'everyone' AND state = 'active'`+s.dialect.skipLocked(), campaign).Scan(&k).Error
		if err != nil || k.Highest <= k.MembersThrough {
			return err
		}
		upto := min(k.Highest, k.MembersThrough+int64(limit))
		more = upto < k.Highest
		result := tx.Exec(`
			INSERT INTO campaign_members (campaign_id, account_id)
			SELECT k.id, a.id FROM campaigns k, accounts a
			 WHERE k.id = ? AND a.id > ? AND a.id <= ? AND a.deleted_at IS NULL
			   AND (a.created_at <= k.activated_at OR EXISTS (SELECT 1 FROM campaign_reach r WHERE r.campaign_id = k.id AND r.account_id = a.id AND r.kills))
			ON CONFLICT DO NOTHING`, campaign, k.MembersThrough, upto)
		if result.Error != nil {
			return result.Error
		}
		added = int(result.RowsAffected)
		return tx.Exec(`
			UPDATE campaigns SET members_through = ?, mailing = CASE WHEN ? > 0 AND mailing = 'done' THEN 'running' ELSE mailing END
			 WHERE id = ?`, upto, added, campaign).Error
	})
	return added, more, err
}

// Rearm makes members due who were skipped for want of an address and have one now.
func (s *Store) Rearm(ctx context.Context, campaign int64, limit int) (int, error) {
	var changed int64
	err := s.write(ctx, "writing to members who have an address now", func(tx *gorm.DB) error {
		held, err := s.hold(tx, campaign, "mailing IN ('running', 'done')")
		if err != nil || !held {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		result := tx.Exec(`
			UPDATE campaign_members SET state = 'pending', attempts = attempts + 1, next_attempt_at = ?
			 WHERE campaign_id = ? AND state = 'skipped' AND account_id IN (
				SELECT m.account_id FROM campaign_members m JOIN accounts a ON a.id = m.account_id
				 WHERE m.campaign_id = ? AND m.state = 'skipped' AND m.last_error = ? AND a.email IS NOT NULL LIMIT ?)`,
			at(now), campaign, campaign, queue.NoAddress, limit)
		changed = result.RowsAffected
		if result.Error != nil || changed == 0 {
			return result.Error
		}
		return tx.Exec(`UPDATE campaigns SET mailing = 'running' WHERE id = ? AND state = 'active' AND mailing = 'done'`, campaign).Error
	})
	return int(changed), err
}

// Settle sets mailing to done when no member of an active, running campaign waits, and else gives the lowest id of a member never tried, or
// not yet reminded (0: only retries wait). The campaign's row is held before its members are looked at, as TopUp, Rearm and a reminder do,
// so no arrival is missed.
func (s *Store) Settle(ctx context.Context, campaign int64) (done bool, untried int64, err error) {
	untried, err = s.untried(ctx, campaign)
	if err != nil || untried != 0 {
		return false, untried, err
	}
	err = s.write(ctx, "ending the mailing of a campaign", func(tx *gorm.DB) error {
		held, err := s.hold(tx, campaign, "mailing = 'running'")
		if err != nil || !held {
			return err
		}
		result := tx.Exec(`
			UPDATE campaigns SET mailing = 'done'
			 WHERE id = ? AND state = 'active' AND mailing = 'running'
			   AND NOT EXISTS (SELECT 1 FROM campaign_members m WHERE campaign_id = ? AND (state IN ('pending', 'leased') OR `+dueReminder+`))`,
			campaign, campaign, campaign, campaign)
		done = result.RowsAffected == 1
		return result.Error
	})
	return done, 0, err
}

// hold keeps an active campaign's row until the transaction ends, unless somebody else has it or it is not so.
func (s *Store) hold(tx *gorm.DB, campaign int64, so string) (bool, error) {
	var held []int64
	err := tx.Raw(`SELECT id FROM campaigns WHERE id = ? AND state = 'active' AND `+so+s.dialect.skipLocked(), campaign).Scan(&held).Error
	return len(held) == 1, err
}

func (s *Store) untried(ctx context.Context, campaign int64) (id int64, err error) {
	err = s.db(ctx).Raw(`
		SELECT coalesce((SELECT account_id FROM campaign_members WHERE campaign_id = ? AND state = 'pending' AND attempts = 0 ORDER BY account_id LIMIT 1),
		                (SELECT account_id FROM campaign_members m WHERE campaign_id = ? AND `+dueReminder+` ORDER BY account_id LIMIT 1), 0)`,
		campaign, campaign, campaign, campaign).Row().Scan(&id)
	return id, s.fail("looking for members not written to", err)
}

package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
)

// recheckTime is how long a commit whose reply was lost may be looked for.
const recheckTime = 10 * time.Second

// ActivateCampaign kills at its commit. The transaction holds the order lock alone and touches one row whatever the number of accounts: the newest
// password date comes from the end of an index. A commit whose reply was lost is looked up, so that an error means that nothing was done.
func (s *Store) ActivateCampaign(ctx context.Context, id int64, prepared time.Time, entry audit.Entry) (campaign.Activated, error) {
	var done campaign.Activated
	err := s.ordered(ctx, "activating a campaign", exclusive, func(tx *gorm.DB, now time.Time) (err error) {
		if done, err = s.activate(tx, id, prepared, now); err != nil {
			return err
		}
		return s.record(tx, now, entry.With("epoch", done.Epoch).With("activated_at", done.ActivatedAt).With("cutoff", done.Cutoff))
	})
	if err == nil || done.ID == 0 {
		return done, err
	}
	if committed, lookup := s.activated(ctx, done); lookup != nil || !committed {
		return campaign.Activated{}, errors.Join(err, lookup)
	}
	return done, nil
}

// activate changes the one row, in one statement. activated_at is later than every password set and every activation before it, whatever
// the clock says, and never before a named cutoff.
func (s *Store) activate(tx *gorm.DB, id int64, prepared, now time.Time) (campaign.Activated, error) {
	var found []struct {
		Epoch       int64
		ActivatedAt Time
		Cutoff      Time
	}
	err := tx.Raw(`UPDATE campaigns SET state = 'active', epoch = n.epoch, activated_at = n.at, cutoff = coalesce(cutoff, n.at)
		FROM (SELECT (SELECT coalesce(max(epoch), 0) + 1 FROM campaigns) AS epoch, `+s.dialect.latest("?", "(SELECT cutoff FROM campaigns WHERE id = ?)",
		"(SELECT max(password_set_at) FROM accounts)", "(SELECT max(activated_at) FROM campaigns)")+` AS at) n
		WHERE id = ? AND state = 'prepared' AND prepared_at = ? RETURNING campaigns.epoch, activated_at, cutoff`, at(now), id, id, at(prepared)).Scan(&found).Error
	if err != nil {
		return campaign.Activated{}, err
	}
	if len(found) == 0 {
		return campaign.Activated{}, notActivated(tx, id)
	}
	return campaign.Activated{ID: id, State: campaign.Active, ActivatedAt: found[0].ActivatedAt.Time, Cutoff: found[0].Cutoff.Time, Epoch: found[0].Epoch}, nil
}

// notActivated tells a campaign prepared anew, which nobody has counted, from one in the wrong state.
func notActivated(tx *gorm.DB, id int64) error {
	k, err := readCampaign(tx, id)
	if err != nil {
		return err
	}
	if k.State == campaign.Prepared {
		return campaign.ErrPreparedAnew
	}
	return campaign.WrongState(k.State, "activate")
}

// activated looks for a commit by what only it can have written.
func (s *Store) activated(ctx context.Context, done campaign.Activated) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recheckTime)
	defer cancel()
	var n int64
	err := s.db(ctx).Raw("SELECT count(*) FROM campaigns WHERE id = ? AND epoch = ? AND activated_at = ?", done.ID, done.Epoch, at(done.ActivatedAt)).Row().Scan(&n)
	return n == 1, s.fail("looking for the activation", err)
}

// SetMailing pauses or resumes.
func (s *Store) SetMailing(ctx context.Context, id int64, from, to campaign.Mailing, entry audit.Entry) error {
	return s.write(ctx, "setting a campaign's mailing", func(tx *gorm.DB) error {
		done := tx.Exec("UPDATE campaigns SET mailing = ? WHERE id = ? AND mailing = ? AND state IN ('draft', 'prepared', 'active')", string(to), id, string(from))
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return notMailing(tx, id, to)
		}
		return s.recordNow(tx, entry)
	})
}

func notMailing(tx *gorm.DB, id int64, to campaign.Mailing) error {
	act := "pause"
	if to == campaign.Running {
		act = "resume"
	}
	k, err := readCampaign(tx, id)
	if err != nil {
		return err
	}
	if k.State == campaign.Draft || k.State == campaign.Prepared || k.State == campaign.Active {
		return campaign.WrongMailing(k.Mailing, act)
	}
	return campaign.WrongState(k.State, act)
}

// CloseCampaign ends the mailing for good.
func (s *Store) CloseCampaign(ctx context.Context, id int64, entry audit.Entry) error {
	return s.end(ctx, id, "close", entry, func(tx *gorm.DB, now time.Time) *gorm.DB {
		return tx.Exec("UPDATE campaigns SET state = 'closed', mailing = 'done', closed_at = ? WHERE id = ? AND state = 'active'", at(now), id)
	})
}

// CancelCampaign revives passwords. activated_at and epoch stay, so that sessions and links don't.
func (s *Store) CancelCampaign(ctx context.Context, id int64, reason string, entry audit.Entry) error {
	return s.end(ctx, id, "cancel", entry, func(tx *gorm.DB, now time.Time) *gorm.DB {
		return tx.Exec("UPDATE campaigns SET state = 'cancelled', mailing = 'done', cancelled_at = ?, cancel_reason = ? WHERE id = ? AND state IN ('active', 'closed')", at(now), reason, id)
	})
}

// DiscardCampaign forgets members and list of a campaign that never was active; the list's digest stays.
func (s *Store) DiscardCampaign(ctx context.Context, id int64, entry audit.Entry) error {
	return s.end(ctx, id, "discard", entry, func(tx *gorm.DB, _ time.Time) *gorm.DB {
		done := tx.Exec("UPDATE campaigns SET state = 'discarded', mailing = 'done' WHERE id = ? AND state IN ('draft', 'prepared')", id)
		if done.Error != nil || done.RowsAffected == 0 {
			return done
		}
		if err := tx.Exec("DELETE FROM campaign_list_lines WHERE campaign_id = ?", id).Error; err != nil {
			done.Error = err
			return done
		}
		done.Error = s.dialect.dropMembers(tx, id)
		return done
	})
}

// end runs the one statement that moves a campaign, and refuses if it found the campaign in another state than it names.
func (s *Store) end(ctx context.Context, id int64, act string, entry audit.Entry, move func(tx *gorm.DB, now time.Time) *gorm.DB) error {
	return s.write(ctx, "to "+act+" a campaign", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		done := move(tx, now)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return wrongState(tx, id, act)
		}
		return s.record(tx, now, entry)
	})
}

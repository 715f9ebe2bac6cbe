package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// reach is the reach of one campaign beside what is dead without it, set-wise over the view: credential_status would be asked a million times.
// others are the campaigns that kill beside it; naming them lets the database leave out the members of all the rest.
type reach struct {
	campaign int64
	others   []int64
}

// reachOf finds the campaigns in force beside one; before, if it is not 0, leaves out those that have this epoch or a later one.
func (s *Store) reachOf(db *gorm.DB, id, before int64) (reach, error) {
	r := reach{campaign: id, others: []int64{}}
	err := db.Raw("SELECT id FROM campaigns WHERE state IN ('active', 'closed') AND id <> ? AND (epoch < ? OR ? = 0)", id, before, before).Scan(&r.others).Error
	return r, err
}

// from is the FROM and WHERE of a query: r is the view's row, d.account_id is not NULL if the account is dead anyway.
func (s *Store) from(r reach) clause.Expr {
	others := s.dialect.in("x.campaign_id", r.others)
	return clause.Expr{SQL: `campaign_reach r
		LEFT JOIN (SELECT x.account_id FROM campaign_reach x WHERE x.kills AND ` + others.SQL + `
		            UNION SELECT id FROM accounts WHERE disabled_at IS NOT NULL) d ON d.account_id = r.account_id
		LEFT JOIN (SELECT id FROM accounts WHERE deleted_at IS NOT NULL) gone ON gone.id = r.account_id
		WHERE r.campaign_id = ? AND gone.id IS NULL`, Vars: append(others.Vars, r.campaign)}
}

// PreviewCampaign counts what an activation now would do, over the views that will judge after it.
func (s *Store) PreviewCampaign(ctx context.Context, id int64, sample int) (campaign.Preview, error) {
	var p campaign.Preview
	k, err := s.Campaign(ctx, id)
	if err != nil {
		return p, err
	}
	if k.State != campaign.Prepared {
		return p, campaign.WrongState(k.State, "preview")
	}
	err = s.dialect.roomy(s.db(ctx), func(db *gorm.DB) error {
		r, err := s.reachOf(db, id, 0)
		if err != nil {
			return err
		}
		err = db.Raw("SELECT count(*), count(CASE WHEN r.kills AND d.account_id IS NULL THEN 1 END), count(d.account_id) FROM ?", s.from(r)).Row().
			Scan(&p.Covered, &p.WouldDie, &p.AlreadyDead)
		if err == nil && sample > 0 && p.WouldDie > 0 {
			p.Sample, err = s.sampleReach(db, r, sample)
		}
		return err
	})
	return p, s.fail("previewing a campaign", err)
}

// sampleReach gives a few accounts that would die, whichever the database finds first.
func (s *Store) sampleReach(db *gorm.DB, r reach, limit int) ([]campaign.Sample, error) {
	var rows []struct {
		Subject       string
		Email         *string
		PasswordSetAt Time
	}
	err := db.Raw(`SELECT a.subject, a.email, a.password_set_at FROM
		(SELECT r.account_id FROM ? AND r.kills AND d.account_id IS NULL LIMIT ?) f
		JOIN accounts a ON a.id = f.account_id ORDER BY a.id`, s.from(r), limit).Scan(&rows).Error
	list := make([]campaign.Sample, len(rows))
	for n, r := range rows {
		list[n] = campaign.Sample{Subject: r.Subject, PasswordSetAt: r.PasswordSetAt.ptr()}
		if r.Email != nil {
			list[n].Email = *r.Email
		}
	}
	return list, err
}

// CoveredAddresses picks from folded addresses those of accounts whose password the campaign kills, or would.
func (s *Store) CoveredAddresses(ctx context.Context, id int64, keys []string) ([]string, error) {
	found := []string{}
	if len(keys) == 0 {
		return found, nil
	}
	err := s.db(ctx).Raw(`SELECT DISTINCT a.email_key FROM accounts a JOIN campaign_reach r ON r.account_id = a.id
		WHERE ? AND a.email_key IS NOT NULL AND a.deleted_at IS NULL AND r.campaign_id = ? AND r.kills ORDER BY 1`, s.dialect.in("a.email_key", keys), id).Scan(&found).Error
	return found, s.fail("looking for addresses in a campaign", err)
}

// WouldRevive counts the credentials that are dead by this campaign alone.
func (s *Store) WouldRevive(ctx context.Context, id int64) (n int64, err error) {
	k, err := s.Campaign(ctx, id)
	if err != nil || !k.State.Counts() {
		return 0, err
	}
	err = s.dialect.roomy(s.db(ctx), func(db *gorm.DB) error {
		r, err := s.reachOf(db, id, 0)
		if err != nil {
			return err
		}
		return db.Raw("SELECT count(*) FROM ? AND r.kills AND d.account_id IS NULL", s.from(r)).Row().Scan(&n)
	})
	return n, s.fail("counting what would live again", err)
}

// CountDied counts the credentials that were live until the activation and dead after it, and keeps the number. Members who have set a new
// password since are counted with it: the activation killed their old one.
func (s *Store) CountDied(ctx context.Context, id int64, entry audit.Entry) (int64, error) {
	k, err := s.Campaign(ctx, id)
	if err != nil {
		return 0, err
	}
	if k.Died != nil {
		return *k.Died, nil
	}
	if !k.State.Counts() {
		return 0, problem.Newf(problem.Conflict, "the campaign is %s: it kills nobody", k.State)
	}
	var n int64
	err = s.dialect.roomy(s.db(ctx), func(db *gorm.DB) error {
		r, err := s.reachOf(db, id, k.Epoch)
		if err != nil {
			return err
		}
		return db.Raw(`SELECT count(*) FROM ? AND d.account_id IS NULL AND (r.kills OR r.account_id IN
			(SELECT account_id FROM campaign_members WHERE campaign_id = ? AND reset_at IS NOT NULL))`, s.from(r), id).Row().Scan(&n)
	})
	if err != nil {
		return 0, s.fail("counting what died", err)
	}
	return n, s.keepDied(ctx, id, n, entry)
}

func (s *Store) keepDied(ctx context.Context, id, n int64, entry audit.Entry) error {
	return s.write(ctx, "keeping the count of what died", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		done := tx.Exec("UPDATE campaigns SET died = ? WHERE id = ? AND died IS NULL AND activated_at IS NOT NULL", n, id)
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error
		}
		return s.record(tx, now, entry.With("died", n))
	})
}

// CampaignStatus counts mail and resets in one pass over the members. Mail of a campaign that ended counts as skipped if it had not gone.
// Who was written to stays counted as such while a reminder waits.
func (s *Store) CampaignStatus(ctx context.Context, id int64) (campaign.Status, error) {
	k, err := s.Campaign(ctx, id)
	if err != nil {
		return campaign.Status{}, err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return campaign.Status{}, err
	}
	st := campaign.Status{ID: k.ID, State: k.State, Mailing: k.Mailing, Incident: k.Incident, Scope: k.Scope, ActivatedAt: k.ActivatedAt, Died: k.Died}
	d := &st.Delivery
	st.Reminders.Ordered, st.Reminders.LastAt = k.Reminders, k.RemindedAt
	minute, hour := at(now.Add(-time.Minute)), at(now.Add(-time.Hour))
	var sent, reminded Time
	err = s.db(ctx).Raw(statusCounts, minute, minute, minute, minute, hour, hour, hour, id, id, id).Row().
		Scan(&st.Members, &d.Pending, &d.Sent, &d.Skipped, &d.Failed, &d.Bounced, &st.Reset, &st.SentLastMinute, &sent, &reminded, &st.SentLastHour, &st.ResetLastHour,
			&st.Reminders.Sent, &st.Reminders.Waiting)
	if err != nil {
		return campaign.Status{}, s.fail(fmt.Sprintf("counting the members of campaign %d", id), err)
	}
	if st.SentSince = sent.ptr(); st.SentSince == nil || !reminded.IsZero() && reminded.Before(sent.Time) {
		st.SentSince = reminded.ptr()
	}
	if k.State == campaign.Closed || k.State == campaign.Cancelled {
		d.Skipped, d.Pending, st.Reminders.Waiting = d.Skipped+d.Pending, 0, 0
	}
	return st, nil
}

const statusCounts = `SELECT count(*), count(CASE WHEN state IN ('pending', 'leased') AND sent_at IS NULL THEN 1 END),
	count(CASE WHEN state = 'sent' OR state IN ('pending', 'leased') AND sent_at IS NOT NULL THEN 1 END),
	count(CASE WHEN state = 'skipped' THEN 1 END), count(CASE WHEN state = 'failed' THEN 1 END), count(CASE WHEN state = 'bounced' THEN 1 END),
	count(reset_at), count(CASE WHEN sent_at > ? THEN 1 END) + count(CASE WHEN reminded_at > ? THEN 1 END),
	min(CASE WHEN sent_at > ? THEN sent_at END), min(CASE WHEN reminded_at > ? THEN reminded_at END),
	count(CASE WHEN sent_at > ? THEN 1 END) + count(CASE WHEN reminded_at > ? THEN 1 END), count(CASE WHEN reset_at > ? THEN 1 END),
	count(reminded_at), count(CASE WHEN state IN ('pending', 'leased') AND sent_at IS NOT NULL OR ` + dueReminder + ` THEN 1 END)
	FROM campaign_members m WHERE campaign_id = ?`

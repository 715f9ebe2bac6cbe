package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// Claims are made by one statement that picks and leases, so that two processes never hold the same row; what is known about the
// recipients is read after it in the same transaction.

// ClaimMembers leases members of an active, running campaign, in order of account id.
func (s *Store) ClaimMembers(ctx context.Context, lease queue.Lease, pick queue.Pick) ([]queue.Member, error) {
	var members []queue.Member
	err := s.write(ctx, "claiming members for mail", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		var claimed []struct {
			AccountID int64
			Attempts  int
			Reminder  bool
		}
		where, args := waiting(pick, now)
		args = append(append([]any{pick.Campaign, pick.Campaign}, args...), pick.Limit, lease.Owner, at(now.Add(lease.For)), pick.Campaign, pick.Campaign)
		err = tx.Raw(`
			WITH picked AS MATERIALIZED (
				SELECT account_id AS id FROM campaign_members m
				 WHERE campaign_id = ?
				   AND EXISTS (SELECT 1 FROM campaigns WHERE id = ? AND state = 'active' AND mailing = 'running')
				   AND `+where+` LIMIT ?`+s.dialect.skipLocked()+`)
			UPDATE campaign_members SET state = 'leased', lease_owner = ?, lease_until = ?, attempts = CASE state WHEN 'sent' THEN 0 ELSE attempts END,
			       reminders = (SELECT k.reminders FROM campaigns k WHERE k.id = ?)
			  FROM picked WHERE campaign_id = ? AND account_id = picked.id
			RETURNING account_id, attempts, sent_at IS NOT NULL AS reminder`, args...).Scan(&claimed).Error
		if err != nil || len(claimed) == 0 {
			return err
		}
		ids := make([]int64, len(claimed))
		for i, c := range claimed {
			ids[i] = c.AccountID
		}
		known, err := s.recipients(tx, ids, nil)
		if err != nil {
			return err
		}
		members = make([]queue.Member, 0, len(claimed))
		for _, c := range claimed {
			i, ok := slices.BinarySearchFunc(known, c.AccountID, func(r queue.Recipient, id int64) int { return cmp.Compare(r.Account, id) })
			if !ok {
				return fmt.Errorf("member %d of campaign %d is no account", c.AccountID, pick.Campaign)
			}
			members = append(members, queue.Member{Campaign: pick.Campaign, Attempts: c.Attempts, Reminder: c.Reminder, Recipient: known[i]})
		}
		slices.SortFunc(members, func(a, b queue.Member) int { return cmp.Compare(a.Account, b.Account) })
		return nil
	})
	return members, err
}

// waiting says which members m a pick is for. Fresh ones and reminders are found along the primary key.
func waiting(pick queue.Pick, now time.Time) (where string, args []any) {
	if pick.Retries {
		return "state = 'pending' AND attempts > 0 AND next_attempt_at <= ? ORDER BY next_attempt_at", []any{at(now)}
	}
	where = "state = 'pending' AND attempts = 0"
	if pick.Reminders {
		where, args = dueReminder, []any{pick.Campaign, pick.Campaign}
	}
	where += " AND account_id > ? AND account_id <= ?"
	if pick.NoticesOnly {
		where += " AND NOT (SELECT c.dead FROM credential_status c WHERE c.account_id = m.account_id)"
	}
	return where + " ORDER BY account_id", append(args, pick.After, pick.Upto)
}

// Window is the highest account id of the next n fresh members after one, 0 if there is none; it bounds a claim that passes over many.
func (s *Store) Window(ctx context.Context, campaign, after int64, n int) (upto int64, err error) {
	err = s.db(ctx).Raw(`
		SELECT coalesce(max(account_id), 0) FROM (
			SELECT account_id FROM campaign_members
			 WHERE campaign_id = ? AND account_id > ? AND state = 'pending' AND attempts = 0
			 ORDER BY account_id LIMIT ?) w`, campaign, after, n).Row().Scan(&upto)
	return upto, s.fail("looking ahead among the members", err)
}

// ClaimSingles leases due rows of the outbox, oldest first, also those whose lease ran out; without links only those that never have one.
func (s *Store) ClaimSingles(ctx context.Context, lease queue.Lease, limit int, links bool) ([]queue.Single, error) {
	var singles []queue.Single
	err := s.write(ctx, "claiming single mails", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		var rows []singleRow
		err = tx.Raw(`
			WITH picked AS MATERIALIZED (
				SELECT id AS picked_id FROM outbox
				 WHERE state IN ('pending', 'leased') AND next_attempt_at <= ? AND (state = 'pending' OR lease_until < ?) AND (? OR kind = 'changed')
				 ORDER BY next_attempt_at, id LIMIT ?`+s.dialect.skipLocked()+`)
			UPDATE outbox SET state = 'leased', lease_owner = ?, lease_until = ?, attempts = attempts + CASE state WHEN 'leased' THEN 1 ELSE 0 END
			  FROM picked WHERE id = picked_id
			RETURNING id, kind, coalesce(account_id, 0) AS account_id, coalesce(email_key, '') AS email_key, coalesce(locale, '') AS locale, attempts, created_at`,
			at(now), at(now), links, limit, lease.Owner, at(now.Add(lease.For))).Scan(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		singles, err = s.singles(tx, rows)
		return err
	})
	return singles, err
}

type singleRow struct {
	ID        int64
	Kind      queue.Kind
	AccountID int64
	EmailKey  string
	Locale    string
	Attempts  int
	CreatedAt Time
}

// singles adds who the mails are for, and makes one of the rows that one mail answers.
func (s *Store) singles(tx *gorm.DB, rows []singleRow) ([]queue.Single, error) {
	slices.SortFunc(rows, func(a, b singleRow) int { return cmp.Compare(a.ID, b.ID) })
	var ids []int64
	var keys []string
	for _, row := range rows {
		if row.EmailKey != "" {
			keys = append(keys, row.EmailKey)
		} else {
			ids = append(ids, row.AccountID)
		}
	}
	known, err := s.recipients(tx, ids, keys)
	if err != nil {
		return nil, err
	}
	var singles []queue.Single
	same := map[string]int{} // as answered by one mail
	for _, row := range rows {
		alike := row.EmailKey
		if row.Kind == queue.Reissue {
			alike = strconv.FormatInt(row.AccountID, 10)
		}
		if i, ok := same[alike]; ok && alike != "" {
			singles[i].IDs = append(singles[i].IDs, row.ID)
			continue
		}
		same[alike] = len(singles)
		one := queue.Single{IDs: []int64{row.ID}, Kind: row.Kind, Key: row.EmailKey, Locale: row.Locale, Attempts: row.Attempts, CreatedAt: row.CreatedAt.Time}
		for _, r := range known {
			if row.EmailKey != "" && r.EmailKey == row.EmailKey || row.EmailKey == "" && r.Account == row.AccountID {
				one.Recipients = append(one.Recipients, r)
			}
		}
		singles = append(singles, one)
	}
	return singles, nil
}

// Recipients reads accounts again, by id and by folded address, in order of id; for mail that has waited since its claim.
func (s *Store) Recipients(ctx context.Context, accounts []int64, keys []string) ([]queue.Recipient, error) {
	known, err := s.recipients(s.db(ctx), accounts, keys)
	return known, s.fail("reading who mail is for", err)
}

func (s *Store) recipients(db *gorm.DB, ids []int64, keys []string) ([]queue.Recipient, error) {
	var known []queue.Recipient
	read := func(column string, values any) error {
		var some []queue.Recipient
		err := db.Raw(`
			SELECT a.id AS account, a.subject, coalesce(a.email, '') AS email, coalesce(a.email_key, '') AS email_key, coalesce(a.locale, '') AS locale,
			       a.credential_version AS version, c.epoch, a.password_hash IS NOT NULL AS has_password, c.dead, a.disabled_at IS NOT NULL AS disabled,
			       EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = a.email_key) AS suppressed
			  FROM accounts a JOIN credential_status c ON c.account_id = a.id
			 WHERE ?`, s.dialect.in(column, values)).Scan(&some).Error
		known = append(known, some...)
		return err
	}
	if len(ids) > 0 {
		if err := read("a.id", ids); err != nil {
			return nil, err
		}
	}
	if len(keys) > 0 {
		if err := read("a.email_key", keys); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(known, func(a, b queue.Recipient) int { return cmp.Compare(a.Account, b.Account) })
	return slices.CompactFunc(known, func(a, b queue.Recipient) bool { return a.Account == b.Account }), nil
}

// Outlook is read once a second: what is not in it gets no mail.
func (s *Store) Outlook(ctx context.Context) (queue.Outlook, error) {
	var rows []struct {
		Locked      bool
		ID          *int64 // NULL: no campaign is active
		Mailing     string
		Everyone    bool
		Reminders   int64
		Slug        string
		Title       string
		DataClasses string
		Unexposed   string
		OccurredAt  Time
		Published   bool
	}
	now, err := s.Now(ctx)
	if err != nil {
		return queue.Outlook{}, err
	}
	err = s.db(ctx).Raw(`
		SELECT l.locked, k.id, coalesce(k.mailing, '') AS mailing, coalesce(k.scope = 'everyone', false) AS everyone, coalesce(k.reminders, 0) AS reminders, coalesce(i.slug, '') AS slug,
		       coalesce(i.title, '') AS title, coalesce(i.data_classes, '[]') AS data_classes,
		       coalesce(i.unexposed_classes, '[]') AS unexposed, i.occurred_at, i.published_at IS NOT NULL AS published
		  FROM (SELECT EXISTS (SELECT 1 FROM lockdowns WHERE off_at IS NULL) AS locked) l
		  LEFT JOIN campaigns k ON k.state = 'active'
		  LEFT JOIN incidents i ON i.id = k.incident_id
		 ORDER BY k.id`).Scan(&rows).Error
	if err != nil {
		return queue.Outlook{}, s.fail("reading what may be mailed", err)
	}
	o := queue.Outlook{Now: now}
	for _, row := range rows {
		o.Locked = row.Locked
		if row.ID == nil {
			continue
		}
		k := queue.Campaign{ID: *row.ID, Mailing: row.Mailing, Everyone: row.Everyone, Reminders: row.Reminders, Slug: row.Slug, Title: row.Title, OccurredAt: row.OccurredAt.ptr(), Published: row.Published}
		if k.Classes, err = classes(row.DataClasses); err != nil {
			return queue.Outlook{}, fmt.Errorf("reading the data classes of incident %s: %w", row.Slug, err)
		}
		if k.Unexposed, err = classes(row.Unexposed); err != nil {
			return queue.Outlook{}, fmt.Errorf("reading the unexposed data classes of incident %s: %w", row.Slug, err)
		}
		o.Campaigns = append(o.Campaigns, k)
	}
	return o, nil
}

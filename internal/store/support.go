package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/support"
)

// supportActs is how many entries of one account are read; older ones are in the audit log's search.
const supportActs = 200

var errNoMember = problem.New(problem.NotFound, "There is no such account.")

// FindMembers looks by subject and by folded address, and records the look.
func (s *Store) FindMembers(ctx context.Context, subject, emailKey string, limit int, entry func([]support.Found) []audit.Entry) ([]support.Found, error) {
	var found []support.Found
	err := s.write(ctx, "looking for a member", func(tx *gorm.DB) (err error) {
		found, err = scanAll(tx.Raw(`SELECT id, subject, coalesce(email, ''), deleted_at IS NOT NULL FROM (
				SELECT * FROM accounts WHERE subject = ? UNION SELECT * FROM accounts WHERE email_key = ?) a ORDER BY id LIMIT ?`, subject, null(emailKey), limit),
			func(rows *sql.Rows) (f support.Found, err error) {
				return f, rows.Scan(&f.ID, &f.Subject, &f.Email, &f.Deleted)
			})
		if err != nil {
			return err
		}
		return s.recordNow(tx, entry(found)...)
	})
	return found, err
}

// Member reads an account with everything that support shows of it. With an entry the look is recorded in the same transaction.
func (s *Store) Member(ctx context.Context, id int64, entry func(subject string) audit.Entry) (support.Member, error) {
	if entry == nil {
		m, err := s.member(s.db(ctx), id)
		return m, s.fail("reading a member", err)
	}
	var m support.Member
	err := s.write(ctx, "showing a member", func(tx *gorm.DB) error {
		p, err := s.profileOf(tx, id)
		if err != nil {
			return err
		}
		if err := s.recordNow(tx, entry(p.Subject)); err != nil {
			return err
		}
		m, err = s.member(tx, id)
		return err
	})
	return m, err
}

func (s *Store) profileOf(tx *gorm.DB, id int64) (account.Profile, error) {
	var subject string
	err := tx.Raw(`SELECT subject FROM accounts WHERE id = ?`, id).Row().Scan(&subject)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Profile{}, errNoMember
	}
	if err != nil {
		return account.Profile{}, err
	}
	return s.profile(tx, subject)
}

func (s *Store) member(tx *gorm.DB, id int64) (m support.Member, err error) {
	if m.Profile, err = s.profileOf(tx, id); err != nil {
		return m, err
	}
	if m.Suppressed, err = suppression(tx, id); err != nil {
		return m, fmt.Errorf("reading whether the address is dead: %w", err)
	}
	if m.Covered, err = covered(tx, id); err != nil {
		return m, fmt.Errorf("reading the campaigns of an account: %w", err)
	}
	if m.Mails, err = memberMails(tx, id); err != nil {
		return m, fmt.Errorf("reading the mails to an account: %w", err)
	}
	if m.Acts, err = memberActs(tx, m.Profile); err != nil {
		return m, fmt.Errorf("reading the acts on an account: %w", err)
	}
	err = tx.Raw(`SELECT count(*) FROM audit_entries WHERE object = ? AND action IN ('support.find', 'account.show')`, support.Object(m.Subject)).Row().Scan(&m.Looks)
	return m, err
}

func suppression(tx *gorm.DB, id int64) (*support.Suppressed, error) {
	var when Time
	var found support.Suppressed
	err := tx.Raw(`SELECT s.reason, s.created_at FROM suppressions s JOIN accounts a ON a.email_key = s.email_key WHERE a.id = ?`, id).Row().Scan(&found.Reason, &when)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	found.At = when.Time
	return &found, err
}

func covered(tx *gorm.DB, id int64) ([]support.Covered, error) {
	return scanAll(tx.Raw(`SELECT k.id, i.slug, k.state, k.activated_at, k.cancelled_at, k.cutoff, r.kills, r.revokes, m.account_id IS NOT NULL, m.opened_at, m.reset_at
			FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id JOIN incidents i ON i.id = k.incident_id
			LEFT JOIN campaign_members m ON m.campaign_id = k.id AND m.account_id = r.account_id
			WHERE r.account_id = ? AND k.activated_at IS NOT NULL ORDER BY k.activated_at`, id),
		func(rows *sql.Rows) (c support.Covered, err error) {
			var state string
			var activated, cancelled, cutoff, opened, reset Time
			err = rows.Scan(&c.Campaign, &c.Incident, &state, &activated, &cancelled, &cutoff, &c.Kills, &c.Revokes, &c.Listed, &opened, &reset)
			c.State, c.ActivatedAt, c.CancelledAt, c.Cutoff = campaign.State(state), activated.Time, cancelled.ptr(), cutoff.Time
			c.OpenedAt, c.ResetAt = opened.ptr(), reset.ptr()
			return c, err
		})
}

// memberMails reads what campaigns wrote to an account and what was written to it alone. A mail that was asked for by address is known as its own only
// while it waits: after that its row keeps no address.
func memberMails(tx *gorm.DB, id int64) ([]support.Mail, error) {
	return scanAll(tx.Raw(`
		SELECT m.campaign_id, coalesce(m.kind, ''), m.state, k.activated_at AS asked_at, m.sent_at, m.reminded_at, m.opened_at, m.attempts, coalesce(m.last_error, '')
		  FROM campaign_members m JOIN campaigns k ON k.id = m.campaign_id WHERE m.account_id = ? AND k.activated_at IS NOT NULL
		UNION ALL
		SELECT 0, kind, state, created_at, sent_at, NULL, NULL, attempts, coalesce(last_error, '') FROM outbox WHERE account_id = ?
		UNION ALL
		SELECT 0, o.kind, o.state, o.created_at, o.sent_at, NULL, NULL, o.attempts, coalesce(o.last_error, '')
		  FROM accounts a JOIN outbox o ON o.email_key = a.email_key WHERE a.id = ? AND o.state = 'pending'
		ORDER BY asked_at DESC, 1 DESC`, id, id, id),
		func(rows *sql.Rows) (m support.Mail, err error) {
			var asked, sent, reminded, opened Time
			err = rows.Scan(&m.Campaign, &m.Kind, &m.State, &asked, &sent, &reminded, &opened, &m.Attempts, &m.Why)
			m.AskedAt, m.SentAt, m.RemindedAt, m.OpenedAt = asked.ptr(), sent.ptr(), reminded.ptr(), opened.ptr()
			return m, err
		})
}

// memberActs reads the audit log about an account, newest first, without the looks at it. Resets stand there under the account's number, all else under its subject;
// a subject may be a number, too.
func memberActs(tx *gorm.DB, p account.Profile) ([]audit.Entry, error) {
	number := fmt.Sprintf("account:%d", p.ID)
	return scanAll(tx.Raw(auditColumns+` WHERE (object = ? AND action = 'reset.redeemed' OR object = ? AND action NOT IN ('reset.redeemed', 'support.find', 'account.show'))
		ORDER BY at DESC, id DESC LIMIT ?`, number, support.Object(p.Subject), supportActs), scanEntry)
}

// changeMember reads a member, has it checked, and does what is to be done, with an entry, all in one transaction.
func (s *Store) changeMember(ctx context.Context, doing string, id int64, check func(support.Member) error, entry func(string) audit.Entry, do func(tx *gorm.DB, now time.Time) error) (account.Profile, error) {
	var m support.Member
	err := s.dated(ctx, doing, func(tx *gorm.DB, now time.Time) (err error) {
		if m.Profile, err = s.profileOf(tx, id); err != nil {
			return err
		}
		if m.Suppressed, err = suppression(tx, id); err != nil {
			return err
		}
		if err := check(m); err != nil {
			return err
		}
		if err := do(tx, now); err != nil {
			return err
		}
		return s.record(tx, now, entry(m.Subject))
	})
	return m.Profile, err
}

// SendLink puts a fresh link for the account into the outbox.
func (s *Store) SendLink(ctx context.Context, id int64, delay time.Duration, check func(support.Member) error, entry func(string) audit.Entry) error {
	_, err := s.changeMember(ctx, "sending a fresh link", id, check, entry, func(tx *gorm.DB, now time.Time) error {
		return tx.Exec(`INSERT INTO outbox (kind, account_id, next_attempt_at, created_at) VALUES ('reissue', ?, ?, ?)`, id, at(now.Add(delay)), at(now)).Error
	})
	return err
}

// MarkAddress keeps mail from an address, or with no reason lets it go there again.
func (s *Store) MarkAddress(ctx context.Context, id int64, reason string, check func(support.Member) error, entry func(string) audit.Entry) error {
	_, err := s.changeMember(ctx, "marking an address", id, check, entry, func(tx *gorm.DB, now time.Time) error {
		if reason == "" {
			return tx.Exec(`DELETE FROM suppressions WHERE email_key = (SELECT email_key FROM accounts WHERE id = ?)`, id).Error
		}
		return tx.Exec(`INSERT INTO suppressions (email_key, reason, created_at) SELECT email_key, ?, ? FROM accounts WHERE id = ? AND email_key IS NOT NULL
			ON CONFLICT (email_key) DO NOTHING`, reason, at(now), id).Error
	})
	return err
}

// SpeakCode records that a code is given out, after it used up the grant: of several who show one at once, one does.
func (s *Store) SpeakCode(ctx context.Context, id int64, g *support.Grant, check func(support.Member) error, entry func(string) audit.Entry) (account.Profile, error) {
	return s.changeMember(ctx, "giving out a code", id, check, entry, func(tx *gorm.DB, now time.Time) error {
		if g == nil {
			return nil
		}
		taken := tx.Exec(`UPDATE approvals SET taken_at = ? WHERE id = ? AND act = 'support.code' AND requested_by = ? AND state = 'approved' AND taken_at IS NULL AND decided_at > ?`,
			at(now), g.Approval, g.Asker, at(now.Add(-g.Within)))
		if taken.Error == nil && taken.RowsAffected != 1 {
			return support.ErrTaken
		}
		return taken.Error
	})
}

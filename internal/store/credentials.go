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
	"github.com/seed-1c168855/rekey/internal/reset"
)

// Locked says whether a lockdown holds.
func (s *Store) Locked(ctx context.Context) (locked bool, err error) {
	err = s.row(ctx, lockdownHolds, nil, []any{&locked})
	return locked, s.fail("reading the lockdown", err)
}

const lockdownHolds = `SELECT EXISTS (SELECT 1 FROM lockdowns WHERE off_at IS NULL)`

func (s *Store) locked(tx *gorm.DB) (locked bool, err error) {
	err = tx.Raw(lockdownHolds).Row().Scan(&locked)
	return locked, s.fail("reading the lockdown", err)
}

// LoginFor finds the one account that a folded address or a subject names. None and several are both false: nobody is told which.
func (s *Store) LoginFor(ctx context.Context, byEmail bool, key string) (account.Login, bool, error) {
	statement := `SELECT id, subject, coalesce(password_hash, ''), credential_version, disabled_at IS NOT NULL
		FROM accounts WHERE subject = ? AND deleted_at IS NULL LIMIT 2`
	if byEmail {
		statement = `SELECT id, subject, coalesce(password_hash, ''), credential_version, disabled_at IS NOT NULL
			FROM accounts WHERE email_key = ? AND deleted_at IS NULL LIMIT 2`
	}
	found, err := scanAll(s.db(ctx).Raw(statement, key), func(rows *sql.Rows) (l account.Login, err error) {
		return l, rows.Scan(&l.ID, &l.Subject, &l.Hash, &l.Version, &l.Disabled)
	})
	if err != nil || len(found) != 1 {
		return account.Login{}, false, s.fail("looking up a login", err)
	}
	return found[0], true, nil
}

// Judge is the last word on a credential: status and clock are read under the shared order lock, so that an activation or a
// lockdown is either wholly before, and seen, or wholly after, and its not_before is later than the authenticated_at given here.
func (s *Store) Judge(ctx context.Context, id, version int64, hash string, failureKey []byte) (j account.Judgement, current bool, err error) {
	err = s.ordered(ctx, "judging a credential", shared, func(tx *gorm.DB, now time.Time) error {
		var notBefore Time
		row := tx.Raw(`SELECT c.killed, a.disabled_at IS NOT NULL, c.not_before, coalesce(i.slug, ''),
				EXISTS (SELECT 1 FROM lockdowns WHERE off_at IS NULL), EXISTS (SELECT 1 FROM login_failures WHERE key = ?)
			FROM accounts a JOIN credential_status c ON c.account_id = a.id
			LEFT JOIN campaigns k ON k.id = c.killed_by LEFT JOIN incidents i ON i.id = k.incident_id
			WHERE a.id = ? AND a.credential_version = ? AND a.password_hash = ?`, failureKey, id, version, hash).Row()
		err := row.Scan(&j.Killed, &j.Disabled, &notBefore, &j.Incident, &j.Locked, &j.Failed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		current = true
		j.AuthenticatedAt = now.Unix()
		if !notBefore.IsZero() {
			j.NotBefore = notBefore.Unix()
			j.AuthenticatedAt = max(j.AuthenticatedAt, j.NotBefore+1)
		}
		return nil
	})
	return j, current, err
}

// CountFailure adds a failure to its login's row, a repeated password once. At the limit a known account's password is disabled, which
// ends no session, and its member is written to, once a day for as long as it goes on.
func (s *Store) CountFailure(ctx context.Context, f account.Failure) error {
	var consecutive int
	var notified Time
	err := s.single(ctx, "counting a failed login", func(db *gorm.DB) error {
		now, err := s.now(db)
		if err != nil {
			return err
		}
		return db.Raw(`INSERT INTO login_failures AS f (key, consecutive, last_password, updated_at) VALUES (?, 1, ?, ?)
			ON CONFLICT (key) DO UPDATE SET last_password = excluded.last_password, updated_at = excluded.updated_at,
				consecutive = f.consecutive + CASE WHEN f.last_password = excluded.last_password THEN 0 ELSE 1 END
			RETURNING consecutive, notified_at`, blob(f.Key), f.Password, at(now)).Row().Scan(&consecutive, &notified)
	})
	if err != nil || f.Account == 0 || consecutive < f.Max {
		return err
	}
	return s.disable(ctx, f, notified)
}

func (s *Store) disable(ctx context.Context, f account.Failure, notified Time) error {
	return s.write(ctx, "disabling a password", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		disabled := tx.Exec(`UPDATE accounts SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL AND password_hash IS NOT NULL`, at(now), f.Account)
		if disabled.Error != nil {
			return disabled.Error
		}
		if disabled.RowsAffected == 1 {
			if err := s.record(tx, now, f.Entry); err != nil {
				return err
			}
		}
		if !notified.IsZero() && now.Sub(notified.Time) < 24*time.Hour {
			return nil
		}
		claimed := tx.Exec(`UPDATE login_failures SET notified_at = ? WHERE key = ? AND (notified_at IS NULL OR notified_at <= ?)`,
			at(now), f.Key, at(now.Add(-24*time.Hour)))
		if claimed.Error != nil || claimed.RowsAffected == 0 {
			return claimed.Error
		}
		return tx.Exec(`INSERT INTO outbox (kind, account_id, next_attempt_at, created_at) VALUES ('disabled', ?, ?, ?)`, f.Account, at(now), at(now)).Error
	})
}

// Succeeded forgets a login's failures.
func (s *Store) Succeeded(ctx context.Context, failureKey []byte) error {
	return s.single(ctx, "forgetting failed logins", func(db *gorm.DB) error {
		return db.Exec(`DELETE FROM login_failures WHERE key = ?`, failureKey).Error
	})
}

// UpgradeHash replaces a hash by another of the same password. Date and version stay, so nothing that was judged by them changes.
// Somebody having changed the password meanwhile is no error: theirs stands.
func (s *Store) UpgradeHash(ctx context.Context, id, version int64, old, hash, label string, entry audit.Entry) error {
	return s.write(ctx, "upgrading a hash", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		swapped := tx.Exec(`UPDATE accounts SET password_hash = ?, password_scheme = ? WHERE id = ? AND credential_version = ? AND password_hash = ?`,
			hash, label, id, version, old)
		if swapped.Error != nil || swapped.RowsAffected == 0 {
			return swapped.Error
		}
		if err := s.addScheme(tx, label); err != nil {
			return err
		}
		return s.record(tx, now, entry)
	})
}

func (s *Store) addScheme(tx *gorm.DB, label string) error {
	return tx.Exec(`INSERT INTO password_schemes (label) VALUES (?) ON CONFLICT DO NOTHING`, label).Error
}

// Schemes lists every scheme and cost ever stored.
func (s *Store) Schemes(ctx context.Context) ([]string, error) {
	labels, err := scanAll(s.db(ctx).Raw(`SELECT label FROM password_schemes ORDER BY label`), func(rows *sql.Rows) (l string, err error) {
		return l, rows.Scan(&l)
	})
	return labels, s.fail("listing the schemes", err)
}

const credentialColumns = `SELECT a.id, a.subject, coalesce(a.email, ''), coalesce(a.password_hash, ''), a.credential_version, c.epoch
	FROM accounts a JOIN credential_status c ON c.account_id = a.id`

func intoCredential(c *reset.Credential) []any {
	return []any{&c.ID, &c.Subject, &c.Email, &c.Hash, &c.Version, &c.Epoch}
}

func scanCredential(rows *sql.Rows) (c reset.Credential, err error) {
	return c, rows.Scan(intoCredential(&c)...)
}

// Credential finds an account by id; false if there is none or it was deleted.
func (s *Store) Credential(ctx context.Context, id int64) (reset.Credential, bool, error) {
	var c reset.Credential
	err := s.row(ctx, credentialColumns+` WHERE a.id = $1 AND a.deleted_at IS NULL`, []any{id}, intoCredential(&c))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, s.fail("reading a credential", err)
}

// CredentialsAt finds the accounts of a folded address, at most limit.
func (s *Store) CredentialsAt(ctx context.Context, emailKey string, limit int) ([]reset.Credential, error) {
	found, err := scanAll(s.db(ctx).Raw(credentialColumns+` WHERE a.email_key = ? AND a.deleted_at IS NULL ORDER BY a.id LIMIT ?`, emailKey, limit), scanCredential)
	return found, s.fail("reading the credentials of an address", err)
}

// SetPassword makes a reset true, in one transaction: the compare-and-swap on version and epoch under the shared order lock, the
// members' reset_at in every campaign in force, the failures forgotten, the audit entry and the mail that says so.
// The new password is dated after every activation that was committed before it.
func (s *Store) SetPassword(ctx context.Context, r reset.Reset) error {
	return s.ordered(ctx, "setting a password", shared, func(tx *gorm.DB, now time.Time) error {
		locked, err := s.locked(tx)
		if err != nil {
			return err
		}
		if locked {
			return reset.ErrLocked
		}
		var newest, old, sessions Time
		row := tx.Raw(`SELECT (SELECT max(activated_at) FROM campaigns), a.password_set_at, a.sessions_valid_from FROM accounts a WHERE a.id = ?`, r.Account).Row()
		if err := row.Scan(&newest, &old, &sessions); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return reset.ErrUsed
			}
			return err
		}
		setAt := after(now, newest, old, sessions)
		if err := s.swapPassword(tx, r, setAt); err != nil {
			return err
		}
		return s.afterReset(tx, r, now, setAt)
	})
}

// step is how far apart moments are that sessions are judged by. Sessions are dated in whole seconds, and one that was opened just after such a moment is dated
// into the second behind it: with less than a second between two of them, the later one would leave that session alive.
const step = time.Second

// after is the moment now, or a step past the latest of the others.
func after(now time.Time, others ...Time) time.Time {
	for _, o := range others {
		now = past(now, step, o)
	}
	return now
}

// past is the moment now, or so long past another one, if that is later.
func past(now time.Time, by time.Duration, other Time) time.Time {
	if !other.IsZero() && now.Before(other.Add(by)) {
		return other.Add(by)
	}
	return now
}

func (s *Store) swapPassword(tx *gorm.DB, r reset.Reset, setAt time.Time) error {
	swapped := tx.Exec(`UPDATE accounts SET password_hash = ?, password_scheme = ?, credential_version = credential_version + 1,
			password_set_at = ?, sessions_valid_from = ?, password_source = 'rekey', disabled_at = NULL
		WHERE id = ? AND credential_version = ? AND password_hash IS NOT NULL AND deleted_at IS NULL
			AND (SELECT c.epoch FROM credential_status c WHERE c.account_id = accounts.id) = ?`,
		r.Hash, r.Scheme, at(setAt), at(setAt), r.Account, r.Version, r.Epoch)
	if swapped.Error != nil {
		return swapped.Error
	}
	if swapped.RowsAffected == 0 {
		return reset.ErrUsed
	}
	return nil
}

func (s *Store) afterReset(tx *gorm.DB, r reset.Reset, now, setAt time.Time) error {
	steps := []struct {
		doing, statement string
		vars             []any
	}{
		{"noting the reset", `UPDATE campaign_members SET reset_at = ? WHERE account_id = ? AND reset_at IS NULL
			AND campaign_id IN (SELECT id FROM campaigns WHERE state IN ('active', 'closed'))`, []any{at(setAt), r.Account}},
		{"forgetting failed logins", `DELETE FROM login_failures WHERE key = ?`, []any{r.FailureKey}},
		{"writing to the member", `INSERT INTO outbox (kind, account_id, next_attempt_at, created_at) VALUES ('changed', ?, ?, ?)`, []any{r.Account, at(now.Add(r.NoticeDelay)), at(now)}},
	}
	for _, step := range steps {
		if err := tx.Exec(step.statement, step.vars...).Error; err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	if err := s.addScheme(tx, r.Scheme); err != nil {
		return fmt.Errorf("noting the scheme: %w", err)
	}
	return s.record(tx, now, r.Entry)
}

// Ask inserts exactly one outbox row, whatever the address.
func (s *Store) Ask(ctx context.Context, a reset.Asked) error {
	return s.single(ctx, "asking for a mail", func(db *gorm.DB) error {
		now, err := s.now(db)
		if err != nil {
			return err
		}
		kind, id, key := "asked", (*int64)(nil), &a.EmailKey
		if a.Account != 0 {
			kind, id, key = "reissue", &a.Account, nil
		}
		return db.Exec(`INSERT INTO outbox (kind, account_id, email_key, locale, next_attempt_at, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			kind, id, key, null(a.Locale), at(now.Add(a.Delay)), at(now)).Error
	})
}

// null is NULL for an empty text.
func null(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// scanAll runs a query and reads every row.
func scanAll[T any](query *gorm.DB, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

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
	"github.com/seed-1c168855/rekey/internal/problem"
)

// PutAccount takes in one account by the rules of an import, judged by the same statement. A refused revival is recorded too.
func (s *Store) PutAccount(ctx context.Context, put account.Put, entry audit.Entry) (account.Change, error) {
	var change account.Change
	for range chunkTries {
		err := s.ordered(ctx, "storing an account", shared, func(tx *gorm.DB, now time.Time) (err error) {
			if err := s.dialect.lock(tx, arrivalLock, shared); err != nil {
				return fmt.Errorf("waiting to add an account: %w", err)
			}
			p := &putOne{store: s, tx: tx, now: now, put: put}
			if change, err = p.apply(); err != nil {
				return err
			}
			return s.recordPut(tx, now, change, entry)
		})
		if !errors.Is(err, errOvertaken) {
			return change, err
		}
	}
	return change, problem.New(problem.Unavailable, "The account keeps changing; try again.")
}

func (s *Store) recordPut(tx *gorm.DB, now time.Time, c account.Change, entry audit.Entry) error {
	if c.Outcome == account.Refused {
		entry = entry.Refuse("would make a dead password live")
	}
	return s.record(tx, now, entry.With("result", c.Outcome).With("kept", c.Kept).With("revived", c.Revived))
}

// putOne is one row being taken in, within its transaction.
type putOne struct {
	store *Store
	tx    *gorm.DB
	now   time.Time
	put   account.Put
	id    int64
	known struct {
		Version    int64
		PasswordAt Time
	}
}

func (p *putOne) apply() (account.Change, error) {
	err := p.tx.Raw(`SELECT id, credential_version, password_set_at FROM accounts WHERE subject = ?`, p.put.Row.Subject).Row().
		Scan(&p.id, &p.known.Version, &p.known.PasswordAt)
	isNew := errors.Is(err, sql.ErrNoRows)
	if err != nil && !isNew {
		return account.Change{}, err
	}
	if err := p.date(); err != nil {
		return account.Change{}, err
	}
	if p.put.Row.PasswordScheme != "" {
		if err := p.store.addScheme(p.tx, p.put.Row.PasswordScheme); err != nil {
			return account.Change{}, err
		}
	}
	if isNew {
		return p.insert()
	}
	return p.update()
}

// date gives a password that was set just now its time: later than its old one and than every activation, which the order lock
// keeps from moving meanwhile. So what a member sets after a campaign began is never judged as set before.
func (p *putOne) date() error {
	if !p.put.Direct || !p.put.Row.PasswordSetAt.IsZero() {
		return nil
	}
	var activated Time
	if err := p.tx.Raw(`SELECT max(activated_at) FROM campaigns`).Row().Scan(&activated); err != nil {
		return fmt.Errorf("reading the newest activation: %w", err)
	}
	p.put.Row.PasswordSetAt = after(p.now, activated, p.known.PasswordAt)
	return nil
}

func (p *putOne) insert() (account.Change, error) {
	r := p.put.Row
	created := r.CreatedAt
	if created.IsZero() {
		created = p.now
	}
	added := p.tx.Exec(`
INSERT INTO accounts (subject, email, email_key, locale, created_at, password_hash, password_scheme, password_set_at, password_source, credential_version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (subject) DO NOTHING`,
		r.Subject, null(r.Email), null(r.EmailKey), null(r.Locale), at(created), null(r.PasswordHash), null(r.PasswordScheme), at(r.PasswordSetAt), p.put.Source)
	if added.Error != nil {
		return account.Change{}, added.Error
	}
	if added.RowsAffected == 0 {
		return account.Change{}, errOvertaken
	}
	return account.Change{Outcome: account.Inserted, Version: 1}, nil
}

// judgement is what judge says of one row.
type judgement struct {
	Version       int64
	Takes         bool
	NewSetAt      Time
	ChangesEmail  bool
	ChangesLocale bool
	Returns       bool
	Kept          bool
	WasDead       bool
}

var (
	judgeOne       = judge(oneRow, openToFiles)
	judgeOneDirect = judge(oneRow, `true`)
)

// oneRow is a row of import_rows from bound values. The casts give Postgres the types; SQLite ignores what it does not know.
const oneRow = `(SELECT CAST(? AS bigint) AS line_no, CAST(? AS text) AS subject, CAST(? AS text) AS email, CAST(? AS text) AS locale,
	CAST(? AS boolean) AS keep_email, CAST(? AS boolean) AS keep_locale, CAST(? AS boolean) AS keep_password,
	CAST(? AS timestamptz) AS created_at, CAST(? AS text) AS password_hash, CAST(? AS timestamptz) AS password_set_at) s`

func (p *putOne) judge() (j judgement, err error) {
	statement := judgeOne
	if p.put.Direct {
		statement = judgeOneDirect
	}
	r := p.put.Row
	var line, id int64
	var refused bool
	err = p.tx.Raw(statement, r.Line, r.Subject, null(r.Email), null(r.Locale), r.KeepEmail, r.KeepLocale, r.KeepPassword,
		at(r.CreatedAt), null(r.PasswordHash), at(r.PasswordSetAt)).Row().
		Scan(&line, &id, &j.Version, &j.Takes, &j.NewSetAt, &j.ChangesEmail, &j.ChangesLocale, &j.Returns, &j.Kept, &j.WasDead, &refused)
	if err != nil {
		return j, fmt.Errorf("judging the account: %w", err)
	}
	return j, nil
}

func (p *putOne) update() (account.Change, error) {
	j, err := p.judge()
	if err != nil {
		return account.Change{}, err
	}
	c := account.Change{Outcome: account.Unchanged, Kept: j.Kept, Version: j.Version}
	if !j.Takes && !j.ChangesEmail && !j.ChangesLocale && !j.Returns {
		return c, nil
	}
	const before = "put_account"
	if err := p.tx.SavePoint(before).Error; err != nil {
		return c, err
	}
	if err := p.change(j); err != nil {
		return c, err
	}
	var dead bool
	err = p.tx.Raw(`SELECT c.dead, a.credential_version FROM credential_status c JOIN accounts a ON a.id = c.account_id WHERE a.id = ?`, p.id).
		Row().Scan(&dead, &c.Version)
	if err != nil {
		return c, fmt.Errorf("reading the account's status: %w", err)
	}
	if j.WasDead && !dead && !p.put.AllowRevive {
		c.Outcome, c.Version = account.Refused, j.Version
		return c, p.tx.RollbackTo(before).Error
	}
	c.Outcome, c.Revived = account.Updated, j.WasDead && !dead
	return c, nil
}

// change writes what was judged, if the account still is what was judged.
func (p *putOne) change(j judgement) error {
	r := p.put.Row
	updated := p.tx.Exec(`
UPDATE accounts
   SET email = CASE WHEN @email THEN @new_email ELSE email END,
       email_key = CASE WHEN @email THEN @new_key ELSE email_key END,
       locale = CASE WHEN @locale THEN @new_locale ELSE locale END,
       created_at = CASE WHEN @created > deleted_at THEN @created ELSE created_at END,
       deleted_at = NULL,
       password_hash = CASE WHEN @takes THEN @hash ELSE password_hash END,
       password_scheme = CASE WHEN @takes THEN @scheme ELSE password_scheme END,
       password_set_at = CASE WHEN @takes THEN @set_at ELSE password_set_at END,
       password_source = CASE WHEN @takes THEN @source ELSE password_source END,
       credential_version = credential_version + CASE WHEN @takes OR @email THEN 1 ELSE 0 END
 WHERE id = @id AND credential_version = @version`,
		sql.Named("email", j.ChangesEmail), sql.Named("new_email", null(r.Email)), sql.Named("new_key", null(r.EmailKey)),
		sql.Named("locale", j.ChangesLocale), sql.Named("new_locale", null(r.Locale)), sql.Named("created", at(r.CreatedAt)),
		sql.Named("takes", j.Takes), sql.Named("hash", null(r.PasswordHash)), sql.Named("scheme", null(r.PasswordScheme)),
		sql.Named("set_at", j.NewSetAt), sql.Named("source", p.put.Source), sql.Named("id", p.id), sql.Named("version", j.Version))
	if updated.Error != nil {
		return fmt.Errorf("updating the account: %w", updated.Error)
	}
	if updated.RowsAffected != 1 {
		return errOvertaken
	}
	return nil
}

// DeleteAccount keeps the row with its subject and dates, so that an older file brings nothing back; everything personal goes,
// the version rises, and sessions issued until now are dead. A disabled password is no more either.
func (s *Store) DeleteAccount(ctx context.Context, subject string, entry audit.Entry) (account.Change, error) {
	change := account.Change{Outcome: account.Unknown}
	err := s.ordered(ctx, "deleting an account", shared, func(tx *gorm.DB, now time.Time) error {
		deleted := tx.Exec(`
UPDATE accounts
   SET deleted_at = ?, email = NULL, email_key = NULL, locale = NULL, password_hash = NULL, password_scheme = NULL, disabled_at = NULL,
       sessions_valid_from = `+s.dialect.latest("?", "sessions_valid_from", "sessions_valid_from", "(SELECT max(activated_at) FROM campaigns)")+`,
       credential_version = credential_version + 1
 WHERE subject = ? AND deleted_at IS NULL`, at(now), at(now), subject)
		if deleted.Error != nil {
			return deleted.Error
		}
		err := tx.Raw(`SELECT credential_version FROM accounts WHERE subject = ?`, subject).Row().Scan(&change.Version)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		change.Outcome = account.Unchanged
		if deleted.RowsAffected == 0 {
			return nil
		}
		change.Outcome = account.Deleted
		return s.record(tx, now, entry)
	})
	return change, err
}

// Profile reads an account and the status of its credential in one statement; with entries, they are recorded with it.
func (s *Store) Profile(ctx context.Context, subject string, entries ...audit.Entry) (account.Profile, error) {
	if len(entries) == 0 {
		return s.profile(s.db(ctx), subject)
	}
	var found account.Profile
	err := s.write(ctx, "showing an account", func(tx *gorm.DB) (err error) {
		if found, err = s.profile(tx, subject); err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		return s.record(tx, now, entries...)
	})
	return found, err
}

func (s *Store) profile(tx *gorm.DB, subject string) (account.Profile, error) {
	a := account.Profile{Subject: subject}
	var created, deleted, set, disabled, notBefore Time
	var dead bool
	err := tx.Raw(`
SELECT a.id, coalesce(a.email, ''), coalesce(a.locale, ''), a.created_at, a.deleted_at, coalesce(a.password_scheme, ''), a.password_set_at,
       a.password_source, a.credential_version, a.disabled_at, c.dead, c.not_before, c.epoch, coalesce(c.killed_by, 0), coalesce(c.covered_by, 0),
       coalesce(i.slug, '')
  FROM accounts a
  JOIN credential_status c ON c.account_id = a.id
  LEFT JOIN campaigns k ON k.id = c.killed_by
  LEFT JOIN incidents i ON i.id = k.incident_id
 WHERE a.subject = ?`, subject).Row().Scan(&a.ID, &a.Email, &a.Locale, &created, &deleted, &a.PasswordScheme, &set,
		&a.PasswordSource, &a.Version, &disabled, &dead, &notBefore, &a.Epoch, &a.KilledBy, &a.CoveredBy, &a.Incident)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Profile{Subject: subject, State: account.StateUnknown}, nil
	}
	if err != nil {
		return a, s.fail("reading an account", err)
	}
	a.CreatedAt, a.DeletedAt, a.PasswordSetAt, a.DisabledAt, a.NotBefore = created.ptr(), deleted.ptr(), set.ptr(), disabled.ptr(), notBefore.ptr()
	switch {
	case a.DeletedAt != nil:
		a.State = account.StateDeleted
	case a.PasswordScheme == "":
		a.State = account.StateNone
	case dead:
		a.State = account.StateDead
	default:
		a.State = account.StateLive
	}
	return a, nil
}

// ExportPasswords gives what was set in Rekey. The time to ask from next is read while no password is being set: every one set
// before it is committed and seen, every later one is dated after it. There is no upper bound, so a few may come twice.
func (s *Store) ExportPasswords(ctx context.Context, since time.Time, entry audit.Entry, each func(account.Exported) error) (until time.Time, err error) {
	err = s.ordered(ctx, "exporting passwords", exclusive, func(tx *gorm.DB, now time.Time) error {
		until = now
		return s.record(tx, now, entry.With("until", now.Format(time.RFC3339Nano)))
	})
	if err != nil {
		return until, err
	}
	from := at(since)
	if since.IsZero() {
		from = at(time.Unix(0, 0))
	}
	rows, err := s.db(ctx).Raw(`
SELECT subject, password_hash, password_set_at, credential_version
  FROM accounts
 WHERE password_source = 'rekey' AND password_set_at >= ? AND password_hash IS NOT NULL
 ORDER BY password_set_at, id`, from).Rows()
	if err != nil {
		return until, s.fail("reading the passwords to export", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e account.Exported
		var set Time
		if err := rows.Scan(&e.Subject, &e.PasswordHash, &set, &e.CredentialVersion); err != nil {
			return until, s.fail("reading the passwords to export", err)
		}
		e.PasswordSetAt = set.Time
		if err := each(e); err != nil {
			return until, err
		}
	}
	return until, s.fail("reading the passwords to export", rows.Err())
}

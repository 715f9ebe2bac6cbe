package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// usedEvery is how exactly the last use of a key is kept.
const usedEvery = time.Minute

const tokenColumns = `t.id, t.operator_id, t.name, t.created_at, t.expires_at, t.fresh_until, t.revoked_at, t.last_used_at`

// tokenRow is what tokenColumns are scanned into.
type tokenRow struct {
	t                                      operator.Token
	created, expires, fresh, revoked, used Time
}

func (r *tokenRow) targets() []any {
	return []any{&r.t.ID, &r.t.Operator, &r.t.Name, &r.created, &r.expires, &r.fresh, &r.revoked, &r.used}
}

func (r *tokenRow) token() operator.Token {
	r.t.CreatedAt, r.t.ExpiresAt = r.created.Time, r.expires.Time
	r.t.FreshUntil, r.t.RevokedAt, r.t.LastUsedAt = r.fresh.ptr(), r.revoked.ptr(), r.used.ptr()
	return r.t
}

// CreateToken keeps a token's hash for life.
func (s *Store) CreateToken(ctx context.Context, id int64, name string, sha256 []byte, life time.Duration, entry audit.Entry) (t operator.Token, err error) {
	err = s.dated(ctx, "making an operator token", func(tx *gorm.DB, now time.Time) error {
		if err := enabled(tx, id); err != nil {
			return err
		}
		t = operator.Token{Operator: id, Name: name, CreatedAt: now, ExpiresAt: at(now.Add(life)).Time}
		err := tx.Raw(`INSERT INTO operator_tokens (operator_id, name, token_sha256, created_at, expires_at) VALUES (?, ?, ?, ?, ?) RETURNING id`,
			id, name, blob(sha256), at(now), at(t.ExpiresAt)).Row().Scan(&t.ID)
		if err != nil {
			return err
		}
		return s.recordFor(tx, now, id, entry)
	})
	return t, err
}

// Tokens lists an operator's, the newest first.
func (s *Store) Tokens(ctx context.Context, id int64) ([]operator.Token, error) {
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+tokenColumns+` FROM operator_tokens t WHERE t.operator_id = ? ORDER BY t.id DESC`, id), func(rows *sql.Rows) (operator.Token, error) {
		var r tokenRow
		err := rows.Scan(r.targets()...)
		return r.token(), err
	})
	return all, s.fail("listing operator tokens", err)
}

var errNoToken = problem.New(problem.NotFound, "There is no such live token.")

// RevokeToken ends an operator's own.
func (s *Store) RevokeToken(ctx context.Context, owner, id int64, entry audit.Entry) error {
	return s.dated(ctx, "revoking an operator token", func(tx *gorm.DB, now time.Time) error {
		ended := tx.Exec(`UPDATE operator_tokens SET revoked_at = ? WHERE id = ? AND operator_id = ? AND revoked_at IS NULL`, at(now), id, owner)
		if ended.Error != nil {
			return ended.Error
		}
		if ended.RowsAffected == 0 {
			return errNoToken
		}
		return s.record(tx, now, entry)
	})
}

// FreshenToken lets a live one do for life what needs a fresh second factor.
func (s *Store) FreshenToken(ctx context.Context, owner, id int64, life time.Duration, entry audit.Entry) (until time.Time, err error) {
	err = s.dated(ctx, "confirming an operator token", func(tx *gorm.DB, now time.Time) error {
		until = at(now.Add(life)).Time
		done := tx.Exec(`UPDATE operator_tokens SET fresh_until = ? WHERE id = ? AND operator_id = ? AND revoked_at IS NULL AND expires_at > ?`, at(until), id, owner, at(now))
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return errNoToken
		}
		return s.record(tx, now, entry)
	})
	return until, err
}

// TokenBy finds a live one and whose it is, and notes its use.
func (s *Store) TokenBy(ctx context.Context, sha256 []byte) (t operator.Token, o operator.Operator, found bool, err error) {
	now, err := s.Now(ctx)
	if err != nil {
		return t, o, false, err
	}
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+tokenColumns+`, `+operatorColumns+` FROM operator_tokens t JOIN operators o ON o.id = t.operator_id
		WHERE t.token_sha256 = ? AND t.revoked_at IS NULL AND t.expires_at > ? AND o.disabled_at IS NULL`, blob(sha256), at(now)), func(rows *sql.Rows) (operator.Operator, error) {
		var token tokenRow
		var who operatorRow
		if err := rows.Scan(append(token.targets(), who.targets()...)...); err != nil {
			return who.o, err
		}
		t = token.token()
		return who.operator()
	})
	if err != nil || len(all) == 0 {
		return t, o, false, s.fail("looking up an operator token", err)
	}
	if t.LastUsedAt != nil && now.Sub(*t.LastUsedAt) < usedEvery {
		return t, all[0], true, nil
	}
	return t, all[0], true, s.single(ctx, "noting the use of an operator token", func(db *gorm.DB) error {
		return db.Exec(`UPDATE operator_tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`, at(now), t.ID, at(now)).Error
	})
}

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

// sessionKept is how long an ended session stands as a mark that it has ended: longer than any request that was under way.
const sessionKept = 24 * time.Hour

// SaveSession makes or updates a session. One that has ended is never written again. That its operator is not disabled is looked at when it is found.
func (s *Store) SaveSession(ctx context.Context, sha256 []byte, v operator.Session) error {
	return s.dated(ctx, "saving a session", func(tx *gorm.DB, now time.Time) error {
		var who any // NULL while the sign-in is under way
		if v.Operator != 0 {
			who = v.Operator
		}
		saved := tx.Exec(`INSERT INTO operator_sessions (token_sha256, id, operator_id, data, client, agent, created_at, last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (token_sha256) DO UPDATE SET operator_id = excluded.operator_id, data = excluded.data, last_seen_at = excluded.last_seen_at, expires_at = excluded.expires_at
			WHERE operator_sessions.expires_at > ?`,
			blob(sha256), operator.SessionID(sha256), who, blob(v.Data), v.Client, v.Agent, at(now), at(now), at(v.ExpiresAt), at(now))
		if saved.Error == nil && saved.RowsAffected == 0 {
			return operator.ErrEnded
		}
		return saved.Error
	})
}

// RenewSession gives a session another token: when somebody signs in, and whenever they may do more than before. The one before can't be used any more.
func (s *Store) RenewSession(ctx context.Context, was, sha256 []byte, v operator.Session) error {
	return s.dated(ctx, "renewing a session", func(tx *gorm.DB, now time.Time) error {
		began, err := sessionBegan(tx, was, v.Operator, now)
		if err != nil {
			return err
		}
		ended := tx.Exec(endSession+` AND token_sha256 = ?`, at(now), at(now), blob(was))
		if ended.Error != nil {
			return ended.Error
		}
		if ended.RowsAffected == 0 {
			return operator.ErrEnded
		}
		var who any
		if v.Operator != 0 {
			who = v.Operator
		}
		return tx.Exec(`INSERT INTO operator_sessions (token_sha256, id, operator_id, data, client, agent, created_at, last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			blob(sha256), operator.SessionID(sha256), who, blob(v.Data), v.Client, v.Agent, at(began), at(now), at(v.ExpiresAt)).Error
	})
}

// sessionBegan is when the session began that goes on under another token: now, unless it is the same operator's already.
func sessionBegan(tx *gorm.DB, was []byte, id int64, now time.Time) (time.Time, error) {
	found, err := scanAll(tx.Raw(`SELECT created_at FROM operator_sessions WHERE token_sha256 = ? AND operator_id = ?`, blob(was), id), func(rows *sql.Rows) (t Time, err error) {
		return t, rows.Scan(&t)
	})
	if err != nil || len(found) == 0 {
		return now, err
	}
	return found[0].Time, nil
}

const sessionColumns = `s.id, coalesce(s.operator_id, 0), s.data, s.client, s.agent, s.created_at, s.last_seen_at, s.expires_at`

func scanSession(rows *sql.Rows) (v operator.Session, err error) {
	var created, seen, expires Time
	err = rows.Scan(&v.ID, &v.Operator, &v.Data, &v.Client, &v.Agent, &created, &seen, &expires)
	v.CreatedAt, v.LastSeenAt, v.ExpiresAt = created.Time, seen.Time, expires.Time
	return v, err
}

// FindSession finds a live one.
func (s *Store) FindSession(ctx context.Context, sha256 []byte) (operator.Session, bool, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return operator.Session{}, false, err
	}
	found, err := scanAll(s.db(ctx).Raw(`SELECT `+sessionColumns+` FROM operator_sessions s LEFT JOIN operators o ON o.id = s.operator_id
		WHERE s.token_sha256 = ? AND s.expires_at > ? AND o.disabled_at IS NULL`, blob(sha256), at(now)), scanSession)
	if err != nil || len(found) == 0 {
		return operator.Session{}, false, s.fail("looking up a session", err)
	}
	return found[0], true, nil
}

// DeleteSession ends one, and leaves the mark that it has ended.
func (s *Store) DeleteSession(ctx context.Context, sha256 []byte) error {
	return s.dated(ctx, "ending a session", func(tx *gorm.DB, now time.Time) error {
		return tx.Exec(endSession+` AND token_sha256 = ?`, at(now), at(now), blob(sha256)).Error
	})
}

// endSession marks live sessions as ended. They end as of their beginning: a save whose clock was read before the end finds them over, too.
const endSession = `UPDATE operator_sessions SET data = '', expires_at = created_at, last_seen_at = ? WHERE expires_at > ?`

func endSessions(tx *gorm.DB, id int64, now time.Time) error {
	return tx.Exec(endSession+` AND operator_id = ?`, at(now), at(now), id).Error
}

// Sessions lists an operator's live ones.
func (s *Store) Sessions(ctx context.Context, id int64) ([]operator.Session, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+sessionColumns+` FROM operator_sessions s WHERE s.operator_id = ? AND s.expires_at > ? ORDER BY s.last_seen_at DESC, s.id`, id, at(now)), scanSession)
	return all, s.fail("listing sessions", err)
}

// EndSessions ends one by its id, or with "" all but except.
func (s *Store) EndSessions(ctx context.Context, id int64, session, except string, entry audit.Entry) (n int64, err error) {
	err = s.dated(ctx, "ending sessions", func(tx *gorm.DB, now time.Time) error {
		ended := tx.Exec(endSession+` AND operator_id = ? AND (id = ? OR ? = '') AND id <> ?`, at(now), at(now), id, session, session, except)
		if ended.Error != nil {
			return ended.Error
		}
		if n = ended.RowsAffected; n == 0 && session != "" {
			return problem.New(problem.NotFound, "There is no such session; it may have ended by itself.")
		}
		return s.record(tx, now, entry.With("count", n))
	})
	return n, err
}

// SweepSessions removes the marks of sessions that ended long ago.
func (s *Store) SweepSessions(ctx context.Context) (n int64, err error) {
	err = s.dated(ctx, "sweeping sessions", func(tx *gorm.DB, now time.Time) error {
		swept := tx.Exec(`DELETE FROM operator_sessions WHERE expires_at < ? AND last_seen_at < ?`, at(now.Add(-sessionKept)), at(now.Add(-sessionKept)))
		n = swept.RowsAffected
		return swept.Error
	})
	return n, err
}

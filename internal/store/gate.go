package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/client"
)

// The parts of the gate's statement, which tells whose key it is and how each subject stands. The subject and the key come first in it, a clock that
// the database has not itself comes last.
const (
	gateColumns = `SELECT c.scope, s.account_id IS NOT NULL, coalesce(s.deleted, false), coalesce(s.has_password, false), coalesce(s.dead, false),
	coalesce(s.killed, false), s.not_before, (SELECT i.slug FROM campaigns k JOIN incidents i ON i.id = k.incident_id WHERE k.id = s.killed_by),
	coalesce(s.covered_by, 0), EXISTS (SELECT 1 FROM lockdowns WHERE off_at IS NULL) FROM clients c `
	gateKey = ` AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > `
	gateOne = gateColumns + `LEFT JOIN credential_status s ON s.subject = $1 WHERE c.key_sha256 = $2` + gateKey
	gateAll = ` LEFT JOIN credential_status s ON s.subject = q.text WHERE c.key_sha256 = $2` + gateKey
)

// gateRow is a row as it comes.
type gateRow struct {
	account.GateRecord
	scope     string
	notBefore Time
	incident  *string
}

func (r *gateRow) columns() []any {
	return []any{&r.scope, &r.Known, &r.Deleted, &r.HasPassword, &r.Dead, &r.Killed, &r.notBefore, &r.incident, &r.CoveredBy, &r.Locked}
}

func (r *gateRow) record() account.GateRecord {
	r.NotBefore = r.notBefore.ptr()
	if r.incident != nil {
		r.Incident = *r.incident
	}
	return r.GateRecord
}

// Gate reads who asks and the state of each subject in one statement.
func (s *Store) Gate(ctx context.Context, keySHA256 []byte, scope string, subjects []string) ([]account.GateRecord, error) {
	rows, err := s.gateRows(ctx, keySHA256, subjects)
	switch {
	case err != nil:
		return nil, s.fail("reading the gate", err)
	case len(rows) == 0 || len(rows) != len(subjects):
		return nil, client.ErrUnknownKey
	case rows[0].scope != scope:
		return nil, client.ErrScope
	}
	records := make([]account.GateRecord, len(rows))
	for i := range rows {
		records[i] = rows[i].record()
	}
	return records, nil
}

// gateRows has a statement of its own for one subject, which is the common case and the fastest.
func (s *Store) gateRows(ctx context.Context, keySHA256 []byte, subjects []string) ([]gateRow, error) {
	clock := s.dialect.clock()
	statement, bound := gateOne+clock.SQL+")", any(subjects[0])
	if len(subjects) > 1 {
		list, err := json.Marshal(subjects)
		if err != nil {
			return nil, err
		}
		statement, bound = gateColumns+"CROSS JOIN "+s.dialect.texts()+gateAll+clock.SQL+") ORDER BY q.n", string(list)
	}
	rows := make([]gateRow, 0, len(subjects))
	err := s.read(ctx, statement, append([]any{bound, keySHA256}, clock.Vars...), func() []any {
		rows = append(rows, gateRow{})
		return rows[len(rows)-1].columns()
	})
	return rows, err
}

// read reads rows by the dialect's shortest way, and logs the statement as any other.
func (s *Store) read(ctx context.Context, statement string, vars []any, next func() []any) error {
	began, n := time.Now(), int64(0)
	err := s.dialect.read(ctx, s.pool, statement, vars, func() []any {
		n++
		return next()
	})
	s.gorm.Logger.Trace(ctx, began, func() (string, int64) { return statement, n }, err)
	return err
}

// row reads the one row there is, and is sql.ErrNoRows where there is none.
func (s *Store) row(ctx context.Context, statement string, vars, into []any) error {
	found := false
	err := s.read(ctx, statement, vars, func() []any {
		found = true
		return into
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

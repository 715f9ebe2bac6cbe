package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// Lock modes for tests outside the package.
const (
	Shared    = shared
	Exclusive = exclusive
)

// SetHooks lets a test stand between two steps, or leave the order lock out.
func (s *Store) SetHooks(noOrderLock bool, ordered func(exclusiveLock bool), beforeCommit, afterCommit func(doing string) error) {
	s.hooks = hooks{noOrderLock: noOrderLock, beforeCommit: beforeCommit, afterCommit: afterCommit}
	if ordered != nil {
		s.hooks.ordered = func(m lockMode) { ordered(m == exclusive) }
	}
}

// At is an instant in the databases' resolution.
func At(t time.Time) time.Time { return at(t).Time }

// Exec runs one statement as it is; Times bind on both databases.
func (s *Store) Exec(ctx context.Context, statement string, vars ...any) error {
	return s.single(ctx, "testing", func(db *gorm.DB) error { return db.Exec(statement, bind(vars)...).Error })
}

// Count reads one number.
func (s *Store) Count(ctx context.Context, statement string, vars ...any) (n int64, err error) {
	err = s.db(ctx).Raw(statement, bind(vars)...).Row().Scan(&n)
	return n, err
}

func bind(vars []any) []any {
	for i, v := range vars {
		if t, ok := v.(time.Time); ok {
			vars[i] = at(t)
		}
	}
	return vars
}

// Texts reads one column of texts.
func (s *Store) Texts(ctx context.Context, statement string) ([]string, error) {
	return scanAll(s.db(ctx).Raw(statement), func(rows *sql.Rows) (text string, err error) { return text, rows.Scan(&text) })
}

// Blob binds bytes as one value.
type Blob = blob

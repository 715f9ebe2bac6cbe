package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// ExecRaw runs a statement as one transaction; instants are bound in the form of the database at hand.
func (s *Store) ExecRaw(ctx context.Context, statement string, args ...any) error {
	for i, a := range args {
		switch a := a.(type) {
		case time.Time:
			args[i] = at(a)
		case *time.Time:
			args[i] = atPtr(a)
		}
	}
	return s.write(ctx, "testing", func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error })
}

// ScanRaw runs a query and scans its only row. Instants are read into Time.
func (s *Store) ScanRaw(ctx context.Context, query string, args []any, into ...any) error {
	return s.db(ctx).Raw(query, args...).Row().Scan(into...)
}

// Ptr is nil for NULL.
func (t Time) Ptr() *time.Time { return t.ptr() }

// RowsRaw runs a query and reads every row into T, by the names of its columns.
func RowsRaw[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	var rows []T
	return rows, s.db(ctx).Raw(query, args...).Scan(&rows).Error
}

// FailCommits makes the act whose commit comes next fail: before it, or after it with its reply lost. Only acts whose name is doing are touched.
func (s *Store) FailCommits(doing string, before, after error) {
	s.hooks.beforeCommit = func(what string) error {
		if what == doing {
			return before
		}
		return nil
	}
	s.hooks.afterCommit = func(what string) error {
		if what == doing {
			return after
		}
		return nil
	}
}

// OnOrdered calls f whenever a transaction holds the order lock alone.
func (s *Store) OnOrdered(f func()) {
	s.hooks.ordered = func(mode lockMode) {
		if mode == exclusive {
			f()
		}
	}
}

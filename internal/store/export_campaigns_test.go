package store

import (
	"context"
	"time"
)

// ScanRaw runs a query and scans its only row. Instants are read into Time.
func (s *Store) ScanRaw(ctx context.Context, query string, args []any, into ...any) error {
	return s.db(ctx).Raw(query, bind(args)...).Row().Scan(into...)
}

// RowsRaw runs a query and reads every row into T, by the names of its columns.
func RowsRaw[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	var rows []T
	err := s.db(ctx).Raw(query, bind(args)...).Scan(&rows).Error
	return rows, err
}

// Ptr is nil for NULL.
func (t Time) Ptr() *time.Time { return t.ptr() }

package store

import (
	"context"
	"time"

	"gorm.io/gorm"
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

// HoldRead runs a query in a transaction that says on the channel when it has read and stays open until it is told to end.
func (s *Store) HoldRead(ctx context.Context, query string, turn chan struct{}) error {
	return s.db(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec(query).Error; err != nil {
			return err
		}
		turn <- struct{}{}
		<-turn
		return nil
	})
}

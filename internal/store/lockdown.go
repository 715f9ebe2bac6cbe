package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
)

// LockdownOn begins a lockdown. It holds the order lock alone, so that no redemption in flight commits after it.
func (s *Store) LockdownOn(ctx context.Context, reason string, entry audit.Entry) (campaign.Lockdown, error) {
	var l campaign.Lockdown
	err := s.ordered(ctx, "locking down", exclusive, func(tx *gorm.DB, now time.Time) error {
		done := tx.Exec("INSERT INTO lockdowns (on_at, on_by, on_reason) SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM lockdowns WHERE off_at IS NULL)",
			at(now), entry.Actor.String(), reason)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return campaign.ErrLocked
		}
		l = campaign.Lockdown{On: true, Since: &now, By: entry.Actor.String(), Reason: reason}
		return s.record(tx, now, entry)
	})
	if err != nil {
		return campaign.Lockdown{}, err
	}
	return l, nil
}

// LockdownOff ends the lockdown that holds.
func (s *Store) LockdownOff(ctx context.Context, reason string, entry audit.Entry) (campaign.Lockdown, error) {
	return campaign.Lockdown{}, s.ordered(ctx, "lifting the lockdown", exclusive, func(tx *gorm.DB, now time.Time) error {
		done := tx.Exec("UPDATE lockdowns SET off_at = ?, off_by = ?, off_reason = ? WHERE off_at IS NULL", at(now), entry.Actor.String(), reason)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return campaign.ErrNotLocked
		}
		return s.record(tx, now, entry)
	})
}

// Lockdown reads the one that holds.
func (s *Store) Lockdown(ctx context.Context) (campaign.Lockdown, error) {
	var rows []struct {
		OnAt     Time
		OnBy     string
		OnReason string
	}
	if err := s.db(ctx).Raw("SELECT on_at, on_by, on_reason FROM lockdowns WHERE off_at IS NULL").Scan(&rows).Error; err != nil {
		return campaign.Lockdown{}, s.fail("reading the lockdown", err)
	}
	switch len(rows) {
	case 0:
		return campaign.Lockdown{}, nil
	case 1:
		return campaign.Lockdown{On: true, Since: rows[0].OnAt.ptr(), By: rows[0].OnBy, Reason: rows[0].OnReason}, nil
	}
	return campaign.Lockdown{}, fmt.Errorf("%d lockdowns hold at once", len(rows))
}

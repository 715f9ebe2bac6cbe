package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/audit/outside"
)

// ClaimCheckpoint gives the newest checkpoint that the place has not taken yet, to the one caller that may send it until the lease
// ends. False: there is none, another is sending, or the pause after a failure is not over.
func (s *Store) ClaimCheckpoint(ctx context.Context, place string, lease time.Duration) (claim outside.Claim, ok bool, err error) {
	last, err := s.LastCheckpoint(ctx)
	if err != nil || last.IsZero() {
		return claim, false, err
	}
	err = s.write(ctx, "claiming a checkpoint", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		err = tx.Exec(`INSERT INTO audit_outside (place, n, size, next_at, tries, fault) VALUES (?, 0, 0, ?, 0, '') ON CONFLICT DO NOTHING`, place, at(now)).Error
		if err != nil {
			return err
		}
		claimed := tx.Exec(`UPDATE audit_outside SET next_at = ? WHERE place = ? AND n < ? AND next_at <= ?`, at(now.Add(lease)), place, last.N, at(now))
		if claimed.Error != nil || claimed.RowsAffected == 0 {
			return claimed.Error
		}
		ok = true
		return tx.Raw(`SELECT tries FROM audit_outside WHERE place = ?`, place).Row().Scan(&claim.Tries)
	})
	claim.Checkpoint = last
	return claim, ok && err == nil, err
}

// CheckpointSent notes that the place has taken a checkpoint, and with it all before.
func (s *Store) CheckpointSent(ctx context.Context, place string, c audit.Checkpoint) error {
	return s.write(ctx, "noting a checkpoint that was sent", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		return mustBeOne(tx.Exec(`UPDATE audit_outside SET n = CASE WHEN n < ? THEN ? ELSE n END, size = CASE WHEN n < ? THEN ? ELSE size END,
			sent_at = ?, next_at = ?, tries = 0, fault = '' WHERE place = ?`, c.N, c.N, c.N, c.Head.Size, at(now), at(now), place))
	})
}

// CheckpointFailed notes a failure and lets the next try wait.
func (s *Store) CheckpointFailed(ctx context.Context, place, fault string, pause time.Duration) error {
	return s.write(ctx, "noting a checkpoint that was not sent", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		return mustBeOne(tx.Exec(`UPDATE audit_outside SET tries = tries + 1, fault = ?, next_at = ? WHERE place = ?`, fault, at(now.Add(pause)), place))
	})
}

// Outside lists how far each place is that something was ever sent to.
func (s *Store) Outside(ctx context.Context) ([]outside.State, error) {
	states, err := scanAll(s.db(ctx).Raw(`SELECT place, n, size, sent_at, tries, fault FROM audit_outside ORDER BY place`), func(rows *sql.Rows) (o outside.State, err error) {
		var sent Time
		err = rows.Scan(&o.Place, &o.N, &o.Size, &sent, &o.Tries, &o.Fault)
		o.SentAt = sent.ptr()
		return o, err
	})
	return states, s.fail("reading where checkpoints were sent", err)
}

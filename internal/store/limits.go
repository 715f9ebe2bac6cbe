package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// Limits is the rate limiter's durable source: one row a key, one statement a decision.
type Limits struct{ store *Store }

// Limits gives the source.
func (s *Store) Limits() Limits { return Limits{s} }

func limitKey(l ratelimit.Limit, key string) blob { return blob(l.Name + " " + key) }

// Take moves the arrival time by the cost unless that would go beyond the burst.
func (m Limits) Take(ctx context.Context, l ratelimit.Limit, key string, cost float64) (d ratelimit.Decision, err error) {
	if err := l.Check(cost); err != nil {
		return d, err
	}
	err = m.store.single(ctx, "charging a limit", func(db *gorm.DB) error {
		now, err := m.micros(db)
		if err != nil {
			return err
		}
		var tat int64
		err = m.store.row(ctx, `INSERT INTO rate_limits AS r (key, tat) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET tat = CASE WHEN r.tat > $3 THEN r.tat ELSE $3 END + $4
			WHERE CASE WHEN r.tat > $3 THEN r.tat ELSE $3 END + $4 <= $5 RETURNING tat`,
			[]any{limitKey(l, key), now + l.Cost(cost), now, l.Cost(cost), now + l.Window()}, []any{&tat})
		if err == nil {
			d = l.Granted(tat, now)
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := db.Raw(`SELECT coalesce((SELECT tat FROM rate_limits WHERE key = ?), 0)`, limitKey(l, key)).Row().Scan(&tat); err != nil {
			return err
		}
		d = l.Refused(tat, now, cost)
		return nil
	})
	return d, err
}

// Give moves the arrival time back, never before now.
func (m Limits) Give(ctx context.Context, l ratelimit.Limit, key string, cost float64) error {
	if err := l.Check(cost); err != nil {
		return err
	}
	return m.store.single(ctx, "refunding a limit", func(db *gorm.DB) error {
		return db.Exec(`UPDATE rate_limits SET tat = tat - ? WHERE key = ?`, l.Cost(cost), limitKey(l, key)).Error
	})
}

// Reserve books the next slot, or shares the last one.
func (m Limits) Reserve(ctx context.Context, l ratelimit.Limit, key string) (wait time.Duration, err error) {
	err = m.store.single(ctx, "booking a limit", func(db *gorm.DB) error {
		now, err := m.micros(db)
		if err != nil {
			return err
		}
		last := now + l.Window() + l.MaxDelay.Microseconds()
		var tat int64
		err = m.store.row(ctx, `INSERT INTO rate_limits AS r (key, tat) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET tat = CASE WHEN r.tat <= $3 THEN $2 WHEN r.tat + $4 > $5 THEN r.tat ELSE r.tat + $4 END RETURNING tat`,
			[]any{limitKey(l, key), now + l.Cost(1), now, l.Cost(1), last}, []any{&tat})
		wait = time.Duration(max(0, tat-now-l.Window())) * time.Microsecond
		return err
	})
	return wait, err
}

// SweepLimits removes buckets that are full again, at most limit of them, so that keys of strangers don't pile up.
func (s *Store) SweepLimits(ctx context.Context, limit int) (removed int64, err error) {
	err = s.single(ctx, "sweeping the limits", func(db *gorm.DB) error {
		now, err := Limits{s}.micros(db)
		if err != nil {
			return err
		}
		swept := db.Exec(`DELETE FROM rate_limits WHERE key IN (SELECT key FROM rate_limits WHERE tat <= ? LIMIT ?)`, now, limit)
		removed = swept.RowsAffected
		return swept.Error
	})
	return removed, err
}

func (m Limits) micros(db *gorm.DB) (int64, error) {
	now, err := m.store.now(db)
	return now.UnixMicro(), err
}

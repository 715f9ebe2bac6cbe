package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Time is an instant as the databases keep it, whole microseconds: timestamptz on Postgres, an integer on SQLite.
// The zero Time is NULL in both directions.
type Time struct{ time.Time }

// at makes an instant comparable with what the database gives back.
func at(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// atPtr is at for an instant that may be missing.
func atPtr(t *time.Time) Time {
	if t == nil {
		return Time{}
	}
	return at(*t)
}

// ptr gives nil for NULL.
func (t Time) ptr() *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

// GormValue binds the instant in the form of the database at hand.
func (t Time) GormValue(_ context.Context, db *gorm.DB) clause.Expr {
	if t.IsZero() {
		return clause.Expr{SQL: "NULL"}
	}
	if db.Name() == sqliteName {
		return clause.Expr{SQL: "?", Vars: []any{t.UnixMicro()}}
	}
	return clause.Expr{SQL: "?", Vars: []any{t.Time}}
}

// Value is the Postgres form, for COPY.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.Time, nil
}

// Scan reads either form.
func (t *Time) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t = Time{}
	case time.Time:
		*t = at(v)
	case int64:
		*t = at(time.UnixMicro(v))
	default:
		return fmt.Errorf("an instant came as %T", v)
	}
	return nil
}

// MarshalJSON is the SQLite form, for lists bound as JSON.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, t.UnixMicro(), 10), nil
}

// blob binds bytes as one value: gorm spreads a bare slice that follows an opening parenthesis.
type blob []byte

// Value is the bytes (database/sql/driver.Valuer).
func (b blob) Value() (driver.Value, error) { return []byte(b), nil }

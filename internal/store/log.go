package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// sqlLogger logs statement texts, never the values bound to them: among those are password hashes and addresses.
type sqlLogger struct {
	logger *slog.Logger
	all    bool // else only failures
}

// LogMode is gorm's; the level is ours alone.
func (l sqlLogger) LogMode(logger.LogLevel) logger.Interface { return l }

// ParamsFilter keeps gorm from writing values into the text.
func (l sqlLogger) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Info, Warn and Error carry gorm's own messages, which may quote values: they are dropped, and failures are returned anyway.
func (l sqlLogger) Info(context.Context, string, ...any) {}

// Warn is as Info.
func (l sqlLogger) Warn(context.Context, string, ...any) {}

// Error is as Info.
func (l sqlLogger) Error(context.Context, string, ...any) {}

// Trace logs one statement.
func (l sqlLogger) Trace(ctx context.Context, begin time.Time, fc func() (sql string, rows int64), err error) {
	if !l.all || !l.logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	text, rows := fc()
	failed := err != nil && !errors.Is(err, gorm.ErrRecordNotFound)
	l.logger.DebugContext(ctx, "sql", "statement", text, "rows", rows, "took", time.Since(begin), "failed", failed)
}

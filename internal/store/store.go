// Package store keeps every table: one exported method is one business fact is one transaction, on Postgres or on SQLite.
// It alone imports gorm; only cmd and tests import it, and the packages it serves declare the methods they need.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Options say which database and how to talk to it.
type Options struct {
	URL         string        // sqlite:PATH or postgres://…
	Connections int           // most connections at once; default 20 (SQLite: 8 readers beside the one writer)
	LockTimeout time.Duration // how long a writer waits for the order lock or a row; default 5 s
	Logger      *slog.Logger  // default: discard
	LogSQL      bool          // log each statement's text at debug level, never its values

	// Clock changes what the database's clock says; for tests of a clock that steps. Default: unchanged.
	Clock func(time.Time) time.Time
}

// Store is one database. It is safe for concurrent use.
type Store struct {
	gorm    *gorm.DB
	pool    *sql.DB
	dialect dialect
	logger  *slog.Logger
	clock   func(time.Time) time.Time
	hooks   hooks
}

// hooks let tests stand between two steps or leave one out, to show what each step is there for.
type hooks struct {
	noOrderLock  bool                     // leave the order lock out
	ordered      func(lock lockMode)      // after the lock is held and the clock read
	beforeCommit func(doing string) error // a failure here rolls back
	afterCommit  func(doing string) error // a failure here is a lost reply
}

// Open connects and checks that the database answers. It changes nothing: Migrate makes the schema, CheckSchema compares it.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = 5 * time.Second
	}
	if o.Clock == nil {
		o.Clock = func(t time.Time) time.Time { return t }
	}
	d, pool, dialector, err := connect(o)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		Logger:                 sqlLogger{logger: o.Logger, all: o.LogSQL},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), pool.Close())
	}
	s := &Store{gorm: db, pool: pool, dialect: d, logger: o.Logger, clock: o.Clock}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return s, nil
}

// connect tells the two kinds of URL apart. An error never shows the URL: it may hold a password.
func connect(o Options) (dialect, *sql.DB, gorm.Dialector, error) {
	if path, ok := strings.CutPrefix(o.URL, "sqlite:"); ok {
		return connectSQLite(strings.TrimPrefix(path, "//"), o)
	}
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, nil, nil, problem.New(problem.Invalid, "The database URL must begin with sqlite: or postgres://.")
	}
	return connectPostgres(o)
}

// makeParent makes the directory of a database file, for its owner alone.
func makeParent(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the database's directory: %w", err)
	}
	return nil
}

// Close ends all connections.
func (s *Store) Close() error { return s.pool.Close() }

// Ping asks the database for an answer.
func (s *Store) Ping(ctx context.Context) error {
	return s.fail("reaching the database", s.pool.PingContext(ctx))
}

// Dialect is "postgres" or "sqlite", for reports.
func (s *Store) Dialect() string { return s.dialect.name() }

// db is for reads: no transaction, one statement sees one state.
func (s *Store) db(ctx context.Context) *gorm.DB { return s.gorm.WithContext(ctx) }

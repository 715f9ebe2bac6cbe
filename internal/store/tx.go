package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// write runs fn in one transaction. Whoever calls it names what it does, for the log.
func (s *Store) write(ctx context.Context, doing string, fn func(tx *gorm.DB) error) error {
	done, err := s.dialect.begin(ctx)
	if err != nil {
		return s.fail(doing, err)
	}
	defer done()
	var inside *gorm.DB
	err = s.db(ctx).Transaction(func(tx *gorm.DB) error {
		inside = tx
		if err := fn(tx); err != nil {
			return err
		}
		if s.hooks.beforeCommit != nil {
			return s.hooks.beforeCommit(doing)
		}
		return nil
	})
	if err == nil {
		decided(inside)
	}
	if err == nil && s.hooks.afterCommit != nil {
		err = s.hooks.afterCommit(doing)
	}
	return s.fail(doing, err)
}

// single runs one statement that writes and commits by itself.
func (s *Store) single(ctx context.Context, doing string, fn func(db *gorm.DB) error) error {
	done, err := s.dialect.begin(ctx)
	if err != nil {
		return s.fail(doing, err)
	}
	defer done()
	return s.fail(doing, fn(s.db(ctx)))
}

// ordered is write under the order lock: a statement of its own takes it before any read, and the clock is read after.
// Those that set password_set_at share the lock; activation and lockdown hold it alone. So whatever is dated here is dated
// after everything that was committed before, whatever transactions run long.
func (s *Store) ordered(ctx context.Context, doing string, mode lockMode, fn func(tx *gorm.DB, now time.Time) error) error {
	return s.write(ctx, doing, func(tx *gorm.DB) error {
		now, err := s.order(tx, mode)
		if err != nil {
			return err
		}
		if s.hooks.ordered != nil {
			s.hooks.ordered(mode)
		}
		return fn(tx, now)
	})
}

// connection runs fn with one connection held, for temporary tables and bulk loads; it is no transaction.
// On SQLite fn holds the writer's turn all along: inside it use inTx, never write.
func (s *Store) connection(ctx context.Context, doing string, fn func(conn *gorm.DB) error) error {
	done, err := s.dialect.begin(ctx)
	if err != nil {
		return s.fail(doing, err)
	}
	defer done()
	return s.fail(doing, s.db(ctx).Connection(func(conn *gorm.DB) error {
		return fn(conn.Session(&gorm.Session{NewDB: true})) // else one failure would stick to it, and nothing after it be done
	}))
}

// orderedOn is ordered on a connection already held.
func (s *Store) orderedOn(conn *gorm.DB, mode lockMode, fn func(tx *gorm.DB, now time.Time) error) error {
	return conn.Transaction(func(tx *gorm.DB) error {
		now, err := s.order(tx, mode)
		if err != nil {
			return err
		}
		return fn(tx, now)
	})
}

// order takes the order lock and then reads the clock.
func (s *Store) order(tx *gorm.DB, mode lockMode) (time.Time, error) {
	if s.hooks.noOrderLock {
		return s.now(tx)
	}
	t, err := s.dialect.lockedNow(tx, orderLock, mode)
	if err != nil {
		return time.Time{}, fmt.Errorf("waiting for the order lock: %w", err)
	}
	return at(s.clock(t)).Time, nil
}

// now reads the clock that facts are dated by: the database's on Postgres, the process's on SQLite.
func (s *Store) now(tx *gorm.DB) (time.Time, error) {
	t, err := s.dialect.now(tx)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the clock: %w", err)
	}
	return at(s.clock(t)).Time, nil
}

// Now is the database's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	t, err := s.now(s.db(ctx))
	return t, s.fail("reading the clock", err)
}

// record writes audit entries in the transaction of the act. Without a commit there is neither act nor entry.
func (s *Store) record(tx *gorm.DB, now time.Time, entries ...audit.Entry) error {
	for _, e := range entries {
		if err := s.decideWith(tx, now, e); err != nil {
			return err
		}
		e = e.Under(tx.Statement.Context)
		err := tx.Exec(`INSERT INTO audit_entries (at, actor_kind, actor, action, object, outcome, detail, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			at(now), e.Actor.Kind, e.Actor.Name, string(e.Action), e.Object, e.Outcome, e.EncodeDetail(), e.RequestID).Error
		if err != nil {
			return fmt.Errorf("recording %s: %w", e.Action, err)
		}
	}
	return nil
}

// Record writes entries for acts that change nothing else, such as refused ones.
func (s *Store) Record(ctx context.Context, entries ...audit.Entry) error {
	return s.write(ctx, "recording an act", func(tx *gorm.DB) error { return s.recordNow(tx, entries...) })
}

// recordNow is record by the clock of this moment.
func (s *Store) recordNow(tx *gorm.DB, entries ...audit.Entry) error {
	now, err := s.now(tx)
	if err != nil {
		return err
	}
	return s.record(tx, now, entries...)
}

// fail says what was being done, and makes an unreachable or overloaded database a problem that callers may retry.
func (s *Store) fail(doing string, err error) error {
	var named *problem.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &named):
		return err
	case s.dialect.busy(err), unreachable(err):
		return problem.Wrap(problem.Unavailable, "The database is not answering in time.", fmt.Errorf("%s: %w", doing, err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// unreachable tells failures of the way to the database, or of the time given, from failures of the statement.
func unreachable(err error) bool {
	var network net.Error
	// database/sql has no name for its error after Close, which requests in flight meet while the process ends.
	closed := err.Error() == "sql: database is closed"
	return closed || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &network)
}

// asError is errors.As with the target's type inferred.
func asError[E error](err error, target *E) bool { return errors.As(err, target) }

// sub is fs.Sub for the embedded folders, which exist.
func sub(f fs.FS, dir string) fs.FS {
	s, err := fs.Sub(f, dir)
	if err != nil {
		panic(err)
	}
	return s
}

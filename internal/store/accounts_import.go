package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// importChunk is how many rows one transaction of an import takes in. While it runs no campaign can be activated, so it must
// take no more than a second or two; each chunk costs one commit.
const importChunk = 50_000

// ImportAccounts takes in a file: it is staged whole in a temporary table of one connection, then merged by chunks of lines, a
// transaction each, in the order of the file. It is the one method that is many transactions on purpose: an import that stops
// half-way leaves whole chunks, and the same file may be imported again. One import runs at a time.
func (s *Store) ImportAccounts(ctx context.Context, job account.ImportJob) (account.Merged, error) {
	m := &merge{store: s, ctx: ctx, job: job, chunk: job.Chunk}
	if m.chunk <= 0 {
		m.chunk = importChunk
	}
	if err := s.Record(ctx, job.Started); err != nil {
		return m.counts, err
	}
	err := s.db(ctx).Connection(func(conn *gorm.DB) error {
		conn = conn.Session(&gorm.Session{NewDB: true}) // else one failure would stick to it, and nothing after it be done
		m.conn = conn
		release, err := s.dialect.holdImport(ctx, conn)
		if err != nil {
			return err
		}
		defer release()
		defer dropStaging(conn.WithContext(context.WithoutCancel(ctx)))
		return m.run()
	})
	if err != nil && ctx.Err() != nil {
		return m.counts, fmt.Errorf("importing accounts: %w", errors.Join(ctx.Err(), err))
	}
	if err != nil {
		return m.counts, s.fail("importing accounts", err)
	}
	return m.counts, s.Record(ctx, job.Finished(m.counts))
}

// merge is one import under way on one connection.
type merge struct {
	store  *Store
	ctx    context.Context
	conn   *gorm.DB
	job    account.ImportJob
	chunk  int
	bounds []int64 // the line each chunk begins with
	staged int64
	last   int64 // the last line staged
	known  bool  // some rows are of accounts already there
	counts account.Merged
}

func (m *merge) run() error {
	if err := createStaging(m.store.dialect, m.conn); err != nil {
		return err
	}
	if err := m.stage(); err != nil {
		return err
	}
	if m.staged == 0 {
		return nil
	}
	if err := m.prepare(); err != nil {
		return err
	}
	done := int64(0)
	for i, first := range m.bounds {
		through := m.last
		if i+1 < len(m.bounds) {
			through = m.bounds[i+1] - 1
		}
		if err := m.mergeChunk(first, through, min(m.staged-done, int64(m.chunk))); err != nil {
			return fmt.Errorf("merging lines %d to %d: %w", first, through, err)
		}
		done += min(m.staged-done, int64(m.chunk))
		m.job.Progress(done)
	}
	if m.counts.Inserted >= importChunk {
		if err := m.store.dialect.analyze(m.conn, "accounts"); err != nil {
			return err
		}
	}
	return m.reportShared()
}

// stage loads the rows and notes where each chunk begins.
func (m *merge) stage() error {
	return m.store.dialect.stageAccounts(m.ctx, m.conn, func(row *account.Row) (bool, error) {
		more, err := m.job.Next(row)
		if err != nil || !more {
			return false, err
		}
		if m.staged%int64(m.chunk) == 0 {
			m.bounds = append(m.bounds, row.Line)
		}
		m.staged++
		m.last = row.Line
		return true, nil
	})
}

// prepare does what looks at the file as a whole: repeated subjects, labels of password schemes, and whether any account is known.
func (m *merge) prepare() error {
	if err := m.store.dialect.analyze(m.conn, "import_rows"); err != nil {
		return err
	}
	if err := m.conn.Exec(indexStaging).Error; err != nil {
		return fmt.Errorf("indexing the staged rows: %w", err)
	}
	if err := m.conn.Exec(refuseRepeated).Error; err != nil {
		return fmt.Errorf("looking for repeated subjects: %w", err)
	}
	if err := m.report(account.FoundRepeated, repeatedRows); err != nil {
		return err
	}
	if err := m.conn.Raw(knowsAny).Row().Scan(&m.known); err != nil {
		return fmt.Errorf("looking for known subjects: %w", err)
	}
	return m.tx(func(tx *gorm.DB, _ time.Time) error { return tx.Exec(keepSchemes).Error })
}

// tx is a transaction on the import's connection, under the order lock: rows set password_set_at.
func (m *merge) tx(fn func(tx *gorm.DB, now time.Time) error) error {
	done, err := m.store.dialect.begin(m.ctx)
	if err != nil {
		return err
	}
	defer done()
	return m.store.orderedOn(m.conn, shared, fn)
}

// chunkTries bounds how often a chunk is begun anew because somebody else changed one of its accounts meanwhile, or a lock was not
// to be had in time: an import of an hour must not end with a busy minute.
const chunkTries = 10

func (m *merge) mergeChunk(first, through, rows int64) error {
	for range chunkTries {
		c := chunk{merge: m, first: first, through: through, rows: rows}
		err := m.tx(c.apply)
		switch {
		case errors.Is(err, errOvertaken):
			m.known = true
			continue
		case err != nil && m.ctx.Err() == nil && m.store.dialect.busy(err):
			continue
		case err != nil:
			return err
		}
		m.counts.Inserted += c.counts.Inserted
		m.counts.Updated += c.counts.Updated
		m.counts.Unchanged += c.counts.Unchanged
		m.counts.Kept += c.counts.Kept
		m.counts.Revived += c.counts.Revived
		return m.tell(c.findings)
	}
	return problem.New(problem.Unavailable, "The database is too busy to go on with the import; import the same file again.")
}

func (m *merge) tell(findings []account.Finding) error {
	for _, f := range findings {
		if err := m.job.Found(f); err != nil {
			return err
		}
	}
	return nil
}

// report streams the rows a statement finds, as line, subject and whether they were warned about already.
func (m *merge) report(what account.FindingKind, statement string, args ...any) error {
	rows, err := m.conn.Raw(statement, args...).Rows()
	if err != nil {
		return fmt.Errorf("reading what the import found: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		f := account.Finding{What: what}
		if err := rows.Scan(&f.Line, &f.Subject, &f.Warned); err != nil {
			return fmt.Errorf("reading what the import found: %w", err)
		}
		if err := m.job.Found(f); err != nil {
			return err
		}
	}
	return rows.Err()
}

// reportShared looks for addresses that an earlier account has too, once for the file, since most files have few.
func (m *merge) reportShared() error {
	found := m.conn.Exec(findShared)
	if found.Error != nil {
		return fmt.Errorf("looking for shared addresses: %w", found.Error)
	}
	if found.RowsAffected == 0 {
		return nil
	}
	if err := m.store.dialect.analyze(m.conn, "import_shared"); err != nil {
		return err
	}
	return m.report(account.FoundShared, sharedRows)
}

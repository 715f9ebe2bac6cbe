package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// importDialect is what the two databases do differently in an import.
type importDialect interface {
	// byteText is the column type of texts that are compared byte by byte.
	byteText() string
	// holdImport makes the connection the one that imports, until release, and fit for statements over a whole file.
	holdImport(ctx context.Context, conn *gorm.DB) (release func(), err error)
	// stageAccounts loads rows into import_rows until next has no more.
	stageAccounts(ctx context.Context, conn *gorm.DB, next nextRow) error
	// analyze tells the planner what a table holds.
	analyze(conn *gorm.DB, table string) error
	// tuneMerge sets the planner up for the transaction of a chunk.
	tuneMerge(tx *gorm.DB) error
}

// nextRow fills in the next row.
type nextRow func(*account.Row) (more bool, err error)

// importLock is held by the connection that imports (Postgres, for the session).
const importLock int64 = 0x72656b6579_04

var errImporting = problem.New(problem.Conflict, "Another import is running; wait for its end.")

// ---- Postgres

func (postgresDialect) byteText() string { return `text COLLATE "C"` }

func (postgresDialect) holdImport(ctx context.Context, conn *gorm.DB) (func(), error) {
	// It waits as long as any lock: the connection of an import that was just interrupted may not have let go yet.
	if err := conn.Exec(`SELECT pg_advisory_lock(?)`, importLock).Error; err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "55P03" {
			return nil, errImporting
		}
		return nil, fmt.Errorf("taking the import lock: %w", err)
	}
	release := func() {
		// A connection that cannot answer has lost lock and settings already.
		conn := conn.WithContext(context.WithoutCancel(ctx))
		_ = exec(conn, "RESET work_mem")
		_ = conn.Exec(`SELECT pg_advisory_unlock(?)`, importLock).Error
	}
	// Sorting a million subjects wants room; compiling the statements takes longer than most of them do.
	if err := exec(conn, "SET work_mem = '64MB'"); err != nil {
		release()
		return nil, fmt.Errorf("setting up the import's connection: %w", err)
	}
	return release, nil
}

// stageAccounts writes COPY's text form itself: through pgx's own CopyFrom each value would become an interface and a buffer of
// its own, which costs more than all the rest of reading a file.
func (postgresDialect) stageAccounts(ctx context.Context, conn *gorm.DB, next nextRow) error {
	held, ok := conn.Statement.ConnPool.(interface{ Raw(func(any) error) error })
	if !ok {
		return fmt.Errorf("staging accounts needs a connection of its own, not %T", conn.Statement.ConnPool)
	}
	rows := &copyText{next: next, buf: make([]byte, 0, 2*copyBuffer)}
	err := held.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, rows, `COPY import_rows FROM STDIN`)
		return err
	})
	if rows.err != nil {
		return rows.err // what COPY reports is only that it was broken off
	}
	if err != nil {
		return fmt.Errorf("staging accounts: %w", err)
	}
	return nil
}

func (postgresDialect) analyze(conn *gorm.DB, table string) error {
	if err := conn.Exec(`ANALYZE ` + table).Error; err != nil {
		return fmt.Errorf("analysing %s: %w", table, err)
	}
	return nil
}

// tuneMerge makes each chunk look its rows up by index: a hash join would read all accounts for every chunk.
func (postgresDialect) tuneMerge(tx *gorm.DB) error {
	return exec(tx, "SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off")
}

// copyBuffer is how much is handed to COPY at once.
const copyBuffer = 64 << 10

// copyText is the rows in the text format of COPY (Postgres manual, COPY, file formats), as a stream.
type copyText struct {
	next nextRow
	row  account.Row
	buf  []byte // made and not yet read
	from int
	done bool
	err  error
}

func (c *copyText) Read(p []byte) (int, error) {
	if c.from == len(c.buf) {
		c.buf, c.from = c.buf[:0], 0
		for !c.done && len(c.buf) < copyBuffer {
			more, err := c.next(&c.row)
			if err != nil {
				c.err = err
				return 0, err
			}
			if !more {
				c.done = true
				break
			}
			c.buf = appendRow(c.buf, &c.row)
		}
		if len(c.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, c.buf[c.from:])
	c.from += n
	return n, nil
}

// appendRow writes a row in the order of stagedColumns.
func appendRow(b []byte, r *account.Row) []byte {
	b = strconv.AppendInt(b, r.Line, 10)
	for _, text := range [...]string{r.Subject, r.Email, r.EmailKey, r.Locale} {
		b = appendText(append(b, '\t'), text)
	}
	for _, flag := range [...]bool{r.KeepEmail, r.KeepLocale, r.KeepPassword} {
		b = appendBool(append(b, '\t'), flag)
	}
	b = appendTime(append(b, '\t'), r.CreatedAt)
	b = appendText(append(b, '\t'), r.PasswordHash)
	b = appendText(append(b, '\t'), r.PasswordScheme)
	b = appendTime(append(b, '\t'), r.PasswordSetAt)
	b = appendBool(append(b, '\t'), r.Warned)
	return append(b, '\n')
}

// appendText writes a text, or NULL for an empty one.
func appendText(b []byte, s string) []byte {
	if s == "" {
		return append(b, `\N`...)
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			b = append(b, `\\`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 't')
	}
	return append(b, 'f')
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, `\N`...)
	}
	return t.UTC().AppendFormat(b, "2006-01-02 15:04:05.999999Z07")
}

// ---- SQLite

func (sqliteDialect) byteText() string { return "text" }

// holdImport has nothing to hold: the temporary tables are the connection's own, and a chunk is alone in the database.
func (sqliteDialect) holdImport(context.Context, *gorm.DB) (func(), error) { return func() {}, nil }

// stageAccounts loads within one deferred transaction, which writes to the temporary database alone and so keeps nobody waiting.
func (d sqliteDialect) stageAccounts(ctx context.Context, conn *gorm.DB, next nextRow) error {
	if err := conn.Exec(`BEGIN DEFERRED`).Error; err != nil {
		return fmt.Errorf("staging accounts: %w", err)
	}
	columns := []string{"line_no", "subject", "email", "email_key", "locale", "keep_email", "keep_locale", "keep_password",
		"created_at", "password_hash", "password_scheme", "password_set_at", "warned"}
	src := &rowSource{next: next, values: make([]any, len(columns))}
	_, err := d.copyIn(ctx, conn, "import_rows", columns, src)
	if err == nil {
		err = conn.Exec(`COMMIT`).Error
	}
	if err != nil {
		// The context may be over; what is left open would go back to the pool.
		back := conn.WithContext(context.WithoutCancel(ctx)).Exec(`ROLLBACK`).Error
		return fmt.Errorf("staging accounts: %w", errors.Join(err, back))
	}
	return nil
}

// analyze is left to SQLite: without statistics it takes the index, which is what every statement here wants.
func (sqliteDialect) analyze(*gorm.DB, string) error { return nil }

func (sqliteDialect) tuneMerge(*gorm.DB) error { return nil }

// rowSource gives rows to copyIn.
type rowSource struct {
	next   nextRow
	row    account.Row
	values []any
	err    error
}

func (r *rowSource) Next() bool {
	more, err := r.next(&r.row)
	r.err = err
	return more && err == nil
}

func (r *rowSource) Values() ([]any, error) {
	w := &r.row
	r.values = append(r.values[:0], w.Line, w.Subject, null(w.Email), null(w.EmailKey), null(w.Locale), w.KeepEmail, w.KeepLocale, w.KeepPassword,
		at(w.CreatedAt), null(w.PasswordHash), null(w.PasswordScheme), at(w.PasswordSetAt), w.Warned)
	return r.values, nil
}

func (r *rowSource) Err() error { return r.err }

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	lite "modernc.org/sqlite" // registers the driver

	"github.com/seed-1c168855/rekey/migrations"
)

// lockMode says how a transaction takes the order lock: those that set password_set_at share it, activation and lockdown hold it alone.
type lockMode int

const (
	shared lockMode = iota
	exclusive
)

// Advisory locks of Postgres, arbitrary constants of this program.
const (
	orderLock    int64 = 0x72656b6579_01 // password_set_at against activated_at and lockdowns
	arrivalLock  int64 = 0x72656b6579_02 // imports of accounts (shared) against the top-up of members (alone)
	sequenceLock int64 = 0x72656b6579_03 // the audit log's sequencer
)

const sqliteName = "sqlite"

// dialect is all that the two databases do differently.
type dialect interface {
	name() string
	migrations() (goose.Dialect, fs.FS, []goose.ProviderOption)
	// begin waits for the right to write and gives it back through the returned function. Postgres lets everybody in.
	begin(ctx context.Context) (done func(), err error)
	// lock takes an advisory lock until the transaction ends. A SQLite transaction is alone anyway.
	lock(tx *gorm.DB, key int64, mode lockMode) error
	// tryLock is lock without waiting.
	tryLock(tx *gorm.DB, key int64, mode lockMode) (bool, error)
	// lockedNow is lock and then now, in one statement that reads no table, so that the statements after it see all that was committed
	// before the lock was had.
	lockedNow(tx *gorm.DB, key int64, mode lockMode) (time.Time, error)
	// now reads the clock that facts are dated by.
	now(tx *gorm.DB) (time.Time, error)
	// clock is now within a statement.
	clock() clause.Expr
	// in makes a condition "column is one of values" whose statement text does not depend on how many there are.
	in(column string, values any) clause.Expr
	// rows makes a FROM item of columns (named and typed in spec, such as "id bigint, state text") from equally long slices.
	rows(alias, spec string, columns ...any) (clause.Expr, error)
	// copyIn loads rows in bulk into a table through the connection of tx, and says how many went in.
	copyIn(ctx context.Context, tx *gorm.DB, table string, columns []string, src pgx.CopyFromSource) (int64, error)
	// read reads the rows of a statement that is asked all day, each into the pointers that next gives, by the shortest way the driver has.
	// Placeholders are $1, $2 and so on, which both databases know.
	read(ctx context.Context, pool *sql.DB, statement string, vars []any, next func() []any) error
	// texts is a FROM item of texts, named text, and their order, named n, from a JSON array of them at the placeholder $1 of such a statement.
	texts() string
	// skipLocked ends a claiming SELECT.
	skipLocked() string
	// busy says that a failure is one of waiting or reaching, not of the statement.
	busy(err error) bool
	// hour is the number of the hour since 1970 that a column's time falls in, 0 for none.
	hour(column string) string
	members
	importDialect
	// duplicate says that a unique index refused a row.
	duplicate(err error) bool
}

// ---- Postgres

type postgresDialect struct{}

func connectPostgres(o Options) (dialect, *sql.DB, gorm.Dialector, error) {
	cfg, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading the database URL: %w", redactedURL{})
	}
	cfg.RuntimeParams["lock_timeout"] = strconv.FormatInt(o.LockTimeout.Milliseconds(), 10)
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["jit"] = "off" // its compiling costs more than it saves on all of our statements
	cfg.RuntimeParams["application_name"] = "rekey"
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	pool := stdlib.OpenDB(*cfg)
	n := o.Connections
	if n <= 0 {
		n = 20
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return postgresDialect{}, pool, postgres.New(postgres.Config{Conn: pool}), nil
}

// redactedURL stands for a parse error that would quote the URL and its password.
type redactedURL struct{}

func (redactedURL) Error() string {
	return "it is not a Postgres URL (postgres://user:password@host/name)"
}

func (postgresDialect) name() string { return "postgres" }

func (postgresDialect) migrations() (goose.Dialect, fs.FS, []goose.ProviderOption) {
	return goose.DialectPostgres, sub(migrations.Postgres, "postgres"), nil
}

func (postgresDialect) begin(context.Context) (func(), error) { return func() {}, nil }

func (postgresDialect) lock(tx *gorm.DB, key int64, mode lockMode) error {
	statement := "SELECT pg_advisory_xact_lock(?)"
	if mode == shared {
		statement = "SELECT pg_advisory_xact_lock_shared(?)"
	}
	return tx.Exec(statement, key).Error
}

func (postgresDialect) tryLock(tx *gorm.DB, key int64, mode lockMode) (bool, error) {
	statement := "SELECT pg_try_advisory_xact_lock(?)"
	if mode == shared {
		statement = "SELECT pg_try_advisory_xact_lock_shared(?)"
	}
	var got bool
	err := tx.Raw(statement, key).Row().Scan(&got)
	return got, err
}

func (postgresDialect) lockedNow(tx *gorm.DB, key int64, mode lockMode) (time.Time, error) {
	statement := "WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock(?)) SELECT clock_timestamp() FROM lock"
	if mode == shared {
		statement = "WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(?)) SELECT clock_timestamp() FROM lock"
	}
	var t Time
	err := tx.Raw(statement, key).Row().Scan(&t)
	return t.Time, err
}

func (postgresDialect) hour(column string) string {
	return "coalesce(floor(extract(epoch FROM " + column + ") / 3600)::bigint, 0)"
}

func (postgresDialect) clock() clause.Expr { return clause.Expr{SQL: "clock_timestamp()"} }

func (postgresDialect) now(tx *gorm.DB) (time.Time, error) {
	var t Time
	err := tx.Raw("SELECT clock_timestamp()").Row().Scan(&t)
	return t.Time, err
}

func (postgresDialect) in(column string, values any) clause.Expr {
	return clause.Expr{SQL: column + " = ANY(?)", Vars: []any{pgArray(values)}}
}

func (postgresDialect) rows(alias, spec string, columns ...any) (clause.Expr, error) {
	var casts, names []string
	vars := make([]any, len(columns))
	for i, column := range strings.Split(spec, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(column), " ")
		names, casts = append(names, name), append(casts, "?::"+kind+"[]")
		vars[i] = pgArray(columns[i])
	}
	return clause.Expr{SQL: "unnest(" + strings.Join(casts, ", ") + ") AS " + alias + "(" + strings.Join(names, ", ") + ")", Vars: vars}, nil
}

// array carries a slice through gorm, which would spread a bare one over many placeholders; pgx sees an array (pgtype.ArrayGetter).
type array[T any] struct{ pgtype.FlatArray[T] }

func pgArray(values any) any {
	switch v := values.(type) {
	case []int64:
		return array[int64]{v}
	case []string:
		return array[string]{v}
	case []*string:
		return array[*string]{v}
	case []Time:
		return array[Time]{v}
	case []bool:
		return array[bool]{v}
	default:
		panic(fmt.Sprintf("no array form for %T", values)) // a defect: the callers are all in this package
	}
}

func (postgresDialect) copyIn(ctx context.Context, tx *gorm.DB, table string, columns []string, src pgx.CopyFromSource) (int64, error) {
	conn, ok := tx.Statement.ConnPool.(interface {
		Raw(func(any) error) error
	})
	if !ok {
		return 0, fmt.Errorf("bulk load needs a connection of its own, not %T", tx.Statement.ConnPool)
	}
	var n int64
	err := conn.Raw(func(driver any) (err error) {
		n, err = driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, src)
		return err
	})
	return n, err
}

// read goes past database/sql's rows and conversions, whose connections it uses all the same. A connection that turns out to be lost before
// anything was sent on it is replaced, as database/sql would.
func (postgresDialect) read(ctx context.Context, pool *sql.DB, statement string, vars []any, next func() []any) (err error) {
	for range 3 {
		if err = readOnce(ctx, pool, statement, vars, next); err == nil || !pgconn.SafeToRetry(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func readOnce(ctx context.Context, pool *sql.DB, statement string, vars []any, next func() []any) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		rows, err := driver.(*stdlib.Conn).Conn().Query(ctx, statement, vars...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(next()...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// texts is no array: its planner counts what is in one, and would make a new plan each time, for it holds the one for any number for dearer. Of JSON it
// always expects a hundred.
func (postgresDialect) texts() string {
	return "json_array_elements_text($1::json) WITH ORDINALITY AS q(text, n)"
}

func (postgresDialect) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (postgresDialect) busy(err error) bool {
	var pg *pgconn.PgError
	if asError(err, &pg) {
		// Lock not available, connection failures (class 08), too many connections, shutdown, deadlock and serialisation.
		switch {
		case pg.Code == "55P03", pg.Code == "40P01", pg.Code == "40001", pg.Code == "53300", strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"):
			return true
		}
		return false
	}
	var unreachable *pgconn.ConnectError
	return asError(err, &unreachable) || pgconn.SafeToRetry(err)
}

func (postgresDialect) duplicate(err error) bool {
	var pg *pgconn.PgError
	return asError(err, &pg) && pg.Code == "23505"
}

// ---- SQLite

// sqliteDialect lets one writer in at a time: waiting in a queue is fair, spinning on SQLITE_BUSY is not.
type sqliteDialect struct{ turn chan struct{} }

func connectSQLite(path string, o Options) (dialect, *sql.DB, gorm.Dialector, error) {
	if err := makeParent(path); err != nil {
		return nil, nil, nil, err
	}
	dsn := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) +
		"?_txlock=immediate&_pragma=busy_timeout(" + strconv.FormatInt(o.LockTimeout.Milliseconds(), 10) + ")" +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_pragma=temp_store(1)"
	pool, err := sql.Open(sqliteName, dsn)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("opening the database file: %w", err)
	}
	n := o.Connections
	if n <= 0 {
		n = 8
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	return sqliteDialect{turn: make(chan struct{}, 1)}, pool, sqlite.Dialector{DriverName: sqliteName, Conn: pool}, nil
}

func (sqliteDialect) name() string { return sqliteName }

func (sqliteDialect) hour(column string) string { return "coalesce(" + column + " / 3600000000, 0)" }

func (sqliteDialect) migrations() (goose.Dialect, fs.FS, []goose.ProviderOption) {
	return goose.DialectSQLite3, sub(migrations.SQLite, sqliteName), nil
}

func (d sqliteDialect) begin(ctx context.Context) (func(), error) {
	select {
	case d.turn <- struct{}{}:
		return func() { <-d.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (sqliteDialect) lock(*gorm.DB, int64, lockMode) error { return nil }

func (sqliteDialect) tryLock(*gorm.DB, int64, lockMode) (bool, error) { return true, nil }

func (d sqliteDialect) lockedNow(tx *gorm.DB, _ int64, _ lockMode) (time.Time, error) {
	return d.now(tx)
}

func (sqliteDialect) clock() clause.Expr {
	return clause.Expr{SQL: "?", Vars: []any{time.Now().UnixMicro()}}
}

func (sqliteDialect) now(*gorm.DB) (time.Time, error) {
	return time.Now().UTC().Truncate(time.Microsecond), nil
}

func (sqliteDialect) in(column string, values any) clause.Expr {
	list, err := json.Marshal(values)
	if err != nil { // only slices of numbers and strings come here
		panic(err)
	}
	return clause.Expr{SQL: column + " IN (SELECT value FROM json_each(?))", Vars: []any{string(list)}}
}

func (sqliteDialect) rows(alias, spec string, columns ...any) (clause.Expr, error) {
	vars := make([]any, 0, len(columns))
	var selects, joins []string
	for i, column := range strings.Split(spec, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(column), " ")
		list, err := json.Marshal(columns[i])
		if err != nil {
			return clause.Expr{}, fmt.Errorf("binding %s: %w", name, err)
		}
		vars = append(vars, string(list))
		source := "j" + strconv.Itoa(i)
		selects = append(selects, source+".value AS "+name)
		if i == 0 {
			joins = append(joins, "json_each(?) "+source)
		} else {
			joins = append(joins, "json_each(?) "+source+" ON "+source+".key = j0.key")
		}
	}
	return clause.Expr{SQL: "(SELECT " + strings.Join(selects, ", ") + " FROM " + strings.Join(joins, " JOIN ") + ") AS " + alias, Vars: vars}, nil
}

func (sqliteDialect) copyIn(ctx context.Context, tx *gorm.DB, table string, columns []string, src pgx.CopyFromSource) (int64, error) {
	insert, err := tx.Statement.ConnPool.PrepareContext(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES (?"+strings.Repeat(", ?", len(columns)-1)+")")
	if err != nil {
		return 0, err
	}
	defer insert.Close()
	var n int64
	for src.Next() {
		values, err := src.Values()
		if err != nil {
			return n, err
		}
		for i, v := range values {
			values[i] = liteValue(v)
		}
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return n, err
		}
		n++
	}
	return n, src.Err()
}

// liteValue gives instants their SQLite form.
func liteValue(v any) any {
	switch v := v.(type) {
	case Time:
		if v.IsZero() {
			return nil
		}
		return v.UnixMicro()
	default:
		return v
	}
}

func (sqliteDialect) read(ctx context.Context, pool *sql.DB, statement string, vars []any, next func() []any) error {
	rows, err := pool.QueryContext(ctx, statement, vars...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(next()...); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (sqliteDialect) texts() string {
	return "(SELECT value AS text, key AS n FROM json_each($1)) AS q"
}

func (sqliteDialect) skipLocked() string { return "" }

func (sqliteDialect) busy(err error) bool {
	var e *lite.Error
	const busy, locked, full, ioerr, cantOpen = 5, 6, 13, 10, 14
	if !asError(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case busy, locked, full, ioerr, cantOpen:
		return true
	}
	return false
}

func (sqliteDialect) duplicate(err error) bool {
	var e *lite.Error
	const primaryKey, unique = 1555, 2067
	return asError(err, &e) && (e.Code() == primaryKey || e.Code() == unique)
}

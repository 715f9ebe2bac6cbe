package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

// suite is one run: a directory, a Postgres server, the program under measurement.
type suite struct {
	full     bool
	n        int // accounts
	progress io.Writer
	report   bench.Report

	dir       string
	server    *testdb.Server
	rekey     string // the program; "": not built yet
	masterKey string
	master    secret.Master
	psql      string // "": not there
	databases int

	// What measures leave for later ones.
	written   bool   // the files of the user base
	main      string // URL of a database with all accounts; "": not there yet
	campaigns bool   // main has its three campaigns
}

const publicURL = "https://reset.example.org"

var actor = audit.Actor{Kind: audit.KindSystem, Name: "bench"}

func (b *suite) open(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "rekey-bench-"); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	if b.psql, err = exec.LookPath("psql"); err != nil {
		return fmt.Errorf("psql is the floor of import and prepare: %w; install it with\n\tapt-get install postgresql-client", err)
	}
	// A checkpoint in the middle of one side would be charged to that side.
	b.server, err = testdb.Launch(true, "shared_buffers=256MB", "max_wal_size=8GB", "checkpoint_timeout=1h")
	if err != nil {
		return err
	}
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	b.masterKey = base64.StdEncoding.EncodeToString(key[:])
	if b.master, err = secret.ParseMaster(b.masterKey); err != nil {
		return err
	}
	version, err := b.template(ctx)
	if err != nil {
		return err
	}
	b.report.Full, b.report.Machine = b.full, bench.ThisMachine(version)
	return nil
}

// start runs the program, which is built once, with the tags of make so that it comes out of the build cache.
func (b *suite) start(ctx context.Context, env []string, args ...string) (*bench.Process, error) {
	if b.rekey == "" {
		path := filepath.Join(b.dir, "rekey")
		out, err := exec.CommandContext(ctx, "go", "build", "-tags", "nomsgpack", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/rekey").CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("building rekey, which needs the module's directory: %w\n%s", err, out)
		}
		if err := evict(ctx, path); err != nil {
			return nil, err
		}
		b.rekey = path
	}
	return bench.Start(ctx, env, b.rekey, args...)
}

// evict drops a file from the page cache. A program's resident memory depends on how it got there: read from disk, as wherever it was installed, it
// is mapped in small pieces, and just written by the compiler in large ones.
func evict(ctx context.Context, path string) error {
	for _, args := range [][]string{{"sync", path}, {"dd", "if=" + path, "iflag=nocache", "count=0", "status=none"}} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("dropping the program from the page cache: %w\n%s", err, out)
		}
	}
	return nil
}

func (b *suite) close() (err error) {
	if b.server != nil {
		err = b.server.Close()
	}
	if b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	return err
}

func (b *suite) add(r bench.Row) { b.report.Rows = append(b.report.Rows, r) }

// pick is the value for a quick or for a full run.
func pick[T any](b *suite, quick, full T) T {
	if b.full {
		return full
	}
	return quick
}

// template makes the migrated database that all others are clones of, and tells the server's version.
func (b *suite) template(ctx context.Context) (version string, err error) {
	url, err := b.server.Clone("migrated", "")
	if err != nil {
		return "", err
	}
	s, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		return "", err
	}
	if _, _, err = s.Migrate(ctx); err != nil {
		return "", errors.Join(err, s.Close())
	}
	if err := s.Close(); err != nil {
		return "", err
	}
	err = b.query(ctx, url, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SHOW server_version").Scan(&version)
	})
	return version, err
}

// fresh is a migrated, empty database; drop removes it.
func (b *suite) fresh() (url string, drop func() error, err error) {
	b.databases++
	name := fmt.Sprintf("bench_%d", b.databases)
	url, err = b.server.Clone(name, "migrated")
	return url, func() error { return b.server.Drop(name) }, err
}

// query runs f on a connection of its own.
func (b *suite) query(ctx context.Context, url string, f func(*pgx.Conn) error) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	return f(conn)
}

// exec runs statements, each by itself.
func (b *suite) exec(ctx context.Context, url string, statements ...string) error {
	return b.query(ctx, url, func(conn *pgx.Conn) error {
		for _, s := range statements {
			if _, err := conn.Exec(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
}

// settle brings the database to rest, so that nobody pays for the work of the one before.
func (b *suite) settle(ctx context.Context, url string) error {
	return b.exec(ctx, url, "VACUUM ANALYZE", "CHECKPOINT")
}

// runPsql runs commands in one psql, a transaction each.
func (b *suite) runPsql(ctx context.Context, url string, commands ...string) (*bench.Process, error) {
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", url}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return bench.Start(ctx, nil, b.psql, args...)
}

// env is the program's environment.
func (b *suite) env(url string, more ...string) []string {
	return append([]string{"REKEY_DATABASE_URL=" + url, "REKEY_MASTER_KEY=" + b.masterKey, "REKEY_PUBLIC_URL=" + publicURL,
		"REKEY_DATA_DIR=" + filepath.Join(b.dir, "data"), "REKEY_MAIL_FROM=Example <security@example.org>", "REKEY_LOG_LEVEL=warn"}, more...)
}

// command runs the program to its end; into, if not nil, takes its JSON.
func (b *suite) command(ctx context.Context, url string, into any, args ...string) (*bench.Process, error) {
	p, err := b.start(ctx, b.env(url), append(args, "--json", "--yes")...)
	if err != nil {
		return nil, err
	}
	out, _, err := p.Wait()
	if err == nil && into != nil {
		if err = json.Unmarshal(out, into); err != nil {
			err = fmt.Errorf("reading the answer of %v: %w: %s", args, err, out)
		}
	}
	return p, err
}

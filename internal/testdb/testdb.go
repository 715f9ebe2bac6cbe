// Package testdb gives tests real Postgres databases of their own: a private server per test process, a migrated template, a clone per test; and Redis servers.
// It promises to leave neither process nor file behind, however the test process ends; only tests and benchmarks may import it.
package testdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Run runs the tests and then ends the server that they shared, if they used one. TestMain calls it:
//
//	func TestMain(m *testing.M) { os.Exit(testdb.Run(m)) }
//
// Without it the server still ends with the process, only a moment later.
func Run(m *testing.M) int {
	code := m.Run()
	if shared.server == nil {
		return code
	}
	if err := shared.server.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		return max(code, 1)
	}
	return code
}

// shared is the server of this test process, started by the first test that asks for a database.
var shared struct {
	once   sync.Once
	server *Server
	err    error
	names  atomic.Int64 // numbers the databases
}

func sharedServer() (*Server, error) {
	shared.once.Do(func() { shared.server, shared.err = newServer(throwaway...) })
	return shared.server, shared.err
}

// DB makes databases that have been migrated one way.
type DB struct {
	migrate  func(dsn string) error
	once     sync.Once
	template string
	err      error
}

// New returns a maker of databases migrated by migrate, which runs once per process, on an empty database, and has closed
// its connections when it returns. Keep it in a package variable.
func New(migrate func(dsn string) error) *DB {
	return &DB{migrate: migrate}
}

// Postgres returns the URL of a database that t alone uses: migrated, without data, dropped when t ends, even if it is still
// connected. It takes some 50 ms. Where Postgres is not installed, t fails with the command that installs it.
func (d *DB) Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	d.once.Do(func() { d.err = d.prepare(server) })
	if d.err != nil {
		t.Fatalf("testdb: %v", d.err)
	}
	name := newName("test")
	if err := server.exec("CREATE DATABASE " + name + " TEMPLATE " + d.template); err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		if err := server.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("testdb: %v", err)
		}
	})
	return server.dsn(name)
}

// prepare makes the template and closes it to connections, which would stand in the way of cloning.
func (d *DB) prepare(server *Server) error {
	d.template = newName("template")
	if err := server.exec("CREATE DATABASE " + d.template); err != nil {
		return err
	}
	if err := d.migrate(server.dsn(d.template)); err != nil {
		return fmt.Errorf("migrating the template: %w", err)
	}
	return server.exec("ALTER DATABASE " + d.template + " ALLOW_CONNECTIONS false")
}

// newName is a database name that needs no quoting.
func newName(kind string) string {
	return fmt.Sprintf("%s_%d", kind, shared.names.Add(1))
}

// exec runs one statement on a connection of its own: cloning and dropping cannot run in a transaction.
func (s *Server) exec(statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return fmt.Errorf("connecting to the test server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// FreePort returns a TCP port of the loopback address that nobody listened on a moment ago. Prefer to listen on port 0 where
// the code under test can tell which port it got.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("testdb: looking for a free port: %v", err)
	}
	addr, isTCP := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil || !isTCP {
		t.Fatalf("testdb: looking for a free port: %v", err)
	}
	return addr.Port
}

package testdb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/testdb"
)

func TestMain(m *testing.M) {
	if os.Getenv("TESTDB_CHILD") != "" {
		os.Exit(m.Run()) // the child of TestNothingIsLeftBehind is killed: it ends without Run
	}
	os.Exit(testdb.Run(m))
}

var migrations atomic.Int32

var db = testdb.New(func(dsn string) error {
	migrations.Add(1)
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(context.Background(), "CREATE TABLE things (name text)")
	return errors.Join(err, conn.Close(context.Background()))
})

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // may have been cut off on purpose
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			conn := connect(t, db.Postgres(t))
			if n := count(t, conn); n != 0 {
				t.Errorf("%d things from somebody else", n)
			}
			run(t, conn, "INSERT INTO things VALUES ('mine')")
		})
	}
	t.Cleanup(func() {
		if n := migrations.Load(); n != 1 {
			t.Errorf("migrated %d times", n)
		}
	})
}

func TestDatabaseIsDroppedWhileConnected(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("use", func(t *testing.T) {
		dsn = db.Postgres(t)
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		run(t, conn, "BEGIN")
	})
	if _, err := pgx.Connect(t.Context(), dsn); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("connecting after the test: %v", err)
	}
}

func TestServerKeepsItsDataOverStopAndKill(t *testing.T) {
	t.Parallel()
	s := testdb.StartServer(t)
	run(t, connect(t, s.DSN()), "CREATE TABLE things (name text)")
	for i, end := range []func(testing.TB){s.Stop, s.Kill} {
		conn := connect(t, s.DSN())
		run(t, conn, "INSERT INTO things VALUES ('committed')")
		end(t)
		if _, err := pgx.Connect(t.Context(), s.DSN()); err == nil {
			t.Error("an ended server answers")
		}
		s.Start(t)
		if n := count(t, connect(t, s.DSN())); n != i+1 {
			t.Errorf("%d rows after start %d", n, i+1)
		}
	}
}

// TestNothingIsLeftBehind kills a test process that has servers and waits for the servers and their files to go.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	child.Env = append(os.Environ(), "TESTDB_CHILD=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	dsn, socket := "", ""
	for lines := bufio.NewScanner(out); dsn == "" && lines.Scan(); {
		if url, found := strings.CutPrefix(lines.Text(), "REDIS unix://"); found {
			socket = url
		}
		_, dsn, _ = strings.Cut(lines.Text(), "SERVER ")
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	redis, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatalf("before: %v", err)
	}
	if _, err := os.Stat(config.Host); err != nil {
		t.Fatalf("before: %v", err)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	gone := func() bool {
		_, postgres := os.Stat(config.Host)
		_, redis := os.Stat(filepath.Dir(socket))
		return errors.Is(postgres, os.ErrNotExist) && errors.Is(redis, os.ErrNotExist)
	}
	for deadline := time.After(20 * time.Second); !gone(); {
		select {
		case <-deadline:
			t.Fatalf("%s or %s is still there", config.Host, filepath.Dir(socket))
		case <-time.After(10 * time.Millisecond):
		}
	}
	if _, err := pgx.Connect(t.Context(), dsn); err == nil {
		t.Error("the server answers")
	}
	if n, err := redis.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the Redis server still holds its connection: %d %v", n, err)
	}
}

// TestChild is the process that TestNothingIsLeftBehind kills; on its own it has nothing to do.
func TestChild(t *testing.T) {
	if os.Getenv("TESTDB_CHILD") == "" {
		return
	}
	fmt.Println("REDIS " + testdb.StartRedis(t).URL())
	fmt.Println("SERVER " + testdb.StartServer(t).DSN())
	<-t.Context().Done() // never: the parent kills us
}

func TestFreePort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", testdb.FreePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

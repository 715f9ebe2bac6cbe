package testdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a Postgres server of its own, for tests that stop and kill it. Its data stay from one Start to the next.
type Server struct {
	bin, dir string
	owner    *syscall.Credential // the account it runs as; nil for our own
	args     []string            // further ones of the server program
	proc     *exec.Cmd           // nil while stopped
	ended    chan struct{}       // closed when proc is gone
	watchdog *exec.Cmd
	leash    io.Closer // the watchdog acts when this is closed, by us or by the end of this process
}

// StartServer starts a server with an empty database for t alone, and ends it with t.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s, err := newServer(throwaway...)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Errorf("testdb: %v", err)
		}
	})
	return s
}

// DSN is the URL of the server's empty database; it stays the same over Stop, Kill and Start.
func (s *Server) DSN() string { return s.dsn("postgres") }

func (s *Server) dsn(database string) string {
	return "postgres://postgres@/" + database + "?host=" + url.QueryEscape(s.dir)
}

// Stop ends the server cleanly, cutting off whoever is connected, and returns when it is gone.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end(t, syscall.SIGINT)
}

// Kill ends the server as a crash would (SIGKILL), and returns when it is gone. Its sessions break off soon after.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.end(t, syscall.SIGKILL)
}

// Start starts the server again after Stop or Kill and returns when it answers, recovery included.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("testdb: %v", err)
	}
}

func (s *Server) end(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.signal(sig); err != nil {
		t.Fatalf("testdb: ending Postgres: %v", err)
	}
}

// patience is how long a server may take to start or to end.
const patience = 30 * time.Second

func newServer(args ...string) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, args: args}
	if s.owner, err = account(); err != nil {
		return nil, err
	}
	if s.dir, err = shortTempDir(s.owner); err != nil {
		return nil, err
	}
	if err := s.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := s.create(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Server) create() error {
	initdb := s.command("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s.start()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// account is the account to run as: Postgres refuses root, so there it is the one its package makes.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("as root, Postgres has to run as the account postgres: %w; make it with\n\tuseradd --system postgres", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("uid of the account postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("gid of the account postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// maxSocketPath is what fits into sockaddr_un on every Unix, the closing NUL excluded.
const maxSocketPath = 103

// shortTempDir makes the directory that everything of the server lives in. A socket's path is limited, so a long temporary
// directory is passed by for the shortest one there is.
func shortTempDir(owner *syscall.Credential) (string, error) {
	base := os.TempDir()
	if len(base)+len("/rekey-pg-0123456789/.s.PGSQL.5432") > maxSocketPath {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "rekey-pg-")
	if err != nil {
		return "", fmt.Errorf("making a directory for Postgres: %w", err)
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return "", errors.Join(fmt.Errorf("handing a directory to Postgres: %w", err), os.Remove(dir))
		}
	}
	return dir, nil
}

// command is a program of the server's account in a process group of its own, so that Ctrl-C at the terminal leaves it to us.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	if name != "/bin/sh" {
		name = filepath.Join(s.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
	return cmd
}

// leashed waits until its standard input ends, which the death of the test process brings about however it dies; then it
// ends the server named in the directory $1 and removes that.
const leashed = `read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null &&
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
rm -rf "$1"`

func (s *Server) watch() error {
	s.watchdog = s.command("/bin/sh", "-c", leashed, "sh", s.dir)
	leash, err := s.watchdog.StdinPipe()
	if err != nil {
		return fmt.Errorf("leash of the watchdog: %w", err)
	}
	s.leash = leash
	if err := s.watchdog.Start(); err != nil {
		return fmt.Errorf("starting the watchdog: %w", err)
	}
	return nil
}

// close ends the server and removes all it kept.
func (s *Server) close() error {
	err := s.signal(syscall.SIGQUIT)
	if rm := os.Remove(filepath.Join(s.data(), "postmaster.pid")); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm) // left by Kill: the watchdog would signal a process that is no longer ours
	}
	if closing := s.leash.Close(); closing != nil {
		err = errors.Join(err, closing)
	}
	return errors.Join(err, s.watchdog.Wait())
}

// start runs the server and waits until it answers. After a kill the orphans of the old server hold its memory for a moment,
// and a new one refuses to start: it is tried again.
func (s *Server) start() error {
	if s.proc != nil {
		return errors.New("starting Postgres: it runs already")
	}
	deadline := time.Now().Add(patience)
	for {
		err := s.try(deadline)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Server) try(deadline time.Time) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return fmt.Errorf("log of Postgres: %w", err)
	}
	defer log.Close() // the server holds a descriptor of its own; through ours nothing is written
	args := []string{"-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "port=5432", "-c", "max_connections=200"}
	cmd := s.command("postgres", append(args, s.args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting Postgres: %w", err)
	}
	s.proc, s.ended = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(s.ended)
	}()
	return s.await(deadline)
}

// await returns when the server answers; if it ends instead, or takes too long, the error carries its log.
func (s *Server) await(deadline time.Time) error {
	for {
		answered := ping(s.DSN())
		if answered == nil {
			return nil
		}
		select {
		case <-s.ended:
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		said, _ := os.ReadFile(filepath.Join(s.dir, "log")) // what there is of it
		return errors.Join(fmt.Errorf("Postgres does not answer: %w; it says:\n%s", answered, said), s.signal(syscall.SIGQUIT))
	}
}

func ping(dsn string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// signal ends the server if it runs, by sig, and waits until it is gone.
func (s *Server) signal(sig syscall.Signal) error {
	if s.proc == nil {
		return nil
	}
	if err := s.proc.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signalling Postgres: %w", err)
	}
	select {
	case <-s.ended:
		s.proc = nil
		return nil
	case <-time.After(patience):
		return fmt.Errorf("Postgres did not end within %v of %v", patience, sig)
	}
}

package testdb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Redis is a Redis server of its own on a socket in a directory of its own, with 1,000 databases. It keeps nothing over Kill.
type Redis struct {
	bin, dir string
	args     []string
	proc     *exec.Cmd     // nil while stopped
	ended    chan struct{} // closed when proc is gone
	watchdog *exec.Cmd
	leash    io.Closer // the watchdog acts when this is closed, by us or by the end of this process
}

var errNoRedis = errors.New("the Redis server program was not found; install it with\n" +
	"\t.ci/deps test             (Debian, Ubuntu: the program alone; nothing is served)\n" +
	"\tapt-get install redis-server\n" +
	"\tdnf install redis         (Fedora)\n" +
	"\tbrew install redis        (macOS)\n" +
	"or put its directory on the PATH")

// StartRedis starts a server for t alone, and ends it with t. args are further ones of the server program, such as --port.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r, err := newRedis(args)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Errorf("testdb: %v", err)
		}
	})
	return r
}

// URL is where the server answers, at database 0; it stays the same over Kill and Start.
func (r *Redis) URL() string { return "unix://" + r.socket() }

// Kill ends the server as a crash would (SIGKILL), and returns when it is gone.
func (r *Redis) Kill(t testing.TB) {
	t.Helper()
	if err := r.kill(); err != nil {
		t.Fatalf("testdb: %v", err)
	}
}

// Hang stops the server without ending it: whoever asks waits for an answer that does not come, until Wake or Kill.
func (r *Redis) Hang(t testing.TB) {
	t.Helper()
	r.must(t, syscall.SIGSTOP)
}

// Wake ends Hang.
func (r *Redis) Wake(t testing.TB) {
	t.Helper()
	r.must(t, syscall.SIGCONT)
}

func (r *Redis) must(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := r.proc.Process.Signal(sig); err != nil {
		t.Fatalf("testdb: signalling Redis: %v", err)
	}
}

// Start starts the server again after Kill, empty, and returns when it answers.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	if err := r.start(); err != nil {
		t.Fatalf("testdb: %v", err)
	}
}

func (r *Redis) socket() string { return filepath.Join(r.dir, "redis.sock") }

func newRedis(args []string) (*Redis, error) {
	bin, err := findRedis()
	if err != nil {
		return nil, err
	}
	dir, err := shortTempDir(nil)
	if err != nil {
		return nil, err
	}
	r := &Redis{bin: bin, dir: dir, args: args}
	if err := r.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := r.start(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// findRedis looks on the PATH, then where .ci/deps puts it.
func findRedis() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	if cache, err := os.UserCacheDir(); err == nil {
		if path := filepath.Join(cache, "rekey", "bin", "redis-server"); isProgram(path) {
			return path, nil
		}
	}
	return "", errNoRedis
}

// leashedRedis is leashed for a Redis server, whose process is named in the directory $1.
const leashedRedis = `read -r _
pid=$(cat "$1/redis.pid" 2>/dev/null) && kill -KILL "$pid" 2>/dev/null &&
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
rm -rf "$1"`

func (r *Redis) watch() error {
	r.watchdog = r.command("/bin/sh", "-c", leashedRedis, "sh", r.dir)
	leash, err := r.watchdog.StdinPipe()
	if err != nil {
		return fmt.Errorf("leash of the watchdog: %w", err)
	}
	r.leash = leash
	if err := r.watchdog.Start(); err != nil {
		return fmt.Errorf("starting the watchdog: %w", err)
	}
	return nil
}

// command is a program in a process group of its own, so that Ctrl-C at the terminal leaves it to us.
func (r *Redis) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = r.dir, &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func (r *Redis) start() error {
	if r.proc != nil {
		return errors.New("starting Redis: it runs already")
	}
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		return fmt.Errorf("log of Redis: %w", err)
	}
	defer log.Close() // the server holds a descriptor of its own; through ours nothing is written
	args := []string{"--port", "0", "--unixsocket", r.socket(), "--unixsocketperm", "700", "--dir", r.dir, "--pidfile", filepath.Join(r.dir, "redis.pid"),
		"--save", "", "--appendonly", "no", "--databases", "1000"}
	cmd := r.command(r.bin, append(args, r.args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting Redis: %w", err)
	}
	r.proc, r.ended = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(r.ended)
	}()
	return r.await(time.Now().Add(patience))
}

// await returns when the server answers; if it ends instead, or takes too long, the error carries its log.
func (r *Redis) await(deadline time.Time) error {
	for {
		answered := r.ping()
		if answered == nil {
			return nil
		}
		select {
		case <-r.ended:
		case <-time.After(5 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		said, _ := os.ReadFile(filepath.Join(r.dir, "log")) // what there is of it
		return errors.Join(fmt.Errorf("Redis does not answer: %w; it says:\n%s", answered, said), r.kill())
	}
}

// ping takes any answer, also that a password is wanted.
func (r *Redis) ping() error {
	conn, err := net.DialTimeout("unix", r.socket(), patience)
	if err != nil {
		return err
	}
	defer conn.Close() // nothing is lost with it
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	_, err = bufio.NewReader(conn).ReadString('\n')
	return err
}

func (r *Redis) kill() error {
	if r.proc == nil {
		return nil
	}
	if err := r.proc.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending Redis: %w", err)
	}
	select {
	case <-r.ended:
		r.proc = nil
		return nil
	case <-time.After(patience):
		return fmt.Errorf("Redis did not end within %v", patience)
	}
}

// close ends the server and removes all it kept.
func (r *Redis) close() error {
	err := r.kill()
	if rm := os.Remove(filepath.Join(r.dir, "redis.pid")); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm) // the watchdog would signal a process that is no longer ours
	}
	return errors.Join(err, r.leash.Close(), r.watchdog.Wait())
}

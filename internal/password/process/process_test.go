package process

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Arguments that make the test binary another program.
const (
	asWorker = "hash-worker" // a hashing process
	asParent = "parent"      // one that starts a hashing process, tells its pid and waits to be killed
	asBabble = "babble"      // one that answers nonsense
	asMute   = "mute"        // one that never answers
)

func TestMain(m *testing.M) {
	switch strings.Join(os.Args[1:], " ") {
	case asWorker:
		os.Exit(Main())
	case asParent:
		c, err := Start(slog.New(slog.DiscardHandler), asWorker)
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString(strconv.Itoa(c.now.pid()) + "\n")
		select {}
	case asBabble:
		_, _ = readFrame(os.Stdin, requestBytes)
		os.Stdout.WriteString("nonsense of any length")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	case asMute:
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// patience is how long an answer may take: the child stands back behind all tests that run beside these.
const patience = 5 * time.Minute

// cheap takes little time and memory.
var cheap = password.Params{Scheme: password.Argon2id, Memory: 7168, Time: 5, Threads: 1}

const right = "orchid tractor lemon violin"

func child(t *testing.T, answer time.Duration, as string) *Child {
	t.Helper()
	c, err := start(slog.New(slog.DiscardHandler), answer, as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func hasher(t *testing.T, p password.Params, c *Child) *password.Hasher {
	t.Helper()
	h, err := password.NewHasherElsewhere(p, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestEstimatesAreAsHere compares verdicts on new passwords with those of a policy that judges in this process.
func TestEstimatesAreAsHere(t *testing.T) {
	t.Parallel()
	here, there := password.DefaultPolicy(), password.DefaultPolicy()
	there.Elsewhere = child(t, patience, asWorker)
	refused := 0
	for _, pw := range []string{right, "sunshine rainbow 1987", "qwertyuiop asdfgh 1234", "Ann Smith 14.6.2011", "annsmith wonderland", "p4ssw0rd monkey dragon", "correct horse battery"} {
		about := password.Context{Service: "Example Pass", Email: "ann.smith@wonderland.example", Subject: "pass-0000001"}
		a, b := here.Check(t.Context(), pw, about), there.Check(t.Context(), pw, about)
		if (a == nil) != (b == nil) || (a != nil && problem.DetailsOf(a, "") != problem.DetailsOf(b, "")) {
			t.Errorf("%q: here %v, there %v", pw, a, b)
		}
		if a != nil {
			refused++
		}
	}
	if refused == 0 || refused == 7 {
		t.Errorf("%d of 7 refused", refused)
	}
}

// TestElsewhereIsAsHere compares verdicts, errors and the work counted with those of a hasher in this process, for every scheme.
func TestElsewhereIsAsHere(t *testing.T) {
	t.Parallel()
	c := child(t, patience, asWorker)
	passwords := []string{right, "e\u0301\x00", strings.Repeat("x", password.MaxBytes+1)}
	for _, params := range []password.Params{cheap, {Scheme: password.Bcrypt, Cost: 10}} {
		here, err := password.NewHasher(params)
		if err != nil {
			t.Fatal(err)
		}
		there := hasher(t, params, c)
		made, err := there.Hash(right)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := password.Verify(made, right); !ok || err != nil || password.Identify(made).Label != here.Label() {
			t.Errorf("%s: the new hash %v %v", here.Label(), ok, err)
		}
		if _, err := here.Hash(right); err != nil {
			t.Fatal(err)
		}
		stored := []string{made, "", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", strings.Repeat("x", 100_000),
			"$1$salt$qJH7.N4xYta3aEG/dfqo/0", "md5$salt$67a1e09bb1f83f5007dc119c14d663aa"}
		for _, label := range []string{"scrypt:ln=12,r=8,p=1", "pbkdf2-sha256:20000", "bcrypt:5"} {
			sample, ok := password.Sample(label)
			if !ok {
				t.Fatalf("no sample of %s", label)
			}
			stored = append(stored, sample)
		}
		for _, encoded := range stored {
			for _, pw := range passwords {
				same(t, "VerifyAny "+encoded, pw, here, there, func(h *password.Hasher) (bool, error) { return h.VerifyAny(encoded, pw) })
				same(t, "Compare "+encoded, pw, here, there, func(h *password.Hasher) (bool, error) { return h.Compare(encoded, pw) })
			}
		}
		if params.Scheme != password.Bcrypt {
			continue
		}
		for _, pw := range passwords { // bcrypt takes 72 bytes
			same(t, "Hash", pw, here, there, func(h *password.Hasher) (bool, error) {
				_, err := h.Hash(strings.Repeat(pw, 2))
				return false, err
			})
		}
	}
}

func same(t *testing.T, what, pw string, here, there *password.Hasher, do func(*password.Hasher) (bool, error)) {
	t.Helper()
	ours, err := do(here)
	theirs, failed := do(there)
	full, compared := here.Count()
	f, n := there.Count()
	if ours != theirs || (err == nil) != (failed == nil) || err != nil && err.Error() != failed.Error() || full != f || compared != n {
		t.Errorf("%.40q with %.10q: here %v %v %d %d, there %v %v %d %d", what, pw, ours, err, full, compared, theirs, failed, f, n)
	}
}

// TestThousandAtOnce has a thousand requests in flight: each gets its own answer.
func TestThousandAtOnce(t *testing.T) {
	t.Parallel()
	c := child(t, patience, asWorker)
	h := hasher(t, password.Params{Scheme: password.Bcrypt, Cost: 10}, c)
	sample, _ := password.Sample("pbkdf2-sha256:5000")
	known, err := (password.Job{Act: password.ActHash, Params: cheap, Password: right}).Do(nil)
	if err != nil {
		t.Fatal(err)
	}
	limit := make(chan struct{}, 100) // memory of a hundred at most
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			encoded, want := sample, false
			if i%50 == 0 {
				encoded, want = known.Encoded, true
			}
			if ok, err := h.Compare(encoded, right); ok != want || err != nil {
				t.Errorf("request %d: %v %v", i, ok, err)
			}
		})
	}
	all.Wait()
	if _, compared := h.Count(); compared != 1000 {
		t.Errorf("%d compared", compared)
	}
}

func expectUnavailable(t *testing.T, err error) {
	t.Helper()
	if !problem.Is(err, problem.Unavailable) || problem.RetryAfter(err) != time.Second {
		t.Errorf("%v is not an honest refusal", err)
	}
}

// TestKilledChildIsReplaced kills the child while it computes: who waits is refused honestly, and soon a new one answers.
func TestKilledChildIsReplaced(t *testing.T) {
	t.Parallel()
	c := child(t, patience, asWorker)
	h := hasher(t, cheap, c)
	slow, _ := password.Sample("argon2id:m=65536,t=16,p=1")
	failed := make(chan error, 1)
	l := c.now
	go func() {
		_, err := h.VerifyFull(slow, right)
		failed <- err
	}()
	await(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.waiting) == 1 })
	if err := syscall.Kill(l.pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	expectUnavailable(t, <-failed)
	await(t, func() bool { _, err := h.Hash(right); return err == nil })
	if c.Starts() != 2 {
		t.Errorf("%d starts", c.Starts())
	}
}

// TestHungChildIsKilled has it answer nothing, or nonsense: the deadline or the frame ends it.
func TestHungChildIsKilled(t *testing.T) {
	t.Parallel()
	for _, as := range []string{asMute, asBabble} {
		c := child(t, 200*time.Millisecond, as)
		l := c.now
		_, err := hasher(t, cheap, c).Hash(right)
		expectUnavailable(t, err)
		<-l.gone
		if as == asMute && !strings.Contains(err.Error(), "within") || strings.Contains(err.Error(), right) {
			t.Errorf("%s: %v", as, err)
		}
	}
}

// TestChildGoesWithItsParent kills the parent, which can say no goodbye.
func TestChildGoesWithItsParent(t *testing.T) {
	t.Parallel()
	name, err := self()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(name, asParent)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 16)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil || !alive(pid) {
		t.Fatalf("no child %d: %v", pid, err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	await(t, func() bool { return !alive(pid) })
}

// alive is false for a zombie that nobody has buried.
func alive(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !bytes.Contains(text, []byte(") Z "))
}

// await asks until it is so; ten seconds are forever.
func await(t *testing.T, so func() bool) {
	t.Helper()
	tick, forever := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-forever:
			t.Fatal("it never came to be")
		}
	}
}

// TestWrongFramesEndTheChild reads what is no request: nothing is guessed, nothing answered.
func TestWrongFramesEndTheChild(t *testing.T) {
	t.Parallel()
	good, err := requestFrame(7, password.Job{Act: password.ActHash, Params: cheap, Password: right})
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, b byte) []byte {
		wrong := bytes.Clone(good)
		wrong[at] = b
		return wrong
	}
	for name, frame := range map[string][]byte{
		"huge": binary.BigEndian.AppendUint32(nil, maxBody+1), "tiny": {0, 0, 0, requestBytes - 1}, "cut": good[:len(good)-1], "half a length": {0, 0},
		"act": with(lengthBytes+8, 99), "no act": with(lengthBytes+8, 0), "scheme": with(lengthBytes+9, 2), "split": with(lengthBytes+20, 0xff),
	} {
		var out bytes.Buffer
		if err := serve(bytes.NewReader(frame), &out); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes answered", name, err, out.Len())
		}
	}
	if err := serve(bytes.NewReader(nil), io.Discard); err != nil {
		t.Errorf("an end: %v", err)
	}
	for name, body := range map[string][]byte{"status": append(make([]byte, 8), append([]byte{2}, make([]byte, 9)...)...), "match": append(make([]byte, 9), append([]byte{2}, make([]byte, 8)...)...)} {
		if _, err := readReply(body); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package process

import (
	"bytes"
	"crypto/sha256"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/seed-1c168855/rekey/internal/password"
)

// TestChildIsHardened looks at a real child from outside: low priority on every thread, no core, no environment, nothing told in its arguments.
func TestChildIsHardened(t *testing.T) {
	t.Parallel()
	c := child(t, patience, asWorker)
	if _, err := hasher(t, cheap, c).Hash(right); err != nil {
		t.Fatal(err)
	}
	pid := c.now.pid()
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads: %v", len(tasks), err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		attr, err := unix.SchedGetAttr(tid, 0)
		if err != nil {
			t.Fatal(err)
		}
		if attr.Nice != niceness || attr.Policy != unix.SCHED_BATCH {
			t.Errorf("thread %d: niceness %d, policy %d", tid, attr.Nice, attr.Policy)
		}
		if attr.Runtime != 0 && attr.Runtime != uint64(slice) { // 0: a kernel that knows of no slices
			t.Errorf("thread %d: a slice of %v", tid, time.Duration(attr.Runtime))
		}
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/mem")
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("its memory is not root's alone: %v", err)
	}
	if args, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); string(args) != "rekey\x00"+asWorker+"\x00" {
		t.Errorf("arguments %q", args)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/limits")
	if err != nil || !bytes.Contains(bytes.Join(bytes.Fields(limits), []byte(" ")), []byte("Max core file size 0 0")) {
		t.Errorf("core files are not refused: %v", err)
	}
	if c.Close() != nil || alive(pid) {
		t.Error("it outlives Close")
	}
	_, err = c.Do(password.Job{})
	expectUnavailable(t, err)
}

// TestDropProgram looks at every byte of the program in memory before and after: what is dropped comes back as it was. Where a C compiler's
// linker made the program (cgo; -ldflags=-linkmode=external), the loader wrote addresses into pages that were locked then; in the file they are empty.
func TestDropProgram(t *testing.T) {
	before := program(t)
	DropProgram()
	if diff := cmp.Diff(before, program(t)); diff != "" || len(before) == 0 {
		t.Errorf("%d mappings of the program changed (-before +after):\n%s", len(before), diff)
	}
}

// program gives a digest of each mapping of this program's file that cannot be written.
func program(t *testing.T) map[string][sha256.Size]byte {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	digests := map[string][sha256.Size]byte{}
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		if len(fields) != 6 || fields[5] != self || fields[1][1] == 'w' {
			continue
		}
		from, to := addresses([]byte(fields[0]))
		content := make([]byte, to-from)
		if _, err := mem.ReadAt(content, int64(from)); err != nil {
			t.Fatal(err)
		}
		digests[fields[0]] = sha256.Sum256(content)
	}
	return digests
}

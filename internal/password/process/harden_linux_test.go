package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/seed-1c168855/rekey/internal/password"
)

// TestChildIsHardened looks at a real child from outside: low priority on every thread, no core, no environment, nothing told in its arguments.
func TestChildIsHardened(t *testing.T) {
	t.Parallel()
	c := child(t, answerTime, asWorker)
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
		if priority, err := syscall.Getpriority(syscall.PRIO_PROCESS, tid); err != nil || 20-priority != niceness { // the system call's own scale
			t.Errorf("thread %d: %d %v", tid, priority, err)
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

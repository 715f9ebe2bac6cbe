package password

import (
	"syscall"
	"testing"
)

// threadNiceness is that of the calling thread: the system call gives 20 less it.
func threadNiceness(t *testing.T) int {
	t.Helper()
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - n
}

// TestAsideYields holds that the work runs at a lower priority, and that no thread of anybody else stays at it.
func TestAsideYields(t *testing.T) {
	t.Parallel()
	before := threadNiceness(t)
	for range 50 {
		var within, tid int
		aside(func() { within, tid = threadNiceness(t), syscall.Gettid() })
		if want := max(before, niceness); within != want {
			t.Fatalf("niceness %d within, not %d", within, want)
		}
		if syscall.Gettid() == tid {
			t.Fatal("the work ran on the caller's thread")
		}
		if after := threadNiceness(t); after != before {
			t.Fatalf("niceness %d afterwards, not %d", after, before)
		}
	}
}

package process

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// niceness is how far hashing stands back: whoever else wants a processor gets it first, and gets sixty times as much of it.
const niceness = 19

// slice is how long a thread that hashes keeps a processor that somebody else has woken up for: the least that Linux takes (0.1 to 100 ms,
// sched(7)). Before version 6.12 it keeps its own.
const slice = 100 * time.Microsecond

// prSetDumpable is PR_SET_DUMPABLE of prctl(2): nobody but root may look into this process, and it leaves no core.
const prSetDumpable = 4

// harden makes the calling process polite, and keeps the passwords in it out of core files and other processes' sight.
func harden() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("refusing core files: %w", err)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return fmt.Errorf("refusing to be looked into: %w", errno)
	}
	return standBack()
}

// standBack has the calling process use processors only where nobody else wants them. The priority is set for the whole process group, which
// is this process alone, for Linux else sets it for one thread; and for the session, which it is alone in too: where Linux shares processors
// out by sessions first (autogroups, sched(7)), a process's own priority counts for nothing outside of it. A low priority alone does not
// make a thread give way at once: whoever wakes up waits for the end of its slice, or for the next tick of the clock. So slices are short,
// and no thread takes a processor from somebody by waking up (SCHED_BATCH). What the system refuses of that, it does without.
func standBack() error {
	if err := syscall.Setpriority(syscall.PRIO_PGRP, 0, niceness); err != nil {
		return fmt.Errorf("standing back: %w", err)
	}
	_ = os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(niceness)), 0) // where there are none, there is nothing to do
	seen := map[int]bool{}
	for more := true; more; { // a thread that was started meanwhile may have its scheduling from one that was not yet set
		more = false
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil || seen[tid] {
				continue
			}
			_ = unix.SchedSetAttr(tid, &unix.SchedAttr{Policy: unix.SCHED_BATCH, Nice: niceness, Runtime: uint64(slice)}, 0)
			seen[tid], more = true, true
		}
	}
	return nil
}

// self is this very program, also after its file was replaced by another version.
func self() (string, error) { return "/proc/self/exe", nil }

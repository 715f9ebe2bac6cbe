package process

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// niceness is how far hashing stands back: whoever else wants a processor gets it first, and gets sixty times as much of it.
const niceness = 19

// prSetDumpable is PR_SET_DUMPABLE of prctl(2): nobody but root may look into this process, and it leaves no core.
const prSetDumpable = 4

// harden makes the calling process polite, and keeps the passwords in it out of core files and other processes' sight. The priority is set
// for the whole process group, which is this process alone, for Linux else sets it for one thread; and for the session, which it is alone in too:
// where Linux shares processors out by sessions first (autogroups, sched(7)), a process's own priority counts for nothing outside of it.
func harden() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("refusing core files: %w", err)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return fmt.Errorf("refusing to be looked into: %w", errno)
	}
	if err := syscall.Setpriority(syscall.PRIO_PGRP, 0, niceness); err != nil {
		return fmt.Errorf("standing back: %w", err)
	}
	_ = os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(niceness)), 0) // where there are none, there is nothing to do
	return nil
}

// self is this very program, also after its file was replaced by another version.
func self() (string, error) { return "/proc/self/exe", nil }

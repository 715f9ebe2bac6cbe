package process

import (
	"fmt"
	"syscall"
)

// niceness is how far hashing stands back: requests that only read a row get a processor at once, and hashing what they leave, a tenth of one at least.
const niceness = 10

// prSetDumpable is PR_SET_DUMPABLE of prctl(2): nobody but root may look into this process, and it leaves no core.
const prSetDumpable = 4

// harden makes the calling process polite, and keeps the passwords in it out of core files and other processes' sight. The priority is set
// for the whole process group, which is this process alone, for Linux else sets it for one thread.
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
	return nil
}

// self is this very program, also after its file was replaced by another version.
func self() (string, error) { return "/proc/self/exe", nil }

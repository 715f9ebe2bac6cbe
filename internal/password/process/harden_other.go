//go:build !linux

package process

import (
	"fmt"
	"os"
	"syscall"
)

// harden keeps the passwords in this process out of core files.
func harden() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("refusing core files: %w", err)
	}
	return nil
}

// DropProgram leaves to the system which pages of the program stay in memory.
func DropProgram() {}

func self() (string, error) { return os.Executable() }

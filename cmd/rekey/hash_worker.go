package main

import (
	"fmt"

	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/password/process"
)

// hashCommand is the command under which this program is the hashing process of another one. It is in no help: it is of no use to anybody else.
const hashCommand = "hash-worker"

// isHashProcess reports whether these are the arguments of a hashing process. It is asked before anything else is read or opened.
func isHashProcess(args []string) bool { return len(args) == 1 && args[0] == hashCommand }

// buildHashing sets up where passwords are hashed: in a process of its own, or here.
func (a *app) buildHashing() (err error) {
	admission := password.NewAdmission
	if a.settings.HashProcess {
		if a.hashing, err = process.Start(a.logger, hashCommand); err != nil {
			return fmt.Errorf("%w; with REKEY_HASH_PROCESS=false none is needed", err)
		}
		admission = password.NewAdmissionElsewhere
	}
	if a.hasher, err = a.newHasher(a.settings.HashParams()); err == nil {
		a.admission, err = admission(int64(a.settings.HashMemory), a.hasher.Memory(), a.settings.HashQueue, a.settings.HashWait)
	}
	if err != nil {
		return fmt.Errorf("setting up password hashing: %w", err)
	}
	return nil
}

// newHasher makes one that works where passwords are hashed.
func (a *app) newHasher(p password.Params) (*password.Hasher, error) {
	if a.hashing == nil {
		return password.NewHasher(p)
	}
	return password.NewHasherElsewhere(p, a.hashing)
}

func (a *app) closeHashing() error {
	if a.hashing == nil {
		return nil
	}
	return a.hashing.Close()
}

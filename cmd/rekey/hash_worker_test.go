package main

import (
	"log/slog"
	"testing"

	"github.com/seed-1c168855/rekey/internal/config"
)

// TestHashingProcess has the service hash in a child process, which ends with it, or in itself.
func TestHashingProcess(t *testing.T) {
	t.Parallel()
	settings := config.Settings{}
	settings.PasswordScheme, settings.Argon2Memory, settings.Argon2Time, settings.Argon2Threads = "argon2id", 7168, 5, 1
	settings.HashMemory, settings.HashQueue, settings.HashWait = 64<<20, 10, 1e9
	for _, apart := range []bool{false, true} {
		settings.HashProcess = apart
		a := &app{settings: &settings, logger: slog.New(slog.DiscardHandler)}
		if err := a.buildHashing(); err != nil {
			t.Fatal(err)
		}
		hash, err := a.hasher.Hash("orchid tractor lemon violin")
		if err != nil {
			t.Fatal(err)
		}
		ok, err := a.hasher.VerifyAny(hash, "orchid tractor lemon violin")
		if full, compared := a.hasher.Count(); !ok || err != nil || full != 1 || compared != 1 || (a.hashing != nil) != apart {
			t.Errorf("apart %v: %v %v, %d and %d, child %v", apart, ok, err, full, compared, a.hashing != nil)
		}
		if err := a.closeHashing(); err != nil {
			t.Error(err)
		}
		if _, err := a.hasher.Hash("orchid tractor lemon violin"); (err != nil) != apart {
			t.Errorf("apart %v, closed: %v", apart, err)
		}
	}
}

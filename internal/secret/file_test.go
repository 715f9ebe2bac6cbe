package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/seed-1c168855/rekey/internal/problem"
)

func TestLoadOrCreateFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "keys")
	path := filepath.Join(dir, "master.key")
	made, err := LoadOrCreateFile(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateFile(path)
	if err != nil || again.encode() != made.encode() {
		t.Fatalf("read back another key, or none: %v", err)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, dir: 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("mode %v, want %v (%v)", info.Mode().Perm(), want, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files where one is wanted (%v)", len(entries), err)
	}
}

// Many starts at once must agree, or what one process seals no other can open.
func TestLoadOrCreateFileRace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "master.key")
	const starters = 32
	keys, errs := make([]string, starters), make([]error, starters)
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range starters {
		done.Go(func() {
			<-start
			var m Master
			if m, errs[i] = LoadOrCreateFile(path); errs[i] == nil {
				keys[i] = m.encode()
			}
		})
	}
	close(start)
	done.Wait()
	for i := range starters {
		if errs[i] != nil || keys[i] != keys[0] {
			t.Errorf("starter %d: same key %v, error %v", i, keys[i] == keys[0], errs[i])
		}
	}
}

func TestCreateFileNeverReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := createFile(path, NewMaster()); err != nil {
		t.Fatal(err)
	}
	if err := createFile(path, NewMaster()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was replaced: %v", err)
	}
}

// A broken key file stops the start: making a new key would orphan every sealed one.
func TestLoadOrCreateFileRefuses(t *testing.T) {
	t.Parallel()
	good := NewMaster().encode()
	for name, file := range map[string]struct {
		text string
		mode fs.FileMode
	}{
		"empty":               {"", 0o600},
		"cut short":           {good[:20], 0o600},
		"readable by group":   {good, 0o640},
		"readable by anybody": {good, 0o604},
		"huge":                {good + string(make([]byte, maxFile)), 0o600},
	} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(file.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, file.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreateFile(path); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != file.text {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
	if _, err := LoadOrCreateFile(t.TempDir()); !problem.Is(err, problem.Invalid) {
		t.Errorf("a directory: %v", err)
	}
}

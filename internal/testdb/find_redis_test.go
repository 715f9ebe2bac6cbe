package testdb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without the program a test fails with the command that installs it; where .ci/deps puts it, it is found.
func TestFindRedis(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("PATH", "")
	t.Setenv("HOME", cache)
	t.Setenv("XDG_CACHE_HOME", cache)
	if _, err := newRedis(nil); err == nil || !strings.Contains(err.Error(), ".ci/deps test") {
		t.Errorf("no program: %v", err)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(base, "rekey", "bin", "redis-server")
	if err := os.MkdirAll(filepath.Dir(want), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := findRedis(); got != want || err != nil {
		t.Errorf("found %q, %v, want %q", got, err, want)
	}
}

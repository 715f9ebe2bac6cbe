package testdb

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var errMissing = errors.New("the PostgreSQL server programs initdb and postgres were not found; install them with\n" +
	"\tapt-get install postgresql     (Debian, Ubuntu)\n" +
	"\tdnf install postgresql-server  (Fedora)\n" +
	"\tbrew install postgresql        (macOS)\n" +
	"or put their directory on the PATH")

// findBinaries returns the directory that holds initdb and postgres: that of the initdb on the PATH, else the newest where
// distributions install them outside of it.
func findBinaries() (string, error) {
	var dirs []string
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		slices.Sort(found)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, dir := range dirs {
		if isProgram(filepath.Join(dir, "initdb")) && isProgram(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errMissing
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

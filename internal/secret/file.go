package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// maxFile bounds what is read as a key file: a wrong path must not be slurped. The base64 of a key is 44 bytes.
const maxFile = 1024

// LoadOrCreateFile reads the master key from path, or makes one there if there is no such file: mode 0600, in a directory made 0700 if missing.
// Processes that start at once all end with the same key: it is written aside in full and then linked to its name, which only one can do.
// A key file that others than its owner may read is refused.
func LoadOrCreateFile(path string) (Master, error) {
	m, err := loadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if err := createFile(path, NewMaster()); err != nil && !errors.Is(err, fs.ErrExist) {
		return Master{}, fmt.Errorf("making the master key file: %w", err)
	}
	return loadFile(path) // whoever made it, the file is the truth
}

func loadFile(path string) (Master, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return Master{}, problem.New(problem.Invalid, "the master key file is not a file of one line")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Master{}, problem.Newf(problem.Invalid, "the master key file has mode %04o: only its owner may read it, make it 0600", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key file: %w", err)
	}
	return ParseMaster(string(text))
}

// createFile fails with fs.ErrExist where the name is taken, and never leaves a part of a key under it.
func createFile(path string, m Master) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	aside, err := os.CreateTemp(dir, ".master-*") // O_EXCL, 0600
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name())
	_, err = aside.WriteString(m.encode() + "\n")
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	if err := os.Link(aside.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the new name survive a power cut: without the key, the signing keys sealed under it are lost.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

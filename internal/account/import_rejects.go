package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/seed-1c168855/rekey/internal/csvsafe"
)

// rejectsFile holds every rejection and warning of an import, one a line: line, subject, verdict, field, reason. It is made with
// the first of them, and never holds an address or a hash.
type rejectsFile struct {
	path string // where it should be; "" keeps none
	name string // where it is; "" until it is made
	file *os.File
	csv  *csvsafe.Writer
}

func (r *rejectsFile) add(line int64, subject string, why reason) error {
	if r.path == "" {
		return nil
	}
	if r.file == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	return r.write(strconv.FormatInt(line, 10), visible(subject), why.verdict(), why.field(), why.text())
}

// maxRejectsFiles bounds the search for a free name.
const maxRejectsFiles = 1000

// open makes a new file: what an earlier import reported must not be lost, nor written through a link somebody left there.
func (r *rejectsFile) open() error {
	ext := filepath.Ext(r.path)
	for n := 1; n <= maxRejectsFiles; n++ {
		name := r.path
		if n > 1 {
			name = strings.TrimSuffix(r.path, ext) + "-" + strconv.Itoa(n) + ext
		}
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("making the file of rejected rows: %w", err)
		}
		r.name, r.file, r.csv = name, file, csvsafe.NewWriter(file)
		return r.write("line", "subject", "verdict", "field", "reason")
	}
	return fmt.Errorf("making the file of rejected rows: %d of them stand there already", maxRejectsFiles)
}

func (r *rejectsFile) write(cells ...string) error {
	if err := r.csv.Write(cells...); err != nil {
		return fmt.Errorf("writing the file of rejected rows: %w", err)
	}
	return nil
}

func (r *rejectsFile) close() error {
	if r.file == nil {
		return nil
	}
	if err := errors.Join(r.csv.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("writing the file of rejected rows: %w", err)
	}
	return nil
}

// visible makes a subject out of a record that may be anything fit for one line.
func visible(subject string) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(subject, string(unicode.ReplacementChar)))
	if runes := []rune(s); len(runes) > MaxSubject {
		return string(runes[:MaxSubject]) + "…"
	}
	return s
}

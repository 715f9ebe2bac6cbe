package breached

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Row is one line of the Pwned Passwords download: the SHA-1 of a password, and in how many places it was found.
type Row struct {
	Hash  [20]byte
	Count uint64
}

const (
	hashDigits   = 40
	prefixDigits = 5
	// Prefixes is how many files a whole download in files by prefix has.
	Prefixes = 1 << (4 * prefixDigits)
)

// The errors of a line never repeat it: whoever names a wrong file may have named one with passwords in it.
var errLine = errors.New("is not SHA-1 in hex, colon, count: take the SHA-1 download, not NTLM")

// ReadRows gives the rows of one ordered text file, SHA1HEX:COUNT a line, ended by LF or CRLF. It holds one line at a time.
func ReadRows(r io.Reader) iter.Seq2[Row, error] { return readRows(r, "") }

// ReadPrefixes gives the rows of a directory with a file a prefix (00000.txt to FFFFF.txt, with or without the ending), whose lines
// leave the five digits of the name out. Other files are left alone. It holds the names, about 32 bytes each. files is how many there are.
func ReadPrefixes(dir string) (rows iter.Seq2[Row, error], files int, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the directory: %w", err)
	}
	names, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, 0, fmt.Errorf("reading the directory: %w", err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return prefixOf(n) == "" })
	if len(names) == 0 {
		return nil, 0, errors.New("the directory holds no file named after a prefix, as 00000.txt")
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(prefixOf(a), prefixOf(b)) })
	return func(yield func(Row, error) bool) {
		for _, name := range names {
			if !yieldFile(filepath.Join(dir, name), prefixOf(name), yield) {
				return
			}
		}
	}, len(names), nil
}

// prefixOf is the prefix that a file is named after, "" if none.
func prefixOf(name string) string {
	prefix := strings.ToUpper(strings.TrimSuffix(name, ".txt"))
	if len(prefix) != prefixDigits || strings.Trim(prefix, "0123456789ABCDEF") != "" {
		return ""
	}
	return prefix
}

// yieldFile gives one file's rows; false: stop.
func yieldFile(path, prefix string, yield func(Row, error) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		yield(Row{}, fmt.Errorf("opening a prefix: %w", err))
		return false
	}
	defer f.Close() // read only: nothing to lose
	for row, err := range readRows(f, prefix) {
		if err != nil {
			yield(row, fmt.Errorf("%s: %w", filepath.Base(path), err))
			return false
		}
		if !yield(row, nil) {
			return false
		}
	}
	return true
}

func readRows(r io.Reader, prefix string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), 64<<10)
		for n := 1; lines.Scan(); n++ {
			line := lines.Bytes()
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			row, err := parseRow(prefix, line)
			if err != nil {
				yield(Row{}, fmt.Errorf("line %d %w", n, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Row{}, fmt.Errorf("reading the list: %w", err))
		}
	}
}

// parseRow reads a line without its LF; the hash is prefix and what stands before the colon.
func parseRow(prefix string, line []byte) (row Row, err error) {
	var digits [hashDigits]byte
	line = bytes.TrimSuffix(line, []byte("\r"))
	suffix, count, _ := bytes.Cut(line, []byte(":"))
	if len(prefix)+len(suffix) != hashDigits {
		return Row{}, errLine
	}
	copy(digits[copy(digits[:], prefix):], suffix)
	if _, err := hex.Decode(row.Hash[:], digits[:]); err != nil {
		return Row{}, errLine
	}
	if row.Count, err = strconv.ParseUint(string(count), 10, 64); err != nil {
		return Row{}, errLine
	}
	return row, nil
}

package account

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Columns of an import file, in the order of the documentation. Only subject must be there; what a file does not have stays as it is.
const (
	colSubject = iota
	colEmail
	colPasswordHash
	colPasswordSetAt
	colLocale
	colCreatedAt
	numColumns
)

var columnNames = [numColumns]string{"subject", "email", "password_hash", "password_set_at", "locale", "created_at"}

// Bounds of one record: beyond them it is refused and reading goes on, so that one broken quote costs a few lines, not a file.
const (
	maxRecordBytes = 64 << 10
	maxRecordLines = 10
)

// record is one record of a file before any rule: texts by column, and which of them the file has.
type record struct {
	line   int64 // of its beginning; the first line of the file is 1
	fields [numColumns]string
	has    [numColumns]bool
}

// recordReader gives the records of a file one by one. A *refusal says that one record cannot be read and the next can; any
// other error ends the file, io.EOF at its end.
type recordReader interface {
	next() (*record, error)
}

// refusal is a record that cannot be read.
type refusal struct {
	line    int64
	subject string // where it could be told
	reason  reason
}

func (r *refusal) Error() string { return r.reason.text() }

// Formats of an import file.
const (
	FormatAuto   = ""       // told by the first character: "{" begins NDJSON, anything else CSV
	FormatCSV    = "csv"    // RFC 4180, the first record names the columns
	FormatNDJSON = "ndjson" // one JSON object a line
)

// openRecords finds out the format and reads the header. The byte order mark of UTF-8 is accepted, other encodings are named and refused.
func openRecords(r io.Reader, format string) (recordReader, error) {
	b := bufio.NewReaderSize(r, maxRecordBytes)
	head, err := b.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = b.Discard(3) // three bytes are there
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, problem.New(problem.Invalid, "The file is UTF-16; save it as UTF-8.")
	}
	if format == FormatAuto {
		format = sniff(b)
	}
	lines := &lineReader{b: b}
	switch format {
	case FormatCSV:
		return openCSV(lines)
	case FormatNDJSON:
		return &ndjsonReader{lines: lines}, nil
	}
	return nil, problem.New(problem.Invalid, "The format must be csv or ndjson.")
}

func sniff(b *bufio.Reader) string {
	head, _ := b.Peek(64) // a short file gives what it has
	if bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) {
		return FormatNDJSON
	}
	return FormatCSV
}

// line is one line of a file without its end.
type line struct {
	no   int64
	text string
	long bool // more than maxRecordBytes; text is its beginning
}

// lineReader gives lines of bounded length, and takes some back.
type lineReader struct {
	b    *bufio.Reader
	no   int64
	back []line // to be given again, first one first
}

// next is the next line that is not blank.
func (l *lineReader) next() (line, error) {
	for {
		next, err := l.any()
		if err != nil || next.long || strings.TrimSpace(next.text) != "" {
			return next, err
		}
	}
}

// any is the next line, blank or not.
func (l *lineReader) any() (line, error) {
	if len(l.back) > 0 {
		next := l.back[0]
		l.back = l.back[1:]
		return next, nil
	}
	text, err := l.b.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(text) == 0 {
		return line{}, io.EOF
	}
	l.no++
	next := line{no: l.no, long: errors.Is(err, bufio.ErrBufferFull), text: string(trimEOL(text))}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.b.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return line{}, fmt.Errorf("reading line %d: %w", l.no, err)
	}
	return next, nil
}

// giveBack makes lines come again.
func (l *lineReader) giveBack(lines []line) { l.back = slices.Concat(lines, l.back) }

func trimEOL(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

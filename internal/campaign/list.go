package campaign

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// KeyFunc folds an address for look-ups, as accounts.email_key is folded; an error says that it is no address.
type KeyFunc func(address string) (key string, err error)

// Outcomes of a list's line that names no account of its own.
const (
	Unmatched = "unmatched" // no account has it
	Duplicate = "duplicate" // an earlier line names the same account
	Invalid   = "invalid"   // cannot be read, or cannot be an address or a subject; counted as unmatched
)

// Line is one record of an operator's list.
type Line struct {
	No      int64  // physical line at which the record begins; the header is line 1
	Value   string // as given; of a line that cannot be read, all of it
	Key     string // what is looked up; "" with the outcome Invalid
	Outcome string // "" or Invalid when read; Unmatched or Duplicate after prepare
}

// Limits of a list's line: longer ones are kept cut, as invalid.
const (
	maxLine    = 64 << 10 // bytes of a record
	maxValue   = 1000     // bytes kept of a value
	maxSubject = 255      // characters, as accounts.subject
	maxJoined  = 100      // physical lines of one quoted record
)

// List reads an operator's list, CSV with a header that names email or subject (the subject wins: it is exact). It forgives what
// it can: a broken line is a Line with the outcome Invalid, and the next line is read as if nothing had been. It holds one record at a time.
type List struct {
	in      *bufio.Reader
	sum     hash.Hash
	key     KeyFunc
	column  string
	index   int      // of the column
	read    int64    // physical lines given out
	waiting []string // physical lines read ahead
}

// ReadList reads the header. Anything else than a header with a column email or subject is problem.Invalid.
func ReadList(r io.Reader, key KeyFunc) (*List, error) {
	l := &List{sum: sha256.New(), key: key}
	l.in = bufio.NewReaderSize(io.TeeReader(r, l.sum), maxLine)
	header, err := l.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	names, ok := fields(strings.TrimPrefix(header, "\ufeff"))
	if !ok {
		return nil, problem.New(problem.Invalid, "the list's first line cannot be read as a CSV header")
	}
	for i, name := range names {
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case name == ColumnSubject, name == ColumnEmail && l.column == "":
			l.column, l.index = name, i
		}
	}
	if l.column == "" {
		return nil, problem.New(problem.Invalid, "the list's first line must name a column email or subject")
	}
	return l, nil
}

// Column is what the lines are: ColumnEmail or ColumnSubject.
func (l *List) Column() string { return l.column }

// SHA256 is the digest of the bytes read, in hex; after Next said io.EOF, of the whole list.
func (l *List) SHA256() string { return hex.EncodeToString(l.sum.Sum(nil)) }

// Next gives the next line, io.EOF after the last. Blank lines are none.
func (l *List) Next() (Line, error) {
	for {
		text, err := l.line()
		if err != nil {
			return Line{}, err
		}
		no := l.read
		if strings.TrimSpace(text) == "" {
			continue
		}
		record, ok := fields(text)
		if !ok {
			record, ok = l.join(text)
		}
		if !ok || l.index >= len(record) {
			return Line{No: no, Value: legible(text), Outcome: Invalid}, nil
		}
		return l.judge(no, record[l.index]), nil
	}
}

// judge makes the key of a value.
func (l *List) judge(no int64, value string) Line {
	line := Line{No: no, Value: legible(value)}
	switch {
	case line.Value != value:
	case l.column == ColumnSubject && utf8.RuneCountInString(value) <= maxSubject:
		line.Key = value
	case l.column == ColumnEmail:
		if key, err := l.key(strings.TrimSpace(value)); err == nil {
			line.Key = key
		}
	}
	if line.Key == "" {
		line.Outcome = Invalid
	}
	return line
}

// join tries to read a record whose quoted field runs over several lines (RFC 4180 section 2.6). Where that fails only the first line is
// lost to it: the others wait to be read on their own.
func (l *List) join(text string) ([]string, bool) {
	var more []string
	joined := text
	for odd(joined) && len(more) < maxJoined && len(joined) < maxLine {
		next, err := l.line()
		if err != nil {
			break
		}
		more = append(more, next)
		joined += "\n" + next
	}
	if record, ok := fields(joined); ok {
		return record, true
	}
	l.waiting = append(more, l.waiting...)
	l.read -= int64(len(more))
	return nil, false
}

// line gives the next physical line without its end. What exceeds maxLine is cut, and made unreadable by a NUL.
func (l *List) line() (string, error) {
	if len(l.waiting) > 0 {
		text := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.read++
		return text, nil
	}
	part, err := l.in.ReadSlice('\n')
	text := string(part)
	for errors.Is(err, bufio.ErrBufferFull) {
		text = text[:maxValue] + "\x00"
		_, err = l.in.ReadSlice('\n')
	}
	if err != nil && (!errors.Is(err, io.EOF) || text == "") {
		if errors.Is(err, io.EOF) {
			return "", io.EOF
		}
		return "", fmt.Errorf("reading the list: %w", err)
	}
	l.read++
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), nil
}

// fields splits one record; false: its quoting is broken or not at its end.
func fields(text string) ([]string, bool) {
	if strings.IndexByte(text, '"') < 0 {
		return strings.Split(text, ","), true
	}
	if odd(text) {
		return nil, false
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	record, err := r.Read()
	if err != nil {
		return nil, false
	}
	_, err = r.Read()
	return record, errors.Is(err, io.EOF)
}

func odd(text string) bool { return strings.Count(text, `"`)%2 == 1 }

// legible is text that both databases can keep: valid UTF-8 without NUL, of at most maxValue bytes.
func legible(s string) string {
	if len(s) > maxValue {
		s = s[:maxValue] + "…"
	}
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

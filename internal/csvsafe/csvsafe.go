// Package csvsafe writes CSV that a spreadsheet shows and never computes; whatever Rekey lets people download as CSV goes through it.
package csvsafe

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// starters begin a formula in one spreadsheet or another: the set of ASVS 5.0 §1.2.10, CR and LF, and the full-width forms
// that some programs fold to ASCII before they look.
const starters = "=+-@\t\r\n\x00＝＋－＠"

// Cell returns s so that no spreadsheet takes it for a formula: a text that begins with a formula's sign, behind blanks and
// invisible characters too, gets a leading apostrophe. Everything else comes back unchanged.
//
// The apostrophe becomes part of the value: what Cell wrote is for people to read, not to be imported again.
func Cell(s string) string {
	if s == "" {
		return s
	}
	first, rest := rune(s[0]), strings.TrimLeftFunc(s, hidden)
	if strings.ContainsRune(starters, first) || (rest != "" && strings.ContainsRune(starters, []rune(rest)[0])) {
		return "'" + s
	}
	return s
}

// hidden tells the characters that stand before a formula without hiding it from the program that reads it.
func hidden(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
}

// Writer writes RFC 4180 records with every field made safe by Cell and quoted. Quoting all of them matters: a program that
// splits at semicolons would otherwise start a new cell, and a formula, in the middle of a field.
type Writer struct{ w *bufio.Writer }

// NewWriter returns a Writer on w. Flush must be called at the end.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriter(w)}
}

// Write appends one record and its CRLF (RFC 4180 §2.1). Its error may belong to an earlier record, as output is buffered.
func (w *Writer) Write(fields ...string) error {
	for i, f := range fields {
		if i > 0 {
			_ = w.w.WriteByte(',') // a bufio.Writer keeps its first error: the last write of the record reports it
		}
		_, _ = w.w.WriteString(`"` + strings.ReplaceAll(Cell(f), `"`, `""`) + `"`)
	}
	if _, err := w.w.WriteString("\r\n"); err != nil {
		return fmt.Errorf("writing a CSV record: %w", err)
	}
	return nil
}

// Flush hands everything written so far to the underlying writer.
func (w *Writer) Flush() error {
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
)

// show prints a result: as JSON for programs, else as text for people.
func (s *session) show(result any, text func(*page)) error {
	if s.json {
		return writeJSON(s.stdout, result)
	}
	return printText(s.stdout, text)
}

// dry prints what a destructive command would do.
func (s *session) dry(plan any, text func(*page)) error {
	if s.json {
		encoded, err := json.Marshal(plan)
		if err != nil {
			return fmt.Errorf("encoding the plan: %w", err)
		}
		return writeJSON(s.stdout, json.RawMessage(strings.Replace(string(encoded), "{", `{"dry_run":true,`, 1)))
	}
	return printText(s.stdout, func(p *page) {
		text(p)
		p.line("Nothing was done. With --yes it will be.")
	})
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

func printText(w io.Writer, text func(*page)) error {
	p := &page{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	text(p)
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// page is text in columns.
type page struct{ w *tabwriter.Writer }

// line is a sentence.
func (p *page) line(format string, args ...any) {
	fmt.Fprintln(p.w, strings.Map(printable, fmt.Sprintf(format, args...)))
}

// row is one line of a table.
func (p *page) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = cell(c)
	}
	fmt.Fprintln(p.w, strings.TrimRight(strings.Join(texts, "\t"), "\t"))
}

// cell prints a value; what comes from outside must not steer the terminal.
func cell(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case *time.Time:
		if v == nil {
			return "-"
		}
		return cell(*v)
	case *int64:
		if v == nil {
			return "-"
		}
		return fmt.Sprint(*v)
	}
	if text := strings.Map(printable, fmt.Sprint(v)); text != "" {
		return text
	}
	return "-"
}

func printable(r rune) rune {
	if r == '\n' || !unicode.IsPrint(r) && r != ' ' {
		return unicode.ReplacementChar
	}
	return r
}

// sink is where a command writes rows: a new file for its owner alone, or standard output if no file is named.
func (s *session) sink(path string, write func(io.Writer) error) error {
	if path == "" {
		return write(s.stdout)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	if err := write(file); err != nil {
		if info, unknown := file.Stat(); unknown == nil && info.Size() == 0 {
			_ = os.Remove(path) // nothing is lost, and the next try may make it
		}
		_ = file.Close() // the first error tells more
		return err
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// source opens a file to read, "-" for standard input.
func (s *session) source(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(s.stdin), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	return file, nil
}

// progress is a line on a terminal that is written over; elsewhere nothing is shown.
func (s *session) progress() (show func(format string, args ...any), done func()) {
	file, ok := s.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func(string, ...any) {}, func() {}
	}
	const clear = "\r\x1b[K"
	return func(format string, args ...any) { fmt.Fprintf(s.stderr, clear+format, args...) }, func() { fmt.Fprint(s.stderr, clear) }
}

package account

import (
	"errors"
	"io"
	"strings"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// csvReader reads RFC 4180 with the columns named by the first record, in any order. encoding/csv is not used because after a
// broken quote it has swallowed an unknown part of the file.
type csvReader struct {
	lines   *lineReader
	columns []int // what each field is
	split   []string
	rec     record
	pending []*refusal // to be given before the next record
}

// openCSV reads the header. A column it does not know is refused rather than skipped: an export whose "password_hash" goes by
// another name would otherwise load a whole base without passwords, and nothing in it would ever die.
func openCSV(lines *lineReader) (*csvReader, error) {
	head, err := lines.next()
	if errors.Is(err, io.EOF) {
		return nil, problem.New(problem.Invalid, "The file is empty: not even a first line that names the columns.")
	}
	if err != nil {
		return nil, err
	}
	c := &csvReader{lines: lines}
	fields, state := splitCSV(nil, head.text)
	if state != splitOK {
		return nil, problem.New(problem.Invalid, "The first line must name the columns, separated by commas: its quoting is broken.")
	}
	for _, name := range fields {
		if err := c.addColumn(strings.ToLower(strings.TrimSpace(name))); err != nil {
			return nil, err
		}
	}
	if !c.rec.has[colSubject] {
		return nil, problem.New(problem.Invalid, "The first line names no column subject.")
	}
	return c, nil
}

func (c *csvReader) addColumn(name string) error {
	for i, known := range columnNames {
		if name != known {
			continue
		}
		if c.rec.has[i] {
			return problem.Newf(problem.Invalid, "The first line names the column %s twice.", known)
		}
		c.rec.has[i] = true
		c.columns = append(c.columns, i)
		return nil
	}
	return problem.Newf(problem.Invalid, "Column %d in the first line is none that an import knows. The first line must name the columns, "+
		"separated by commas, out of: %s. Rename the column or take it out.", len(c.columns)+1, strings.Join(columnNames[:], ", "))
}

func (c *csvReader) next() (*record, error) {
	if len(c.pending) > 0 {
		first := c.pending[0]
		c.pending = c.pending[1:]
		return nil, first
	}
	start, err := c.lines.next()
	if err != nil {
		return nil, err
	}
	return c.read(start)
}

// read takes the record that begins at a line, with as many more lines as its quotes ask for.
func (c *csvReader) read(start line) (*record, error) {
	text, more := start.text, []line(nil)
	for {
		if start.long || len(text) > maxRecordBytes {
			c.lines.giveBack(more)
			return nil, &refusal{line: start.no, reason: recordTooLong}
		}
		fields, state := splitCSV(c.split[:0], text)
		c.split = fields
		switch state {
		case splitOK:
			return c.take(start.no, fields)
		case splitBroken:
			c.pending = c.buried(more)
			return nil, &refusal{line: start.no, subject: c.subjectOf(fields), reason: brokenQuotes}
		}
		next, err := c.lines.any()
		if errors.Is(err, io.EOF) || len(more) == maxRecordLines-1 {
			if err == nil {
				more = append(more, next)
			}
			c.lines.giveBack(more)
			return nil, &refusal{line: start.no, subject: c.subjectOf(fields), reason: openQuote}
		}
		if err != nil {
			return nil, err
		}
		more = append(more, next)
		text += "\n" + next.text
	}
}

// buried names the lines inside a broken record that would be records by themselves. They are not loaded, since whoever could
// write a quote and a line break into a field may have written them; and not dropped in silence, since they may be members.
func (c *csvReader) buried(lines []line) (out []*refusal) {
	for _, l := range lines {
		fields, state := splitCSV(nil, l.text)
		if state == splitOK && len(fields) == len(c.columns) {
			out = append(out, &refusal{line: l.no, subject: c.subjectOf(fields), reason: buriedRecord})
		}
	}
	return out
}

func (c *csvReader) take(no int64, fields []string) (*record, error) {
	if len(fields) != len(c.columns) {
		r := fieldsMissing
		if len(fields) > len(c.columns) {
			r = fieldsTooMany
		}
		return nil, &refusal{line: no, subject: c.subjectOf(fields), reason: r}
	}
	c.rec.line = no
	for i, f := range fields {
		c.rec.fields[c.columns[i]] = f
	}
	return &c.rec, nil
}

// subjectOf finds the subject of a record that cannot be used, to name it in the report.
func (c *csvReader) subjectOf(fields []string) string {
	for i, f := range fields {
		if i < len(c.columns) && c.columns[i] == colSubject {
			return f
		}
	}
	return ""
}

// What splitCSV found.
const (
	splitOK     = iota
	splitBroken // a quote inside an unquoted field, or something between a closing quote and the comma
	splitOpen   // the text ends inside a quoted field
)

// splitCSV appends the fields of one record (RFC 4180 §2) to dst, those before the trouble if there is any.
func splitCSV(dst []string, text string) ([]string, int) {
	for {
		if strings.HasPrefix(text, `"`) {
			field, rest, state := splitQuoted(text[1:])
			if state != splitOK {
				return dst, state
			}
			dst = append(dst, field)
			if rest == "" {
				return dst, splitOK
			}
			text = rest[1:]
			continue
		}
		field, rest, more := strings.Cut(text, ",")
		if strings.IndexByte(field, '"') >= 0 {
			return dst, splitBroken
		}
		dst = append(dst, field)
		if !more {
			return dst, splitOK
		}
		text = rest
	}
}

// splitQuoted reads a field behind its opening quote; rest is empty or begins with the comma.
func splitQuoted(text string) (field, rest string, state int) {
	from, doubled := 0, false
	for {
		i := strings.IndexByte(text[from:], '"')
		if i < 0 {
			return "", "", splitOpen
		}
		i += from
		switch {
		case i+1 == len(text) || text[i+1] == ',':
			field = text[:i]
			if doubled {
				field = strings.ReplaceAll(field, `""`, `"`)
			}
			return field, text[i+1:], splitOK
		case text[i+1] == '"':
			from, doubled = i+2, true
		default:
			return "", "", splitBroken
		}
	}
}

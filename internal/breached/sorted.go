package breached

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Sorted is the ordered text file of the download, searched where it lies: exact, in about log2(bytes) short reads and no memory.
// It is safe for concurrent use.
type Sorted struct {
	file io.ReaderAt
	size int64
	min  uint64
	end  func() error
}

const (
	longestLine = 64   // 40 digits, colon, up to 20 digits, CR, LF
	samples     = 1000 // lines looked at when the file is opened
)

var errUnordered = errors.New("the ordered file of breached passwords is not in order of hash")

// OpenSorted opens the file and looks at a thousand lines spread over it, to refuse one of another form or out of order.
// Passwords found in fewer than minCount places do not count.
func OpenSorted(path string, minCount uint64) (*Sorted, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the ordered file of breached passwords: %w", err)
	}
	s := &Sorted{file: file, min: max(minCount, 1), end: file.Close}
	if err := s.sample(file); err != nil {
		_ = file.Close() // the first error tells more
		return nil, err
	}
	return s, nil
}

func (s *Sorted) sample(file *os.File) error {
	stat, err := file.Stat()
	if err != nil {
		return fmt.Errorf("opening the ordered file of breached passwords: %w", err)
	}
	s.size = stat.Size()
	var last Row
	for i := range int64(samples) {
		row, found, err := s.firstAt(s.size / samples * i)
		if err != nil {
			return err
		}
		if !found && i == 0 {
			return errors.New("the ordered file of breached passwords is empty")
		}
		if found && bytes.Compare(row.Hash[:], last.Hash[:]) < 0 {
			return errUnordered
		}
		if found {
			last = row
		}
	}
	return nil
}

// Close ends reading; who asks after it gets an error.
func (s *Sorted) Close() error { return s.end() }

// Breached is exact.
func (s *Sorted) Breached(pw string) (bool, error) {
	h := hashOf(pw)
	low, high := int64(0), s.size // the line is the first that begins at or after low, once low is high
	for low < high {
		mid := (low + high) / 2
		row, found, err := s.firstAt(mid)
		if err != nil {
			return false, err
		}
		if found && bytes.Compare(row.Hash[:], h[:]) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	row, found, err := s.firstAt(low)
	return found && row.Hash == h && row.Count >= s.min, err
}

// firstAt reads the first line that begins at or after an offset; false: there is none.
func (s *Sorted) firstAt(offset int64) (Row, bool, error) {
	var buffer [2*longestLine + 1]byte
	from := max(offset-1, 0) // a line begins at the offset itself if LF stands before it
	n, err := s.file.ReadAt(buffer[:], from)
	if err != nil && !errors.Is(err, io.EOF) {
		return Row{}, false, fmt.Errorf("reading the ordered file of breached passwords: %w", err)
	}
	text := buffer[:n]
	if offset > 0 {
		_, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended && from+int64(n) < s.size {
			return Row{}, false, fmt.Errorf("the ordered file of breached passwords has a line that %w", errLine)
		}
		text = rest
	}
	if len(text) == 0 {
		return Row{}, false, nil
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	row, err := parseRow("", line)
	if err != nil {
		return Row{}, false, fmt.Errorf("the ordered file of breached passwords has a line that %w", err)
	}
	return row, true, nil
}

// Confirm makes a source of a filter whose every hit is looked up in the ordered file, so that nobody is refused by chance.
func Confirm(f *Filter, s *Sorted) Source { return confirmed{f, s} }

type confirmed struct {
	filter *Filter
	sorted *Sorted
}

func (c confirmed) Breached(pw string) (bool, error) {
	likely, err := c.filter.Breached(pw)
	if err != nil || !likely {
		return false, err
	}
	return c.sorted.Breached(pw)
}

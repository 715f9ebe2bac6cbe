package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Export is a whole log as WriteNDJSON wrote it, and what it is held against. Nothing else is needed: no database, no master key.
type Export struct {
	Lines       io.Reader
	Checkpoints []Checkpoint // opened ones (OpenCheckpoint), in any order, at least one; the largest must speak for all lines
	Older       io.Reader    // an export of the same log made earlier, which says which entry was changed; may be nil
	AllowNewer  bool         // entries after the largest checkpoint are counted instead of refused
}

// Exported is what Verify found.
type Exported struct {
	Head     Head  // what the checkpoints speak for, all of it as it was signed
	Newer    int64 // entries after that, for which nothing speaks
	Unsealed int64 // entries without an index, for which nothing speaks
}

// maxLine bounds a line of an export; a record has some 64 KB at most.
const maxLine = 1 << 20

// Verify recomputes every leaf hash and the root at each checkpoint, in constant memory. It returns a *Tampered for the first
// entry that was edited, removed, inserted or moved, as exactly as what is given can tell: an entry whose own hash does not fit
// and a gap are named; a change that was carried through to the entry's hash lies between two checkpoints, or is named by Older.
func (x Export) Verify() (Exported, error) {
	if len(x.Checkpoints) == 0 {
		return Exported{}, problem.New(problem.Invalid, "An export is held against a checkpoint.")
	}
	heads := make([]Head, len(x.Checkpoints))
	for i, c := range x.Checkpoints {
		heads[i] = c.Head
	}
	v := exportVerifier{verifier: verifier{noted: sorted(heads)}, newer: x.AllowNewer}
	v.last = v.noted[len(v.noted)-1]
	if x.Older != nil {
		v.older = newExportReader(x.Older)
	}
	lines := newExportReader(x.Lines)
	next, more, err := lines.read()
	for more && err == nil {
		line := next
		if next, more, err = lines.read(); err == nil {
			err = v.line(line, next, more)
		}
	}
	if err == nil {
		err = v.end()
	}
	return Exported{v.last, v.after, v.unsealed}, err
}

type exportVerifier struct {
	verifier
	last            Head
	newer           bool
	after, unsealed int64
	older           *exportReader
	differs         *Tampered // the first difference from the older export
}

// line checks one entry; next is the line after it, if there is more.
func (v *exportVerifier) line(l, next exportLine, more bool) error {
	if l.Index == nil {
		v.unsealed++
		return nil
	}
	at := v.tree.size
	switch {
	case *l.Index > at:
		return &Tampered{at, fmt.Sprintf("is missing: entry %d comes in its place", *l.Index)}
	case *l.Index < at:
		return &Tampered{*l.Index, "is there twice, or out of its order"}
	case at >= v.last.Size && !v.newer:
		return &Tampered{at, fmt.Sprintf("is one more than the %d the checkpoint speaks for: it was added, or the checkpoint is older than the export (--allow-newer)", at)}
	case tlog.RecordHash(l.Record) != l.Leaf:
		return &Tampered{at, "was edited: its record does not have its hash"}
	}
	if err := v.compare(l, next, more); err != nil {
		return err
	}
	v.tree.add(l.Record)
	if at >= v.last.Size {
		v.after++
		return nil
	}
	return v.differing(v.checkNoted())
}

// compare notes the first difference from the older export, and what kind it is. Which of the two is as it was sealed, the root says.
func (v *exportVerifier) compare(l, next exportLine, more bool) error {
	if v.older == nil || v.differs != nil {
		return nil
	}
	was, ok, err := v.older.sealed()
	if err != nil || !ok || was.Leaf == l.Leaf {
		return err
	}
	then, okThen, err := v.older.sealed()
	if err != nil {
		return err
	}
	what := "was edited"
	removed, inserted := okThen && then.Leaf == l.Leaf, more && next.Leaf == was.Leaf
	switch {
	case removed && inserted:
		what = "and the next were exchanged"
	case removed:
		what = "was removed, and those after it renumbered"
	case inserted:
		what = "was inserted, and those after it renumbered"
	}
	v.differs = &Tampered{*l.Index, what + ", as the older export shows"}
	return nil
}

// differing names the entry where the older export does, once a root says that it is not this export's side that is right.
func (v *exportVerifier) differing(err error) error {
	if err != nil && v.differs != nil {
		return v.differs
	}
	return err
}

func (v *exportVerifier) end() error {
	switch {
	case len(v.noted) > 0 && v.noted[0].Size == 0:
		return v.checkNoted()
	case len(v.noted) > 0:
		missing := &Tampered{v.tree.size, fmt.Sprintf("is missing: the export was cut short, a checkpoint speaks for %d entries", v.last.Size)}
		return v.differing(missing)
	case v.differs != nil && v.differs.Index < v.last.Size:
		return &Tampered{v.differs.Index, "differs between the exports, and it is the older one that is not what was sealed"}
	}
	return nil
}

// exportLine is a line of an export, read back.
type exportLine struct {
	Index  *int64
	Leaf   tlog.Hash
	Record json.RawMessage
}

type exportReader struct {
	lines *bufio.Scanner
	n     int
}

func newExportReader(r io.Reader) *exportReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	return &exportReader{lines: lines}
}

// read gives the next line. It takes only what WriteNDJSON writes, byte for byte, so that no reader sees another entry in it.
func (r *exportReader) read() (l exportLine, ok bool, err error) {
	if !r.lines.Scan() {
		if err := r.lines.Err(); err != nil {
			return l, false, fmt.Errorf("reading the export after line %d: %w", r.n, err)
		}
		return l, false, nil
	}
	r.n++
	var e exported
	if err := json.Unmarshal(r.lines.Bytes(), &e); err != nil {
		return l, false, fmt.Errorf("line %d of the export is damaged: %w", r.n, err)
	}
	leaf, err := base64.StdEncoding.DecodeString(e.Leaf)
	if err != nil || len(leaf) != tlog.HashSize || !bytes.Equal(encode(e), r.lines.Bytes()) {
		return l, false, fmt.Errorf("line %d of the export is damaged: %w", r.n, errors.New("it is not as it was written"))
	}
	l = exportLine{Index: e.Index, Record: slices.Clone(e.Record)}
	copy(l.Leaf[:], leaf)
	return l, true, nil
}

// sealed is read without the lines that have no index.
func (r *exportReader) sealed() (exportLine, bool, error) {
	for {
		l, ok, err := r.read()
		if err != nil || !ok || l.Index != nil {
			return l, ok, err
		}
	}
}

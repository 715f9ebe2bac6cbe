package audit

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Tampered says that the log is not what was sealed, and where that shows first.
type Tampered struct {
	Index int64  // the first entry that differs; -1 where a checkpoint is what is wrong
	What  string // what is wrong with it
}

// notAnEntry is the Index of a Tampered about a checkpoint.
const notAnEntry = -1

func (t *Tampered) Error() string {
	if t.Index == notAnEntry {
		return "the audit log is not what was sealed: " + t.What
	}
	return fmt.Sprintf("the audit log is not what was sealed: entry %d %s", t.Index, t.What)
}

// Stored is the sealed log as a store holds it.
type Stored struct {
	Head    Head
	Entries iter.Seq2[Entry, error]     // those with an index, in order of index
	Hashes  iter.Seq2[tlog.Hash, error] // all stored hashes, in order of position
}

// Verify recomputes the whole log from its entries, in constant memory, and compares every stored hash, the head, and each
// head that somebody noted earlier. It returns nil, a *Tampered for the first entry that was edited, removed, inserted or
// moved, or the error that ended the reading.
//
// Entries, hashes and head all lie in the same database. Whoever can rewrite all three consistently is found out only by a
// noted head; that is what noted ones are for.
func Verify(log Stored, noted ...Head) error {
	next, stop := iter.Pull2(log.Hashes)
	defer stop()
	v := verifier{nextHash: next, noted: sorted(noted)}
	if err := v.checkNoted(); err != nil { // one of size 0 proves nothing, but a wrong one is wrong
		return err
	}
	for e, err := range log.Entries {
		if err != nil {
			return fmt.Errorf("reading the audit log: %w", err)
		}
		if err := v.entry(e, log.Head.Size); err != nil {
			return err
		}
	}
	return v.finish(log.Head)
}

type verifier struct {
	tree     tree
	nextHash func() (tlog.Hash, error, bool)
	noted    []Head // still to be checked, smallest first
	fits     int64  // size of the largest noted head that was as noted
}

func sorted(heads []Head) []Head {
	return slices.SortedFunc(slices.Values(heads), func(a, b Head) int { return cmp.Compare(a.Size, b.Size) })
}

func (v *verifier) entry(e Entry, size int64) error {
	at := v.tree.size
	switch {
	case e.Index == nil || *e.Index > at:
		return &Tampered{at, "is missing"}
	case *e.Index < at:
		return &Tampered{*e.Index, "is there twice"}
	case at >= size:
		return &Tampered{at, "lies beyond the sealed head"}
	}
	for level, want := range v.tree.add(e.Record()) {
		got, err, more := v.nextHash()
		switch {
		case err != nil:
			return fmt.Errorf("reading the hashes of the audit log: %w", err)
		case !more:
			return &Tampered{at, "has lost its stored hash"}
		case got != want && level == 0:
			return &Tampered{at, "differs from its stored hash: it was edited, or entries were removed, inserted or moved"}
		case got != want:
			return &Tampered{at, fmt.Sprintf("is followed by a wrong tree hash of level %d", level)}
		}
	}
	return v.checkNoted()
}

// checkNoted compares the noted heads of the size reached.
func (v *verifier) checkNoted() error {
	for len(v.noted) > 0 && v.noted[0].Size == v.tree.size {
		if v.noted[0].Root != v.tree.root() {
			return &Tampered{max(0, v.tree.size-1), fmt.Sprintf("or one before it, from %d on, differs from the head that was noted down or signed: the log was rewritten", v.fits)}
		}
		v.fits, v.noted = v.tree.size, v.noted[1:]
	}
	return nil
}

func (v *verifier) finish(head Head) error {
	size := v.tree.size
	switch {
	case size < head.Size:
		return &Tampered{size, "is missing: the log was cut short"}
	case v.tree.root() != head.Root:
		return &Tampered{max(0, size-1), "does not lead to the stored root"}
	case len(v.noted) > 0:
		return &Tampered{size, fmt.Sprintf("is missing: a head of %d entries was noted down or signed", v.noted[0].Size)}
	}
	if _, err, more := v.nextHash(); err != nil {
		return fmt.Errorf("reading the hashes of the audit log: %w", err)
	} else if more {
		return &Tampered{size, "is missing, but its hashes are stored"}
	}
	return nil
}

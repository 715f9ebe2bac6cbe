package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Inclusion proves that an entry stands in the log that a checkpoint speaks for (RFC 6962 §2.1.1). It can be checked with a verifier
// key alone.
type Inclusion struct {
	Index      int64            `json:"index"`      // from 0
	Record     json.RawMessage  `json:"record"`     // the entry's canonical encoding, the leaf
	Proof      tlog.RecordProof `json:"proof"`      // hashes in base64, leaf to root
	Checkpoint string           `json:"checkpoint"` // signed note
}

// Consistency proves that the log of a checkpoint begins with that of an earlier head: nothing was changed, only added
// (RFC 6962 §2.1.2).
type Consistency struct {
	Old           int64          `json:"old"`                      // size of the earlier log
	OldRoot       tlog.Hash      `json:"old_root"`                 // its root, base64
	OldCheckpoint string         `json:"old_checkpoint,omitempty"` // its signed note, where there is one
	Proof         tlog.TreeProof `json:"proof"`                    // hashes in base64
	Checkpoint    string         `json:"checkpoint"`               // signed note
}

// ProveInclusion reads some 25 hashes at ten million entries. An entry that does not lead to the checkpoint's root is a *Tampered.
func ProveInclusion(read tlog.HashReader, e Entry, c Checkpoint) (Inclusion, error) {
	if e.Index == nil || *e.Index >= c.Head.Size {
		return Inclusion{}, problem.New(problem.Conflict, "No checkpoint speaks for this entry yet.")
	}
	proof, err := tlog.ProveRecord(c.Head.Size, *e.Index, read)
	if err != nil {
		return Inclusion{}, fmt.Errorf("proving entry %d: %w", *e.Index, err)
	}
	p := Inclusion{Index: *e.Index, Record: e.Record(), Proof: proof, Checkpoint: c.Note}
	return p, p.check(c)
}

// ProveConsistency reads some 50 hashes at ten million entries. Old says what was noted; its Note may be missing.
func ProveConsistency(read tlog.HashReader, old, c Checkpoint) (Consistency, error) {
	if old.Head.Size < 1 || old.Head.Size > c.Head.Size {
		return Consistency{}, problem.Newf(problem.Invalid, "The earlier size must be 1 to %d, that of the newest checkpoint.", c.Head.Size)
	}
	proof, err := tlog.ProveTree(c.Head.Size, old.Head.Size, read)
	if err != nil {
		return Consistency{}, fmt.Errorf("proving that %d entries begin with %d: %w", c.Head.Size, old.Head.Size, err)
	}
	p := Consistency{Old: old.Head.Size, OldRoot: old.Head.Root, OldCheckpoint: old.Note, Proof: proof, Checkpoint: c.Note}
	return p, p.check(c)
}

// RootAt is the root of the first size entries by the stored hashes.
func RootAt(read tlog.HashReader, size int64) (Head, error) {
	if size == 0 {
		return EmptyHead(), nil
	}
	root, err := tlog.TreeHash(size, read)
	if err != nil {
		return Head{}, fmt.Errorf("computing the root over %d audit entries: %w", size, err)
	}
	return Head{Size: size, Root: root}, nil
}

func (p Inclusion) check(c Checkpoint) error {
	if tlog.CheckRecord(p.Proof, c.Head.Size, c.Head.Root, p.Index, tlog.RecordHash(p.Record)) != nil {
		return &Tampered{p.Index, fmt.Sprintf("does not lead to the root that was signed over %d entries", c.Head.Size)}
	}
	return nil
}

func (p Consistency) check(c Checkpoint) error {
	if tlog.CheckTree(p.Proof, c.Head.Size, c.Head.Root, p.Old, p.OldRoot) != nil {
		return &Tampered{max(0, p.Old-1), fmt.Sprintf("or one before it differs between the logs of %d and %d entries", p.Old, c.Head.Size)}
	}
	return nil
}

// Verify checks signature and proof, and gives the checkpoint that speaks for the entry.
func (p Inclusion) Verify(vkeys ...string) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, vkeys...)
	if err != nil {
		return Checkpoint{}, err
	}
	return c, p.check(c)
}

// Verify checks signatures and proof, and gives the newer checkpoint. The earlier head is Old and OldRoot: without OldCheckpoint
// it is for the caller to compare with what was noted.
func (p Consistency) Verify(vkeys ...string) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, vkeys...)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.OldCheckpoint != "" {
		old, err := OpenCheckpoint(p.OldCheckpoint, vkeys...)
		if err != nil {
			return Checkpoint{}, err
		}
		if old.Head != (Head{p.Old, p.OldRoot}) {
			return Checkpoint{}, &Tampered{notAnEntry, "the earlier checkpoint is not the one that was proven"}
		}
	}
	return c, p.check(c)
}

// VerifyProof reads a proof of either kind from its JSON and verifies it, without a database.
func VerifyProof(text []byte, vkeys ...string) (Checkpoint, error) {
	var kind struct {
		Record json.RawMessage `json:"record"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return Checkpoint{}, errors.New("the proof is no JSON object as `rekey audit prove` prints it")
	}
	if kind.Record == nil {
		var p Consistency
		if err := strictly(text, &p); err != nil {
			return Checkpoint{}, err
		}
		return p.Verify(vkeys...)
	}
	var p Inclusion
	if err := strictly(text, &p); err != nil {
		return Checkpoint{}, err
	}
	var bare bytes.Buffer // a proof that was indented for people is the same proof
	if err := json.Compact(&bare, p.Record); err != nil {
		return Checkpoint{}, fmt.Errorf("reading the record of a proof: %w", err)
	}
	p.Record = bare.Bytes()
	return p.Verify(vkeys...)
}

func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("reading the proof: %w", err)
	}
	return nil
}

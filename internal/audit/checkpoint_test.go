package audit_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const origin = "reset.example.org/audit"

func newKey(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

func signed(t testing.TB, head audit.Head, signers ...note.Signer) audit.Checkpoint {
	t.Helper()
	c, err := audit.SignCheckpoint(head, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tampered(t testing.TB, what string, err error) *audit.Tampered {
	t.Helper()
	var found *audit.Tampered
	if !errors.As(err, &found) {
		t.Errorf("%s: %v, want it to show", what, err)
	}
	return found
}

// A checkpoint is the note that C2SP tlog-checkpoint describes, and opens under its key alone, unchanged.
func TestCheckpointNote(t *testing.T) {
	t.Parallel()
	head := sealedLog(t, 5).head
	signer, vkey := newKey(t, origin)
	other, otherKey := newKey(t, origin)
	stranger, strangerKey := newKey(t, "other.example.org/audit")
	c := signed(t, head, signer)
	if want := origin + "\n5\n" + head.Root.String() + "\n\n— " + origin + " "; !strings.HasPrefix(c.Note, want) || strings.Count(c.Note, "\n") != 5 {
		t.Fatalf("note %q, want it to begin with %q", c.Note, want)
	}
	opened, err := audit.OpenCheckpoint(c.Note, otherKey, vkey, vkey)
	if err != nil || opened.Head != head || opened.Origin != origin || opened.Note != c.Note {
		t.Fatalf("opened %+v, %v", opened, err)
	}
	both := signed(t, head, other, signer)
	for _, k := range []string{vkey, otherKey} {
		if _, err := audit.OpenCheckpoint(both.Note, k); err != nil {
			t.Errorf("a handover under one of its keys: %v", err)
		}
	}
	loose := func(text string) string { // signed, and yet no checkpoint of ours
		n, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(n)
	}
	root := head.Root.String()
	for name, c := range map[string]struct{ note, key string }{
		"other key":      {c.Note, otherKey},
		"other size":     {strings.Replace(c.Note, "\n5\n", "\n6\n", 1), vkey},
		"other root":     {strings.Replace(c.Note, root, emptyRootOf(t), 1), vkey},
		"other origin":   {strings.Replace(c.Note, origin+"\n", "x"+origin+"\n", 1), vkey},
		"no signature":   {origin + "\n5\n" + root + "\n\n", vkey},
		"not a note":     {"hello", vkey},
		"empty":          {"", vkey},
		"name of others": {strings.Replace(signed(t, head, stranger).Note, "other.example.org/audit\n", origin+"\n", 1), strangerKey},
		"alien origin":   {loose("other.example.org/audit\n5\n" + root + "\n"), vkey},
		"extension":      {loose(origin + "\n5\n" + root + "\nmore\n"), vkey},
		"leading zero":   {loose(origin + "\n05\n" + root + "\n"), vkey},
		"negative":       {loose(origin + "\n-5\n" + root + "\n"), vkey},
		"short":          {loose(origin + "\n5\n"), vkey},
	} {
		_, err := audit.OpenCheckpoint(c.note, c.key)
		_ = tampered(t, name, err)
	}
	if _, err := audit.OpenCheckpoint(c.Note, "nonsense"); err == nil || errors.As(err, new(*audit.Tampered)) {
		t.Errorf("a verifier key that is none: %v", err)
	}
	if _, err := audit.SignCheckpoint(audit.EmptyHead(), signer); err == nil {
		t.Error("an empty log was signed")
	}
}

func emptyRootOf(t testing.TB) string {
	t.Helper()
	_, root, _ := strings.Cut(audit.EmptyHead().String(), ":")
	return root
}

func TestCheckpointNotesAreFound(t *testing.T) {
	t.Parallel()
	signer, _ := newKey(t, origin)
	second, _ := newKey(t, origin)
	one, two := signed(t, sealedLog(t, 3).head, signer).Note, signed(t, sealedLog(t, 9).head, signer, second).Note
	for name, text := range map[string]string{
		"file": one + "\n" + two + "\n",
		"mail": "Dear auditor,\n\n" + one + "\nKeep this mail.\n\n" + two + "\nBye\n",
		"crlf": strings.ReplaceAll(one+"\n"+two, "\n", "\r\n"),
		"end":  one + "\n" + strings.TrimSuffix(two, "\n"),
	} {
		got, err := audit.CheckpointNotes(text)
		if err != nil || !slices.Equal(got, []string{one, two}) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"none": "hello\n", "damaged": one + "\n" + strings.Replace(two, "\n9\n", "\nx\n", 1), "cut": one[strings.Index(one, "\n")+1:]} {
		if got, err := audit.CheckpointNotes(text); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Proofs from every entry to every checkpoint hold, survive JSON, and hold for nothing else.
func TestProofs(t *testing.T) {
	t.Parallel()
	m := sealedLog(t, 3, 1, 9)
	signer, vkey := newKey(t, origin)
	_, otherKey := newKey(t, origin)
	var all []audit.Checkpoint
	for size := int64(1); size <= 13; size++ {
		head, err := audit.RootAt(m, size)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, signed(t, head, signer))
	}
	if all[12].Head != m.head {
		t.Fatalf("root by stored hashes %v, sealed %v", all[12].Head, m.head)
	}
	for _, c := range all {
		for i, e := range m.entries {
			p, err := audit.ProveInclusion(m, e, c)
			if int64(i) >= c.Head.Size {
				if !problem.Is(err, problem.Conflict) {
					t.Errorf("entry %d against a checkpoint of %d: %v", i, c.Head.Size, err)
				}
				continue
			}
			text, _ := json.MarshalIndent(p, "", "  ")
			if got, verr := audit.VerifyProof(text, vkey); err != nil || verr != nil || got.Head != c.Head {
				t.Fatalf("entry %d in %d: %v, %v", i, c.Head.Size, err, verr)
			}
		}
		for _, old := range all[:c.Head.Size] {
			p, err := audit.ProveConsistency(m, old, c)
			text, _ := json.Marshal(p)
			if _, verr := audit.VerifyProof(text, vkey); err != nil || verr != nil {
				t.Fatalf("%d in %d: %v, %v", old.Head.Size, c.Head.Size, err, verr)
			}
		}
	}
	last := all[12]
	p, _ := audit.ProveInclusion(m, m.entries[4], last)
	k, _ := audit.ProveConsistency(m, all[4], last)
	moved, edited, short := p, p, p
	moved.Index, edited.Record, short.Proof = 5, m.entries[5].Record(), p.Proof[1:]
	rewritten, bare := k, k
	rewritten.OldRoot, bare.OldRoot, bare.OldCheckpoint = last.Head.Root, last.Head.Root, ""
	for name, proof := range map[string]interface {
		Verify(...string) (audit.Checkpoint, error)
	}{"moved": moved, "edited": edited, "short": short, "rewritten": rewritten, "rewritten without a note": bare} {
		_, err := proof.Verify(vkey)
		_ = tampered(t, name, err)
	}
	_, err := p.Verify(otherKey)
	_ = tampered(t, "other key", err)

	m.entries[4].Actor.Name = "bob"
	_, err = audit.ProveInclusion(m, m.entries[4], last)
	if at := tampered(t, "an edited entry", err); at != nil && at.Index != 4 {
		t.Errorf("names entry %d", at.Index)
	}
	if _, err := audit.ProveConsistency(m, audit.Checkpoint{Head: audit.Head{Size: 14}}, last); !problem.Is(err, problem.Invalid) {
		t.Errorf("a larger old size: %v", err)
	}
}

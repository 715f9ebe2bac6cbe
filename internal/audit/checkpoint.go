package audit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a head of the log under the signature of the log's key. Whoever keeps one elsewhere needs to trust nobody who can
// write the database: no other log of that size or longer fits it.
type Checkpoint struct {
	N      int64     // its number in the store, from 1
	Origin string    // the log's name
	Head   Head      // what it speaks for
	At     time.Time // when it was stored; the note holds no time
	Note   string    // the signed note (C2SP tlog-checkpoint and signed-note), ending in a line break
}

// IsZero tells the checkpoint of a log that has none yet.
func (c Checkpoint) IsZero() bool { return c.Note == "" }

// body is the note's text: origin, size in decimal, root in base64, a line each (C2SP tlog-checkpoint).
func (c Checkpoint) body() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Head.Size, c.Head.Root)
}

// SignCheckpoint signs a head. The first signer names the log; more than one sign where a key hands over to another.
func SignCheckpoint(head Head, signers ...note.Signer) (Checkpoint, error) {
	if head.Size == 0 || len(signers) == 0 {
		return Checkpoint{}, errors.New("signing a checkpoint: it needs an entry and a key")
	}
	c := Checkpoint{Origin: signers[0].Name(), Head: head}
	signed, err := note.Sign(&note.Note{Text: c.body()}, signers...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("signing a checkpoint: %w", err)
	}
	c.Note = string(signed)
	return c, nil
}

// OpenCheckpoint reads a note and checks that one of the verifier keys, under the name of the note's origin, has signed it.
// A note that none of them signed is a *Tampered: it is forged, or the key is another.
func OpenCheckpoint(text string, vkeys ...string) (Checkpoint, error) {
	verifiers, err := parseVerifiers(vkeys)
	if err != nil {
		return Checkpoint{}, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifiers...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return Checkpoint{}, forged(text, "is signed by none of the given keys")
	case errors.As(err, &invalid):
		return Checkpoint{}, forged(text, "has a signature that does not fit it")
	case err != nil:
		return Checkpoint{}, forged(text, "is no signed note")
	}
	c, err := parseBody(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	for _, s := range opened.Sigs {
		if s.Name == c.Origin {
			c.Note = text
			return c, nil
		}
	}
	return Checkpoint{}, forged(text, "is signed under another name than its origin")
}

// Check opens the note of a stored checkpoint and compares it with the size and root that stand beside it.
func (c Checkpoint) Check(vkeys ...string) error {
	opened, err := OpenCheckpoint(c.Note, vkeys...)
	if err != nil {
		return err
	}
	if opened.Head != c.Head {
		return forged(c.Note, "stands in the database beside another size or root")
	}
	return nil
}

func parseVerifiers(vkeys []string) ([]note.Verifier, error) {
	verifiers := make([]note.Verifier, 0, len(vkeys))
	seen := map[string]bool{}
	for _, k := range vkeys {
		k = strings.TrimSpace(k)
		if seen[k] { // note takes two verifiers of one name and hash for a mistake
			continue
		}
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, errors.New("a verifier key is written NAME+ID+KEY, as `rekey audit key` prints it")
		}
		seen[k] = true
		verifiers = append(verifiers, v)
	}
	return verifiers, nil
}

// parseBody reads exactly what body writes: extension lines, other spellings of the number or of base64 are not ours.
func parseBody(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, forged(text, "has not the three lines of a checkpoint")
	}
	head, err := ParseHead(lines[1] + ":" + lines[2])
	c := Checkpoint{Origin: lines[0], Head: head}
	if err != nil || c.body() != text {
		return Checkpoint{}, forged(text, "has not the form of a checkpoint")
	}
	return c, nil
}

// forged is about a note, not an entry.
func forged(text, what string) *Tampered {
	claim, rest, _ := strings.Cut(text, "\n")
	size, _, _ := strings.Cut(rest, "\n")
	if len(claim) > maxName || len(size) > 20 {
		return &Tampered{notAnEntry, "the checkpoint " + what}
	}
	return &Tampered{notAnEntry, fmt.Sprintf("the checkpoint of %q over %q entries %s", line(claim, maxName), line(size, 20), what)}
}

var (
	noteForm = regexp.MustCompile(`(?m)^[^\s+]+\n\d{1,19}\n[A-Za-z0-9+/]{43}=\n\n(?:— \S+ \S+(?:\n|\z))+`)
	sigLine  = regexp.MustCompile(`(?m)^— `)
)

// CheckpointNotes finds the signed notes in a text: one note, a file that REKEY_AUDIT_CHECKPOINT_FILE grew, or a mail. A signature
// line that belongs to no note is an error, so that nothing damaged is passed over.
func CheckpointNotes(text string) ([]string, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	notes := noteForm.FindAllString(text, -1)
	signatures := 0
	for i, n := range notes {
		signatures += len(sigLine.FindAllString(n, -1))
		if !strings.HasSuffix(n, "\n") {
			notes[i] += "\n"
		}
	}
	if len(notes) == 0 || signatures != len(sigLine.FindAllString(text, -1)) {
		return nil, errors.New("there is no checkpoint in it, or a damaged one: a note has three lines, a blank one, and signatures")
	}
	return notes, nil
}

// extends checks by the stored hashes that the log with this head grew out of the one with the old head, and that its root is the one the
// hashes make. It reads some 60 hashes, whatever the log's size.
func extends(read tlog.HashReader, old, head Head) error {
	switch {
	case head.Size < old.Size:
		return &Tampered{head.Size, fmt.Sprintf("is missing: %d entries were signed before, the log was rolled back or cut short", old.Size)}
	case head.Size == 0:
		return nil
	}
	root, err := tlog.TreeHash(head.Size, read)
	if err != nil {
		return fmt.Errorf("reading the hashes of the audit log: %w", err)
	}
	if root != head.Root {
		return &Tampered{head.Size - 1, "does not lead to the stored root"}
	}
	if old.Size == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(head.Size, old.Size, read)
	if err != nil {
		return fmt.Errorf("reading the hashes of the audit log: %w", err)
	}
	if tlog.CheckTree(proof, head.Size, head.Root, old.Size, old.Root) != nil {
		return &Tampered{old.Size - 1, "or one before it differs from what was signed: the log was rewritten"}
	}
	return nil
}

package audit_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
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
		tampered(t, name, err)
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
		tampered(t, name, err)
	}
	_, err := p.Verify(otherKey)
	tampered(t, "other key", err)

	m.entries[4].Actor.Name = "bob"
	_, err = audit.ProveInclusion(m, m.entries[4], last)
	if at := tampered(t, "an edited entry", err); at != nil && at.Index != 4 {
		t.Errorf("names entry %d", at.Index)
	}
	if _, err := audit.ProveConsistency(m, audit.Checkpoint{Head: audit.Head{Size: 14}}, last); !problem.Is(err, problem.Invalid) {
		t.Errorf("a larger old size: %v", err)
	}
}

// vault is a store of keys and checkpoints over the log in memory.
type vault struct {
	*memory
	keys        []audit.SealedKey
	checkpoints []audit.Checkpoint
	acted       int // questions for acts
}

func (v *vault) AuditKeys(context.Context) ([]audit.SealedKey, error) { return v.keys, nil }

func (v *vault) AddAuditKey(_ context.Context, k audit.SealedKey, retire string, _ audit.Entry) (bool, error) {
	for i, old := range v.keys {
		if old.RetiredAt == nil && old.VKey != retire {
			return false, nil
		}
		if old.RetiredAt == nil {
			v.keys[i].RetiredAt = new(time.Time)
		}
	}
	v.keys = slices.Insert(v.keys, 0, k)
	return true, nil
}

func (v *vault) RewrapAuditKeys(_ context.Context, keys []audit.SealedKey, _ audit.Entry) error {
	for _, k := range keys {
		v.keys[slices.IndexFunc(v.keys, func(old audit.SealedKey) bool { return old.VKey == k.VKey })].Sealed = k.Sealed
	}
	return nil
}

func (v *vault) AuditHead(context.Context) (audit.Head, error) { return v.head, v.fail }
func (v *vault) AuditHashes(context.Context) tlog.HashReader   { return v.memory }
func (v *vault) count() int                                    { return len(v.checkpoints) }
func (v *vault) LastCheckpoint(context.Context) (audit.Checkpoint, error) {
	if v.count() == 0 {
		return audit.Checkpoint{}, nil
	}
	return v.checkpoints[v.count()-1], nil
}

func (v *vault) AddCheckpoint(_ context.Context, c audit.Checkpoint) (bool, error) {
	if c.N != int64(v.count()+1) {
		return false, nil
	}
	c.At = time.Now()
	v.checkpoints = append(v.checkpoints, c)
	return true, nil
}

func (v *vault) AuditActed(_ context.Context, from, to int64, actions []audit.Action) (bool, error) {
	v.acted++
	return slices.ContainsFunc(v.entries, func(e audit.Entry) bool {
		return e.Index != nil && *e.Index >= from && *e.Index < to && slices.Contains(actions, e.Action)
	}), nil
}

func (v *vault) grow(t testing.TB, action audit.Action) {
	t.Helper()
	v.insert(1)
	v.entries[len(v.entries)-1].Action = action
	if _, err := v.SealPending(t.Context(), 10, audit.Seal); err != nil {
		t.Fatal(err)
	}
}

func newVault(t testing.TB, master secret.Master) (*vault, *audit.Keys, string) {
	t.Helper()
	v := &vault{memory: &memory{head: audit.EmptyHead()}}
	keys := audit.NewKeys(v, master)
	vkey, err := keys.Ensure(t.Context(), origin, ann)
	if err != nil {
		t.Fatal(err)
	}
	return v, keys, vkey
}

func TestKeys(t *testing.T) {
	t.Parallel()
	ctx, master, next := t.Context(), secret.NewMaster(), secret.NewMaster()
	v, keys, vkey := newVault(t, master)
	if again, err := keys.Ensure(ctx, "renamed.example.org/audit", ann); err != nil || again != vkey {
		t.Errorf("Ensure again = %q, %v, want the same key", again, err)
	}
	old, err := keys.Signer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := keys.Rotate(ctx, origin, ann)
	if err != nil || rotated == vkey {
		t.Fatalf("Rotate = %q, %v", rotated, err)
	}
	v.grow(t, audit.AuditKeyRotate)
	c, err := audit.NewKeeper(v, keys).Handover(ctx, old)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{vkey, rotated} {
		if err := c.Check(k); err != nil {
			t.Errorf("handover under %s: %v", k, err)
		}
	}
	for range 2 { // it may be repeated, as after a crash between this and the signing keys
		if _, err := keys.Rewrap(ctx, next, ann); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := keys.Signer(ctx); !problem.Is(err, problem.Unavailable) {
		t.Errorf("under the old master key: %v", err)
	}
	if got, err := audit.NewKeys(v, next).Verifiers(ctx); err != nil || !cmp.Equal(got, []string{rotated, vkey}) {
		t.Errorf("verifiers %q, %v", got, err)
	}
	_, planted := newKey(t, origin)
	v.keys = append(v.keys, audit.SealedKey{VKey: planted, Sealed: v.keys[0].Sealed, RetiredAt: new(time.Time)})
	if got, _ := audit.NewKeys(v, next).Verifiers(ctx); slices.Contains(got, planted) {
		t.Error("a key planted without the master key is believed")
	}
	for _, bad := range []string{"", "two words", "a+b", "line\nbreak", strings.Repeat("x", 201)} {
		if _, err := keys.Rotate(ctx, bad, ann); !problem.Is(err, problem.Invalid) {
			t.Errorf("origin %q: %v", bad, err)
		}
	}
}

// The keeper signs what grew out of what was signed, and nothing else.
func TestKeeperRefusesAnotherLog(t *testing.T) {
	t.Parallel()
	reseal := func(v *vault, keep int) {
		fresh := &memory{entries: slices.Clone(v.entries[:keep])}
		for i := range fresh.entries {
			fresh.entries[i].Index = nil
		}
		if _, err := fresh.SealPending(context.Background(), 1000, audit.Seal); err != nil {
			panic(err)
		}
		v.entries, v.hashes, v.head = fresh.entries, fresh.hashes, fresh.head
	}
	for name, c := range map[string]struct {
		tamper func(t *testing.T, v *vault)
		fresh  bool // also by a keeper that remembers nothing
	}{
		"rolled back": {func(_ *testing.T, v *vault) { reseal(v, 6) }, true},
		"rewritten":   {func(_ *testing.T, v *vault) { v.entries[2].Actor.Name = "bob"; reseal(v, 12) }, true},
		"head forged": {func(t *testing.T, v *vault) { v.grow(t, audit.AccountPut); v.head.Root[0] ^= 1 }, true},
		"hash changed": {func(t *testing.T, v *vault) {
			v.grow(t, audit.AccountPut)
			v.hashes[tlog.StoredHashIndex(3, 0)][0] ^= 1
		}, true},
		"checkpoint edited":     {func(t *testing.T, v *vault) { v.grow(t, audit.AccountPut); v.checkpoints[0].Head.Root[0] ^= 1 }, true},
		"all of it rolled back": {func(_ *testing.T, v *vault) { reseal(v, 6); v.checkpoints = nil }, false},
		"checkpoint by other": {func(t *testing.T, v *vault) {
			v.grow(t, audit.AccountPut)
			signer, _ := newKey(t, origin)
			v.checkpoints[0].Note = signed(t, v.checkpoints[0].Head, signer).Note
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, keys, _ := newVault(t, secret.NewMaster())
			v.insert(12)
			if _, err := v.SealPending(t.Context(), 100, audit.Seal); err != nil {
				t.Fatal(err)
			}
			keeper := audit.NewKeeper(v, keys)
			if _, made, err := keeper.Make(t.Context()); err != nil || !made {
				t.Fatalf("made %t, %v", made, err)
			}
			if _, made, err := keeper.Make(t.Context()); err != nil || made {
				t.Fatalf("once more of the same: made %t, %v", made, err)
			}
			c.tamper(t, v)
			before := v.count()
			_, _, err := keeper.Make(t.Context())
			tampered(t, "the keeper that signed", err)
			if c.fresh {
				_, _, err := audit.NewKeeper(v, keys).Make(t.Context())
				tampered(t, "a new keeper", err)
			}
			if v.count() != before {
				t.Error("it was signed")
			}
		})
	}
}

// TestKeeperRuns follows one run on a fake clock: at once at first, then hourly while the log grows, and within a minute after an
// activation; a database down is counted and survived.
func TestKeeperRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, keys, _ := newVault(t, secret.NewMaster())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		outcomes := map[string]int{}
		go func() {
			defer close(ended)
			audit.NewKeeper(v, keys).Run(ctx, time.Hour, quiet, func(o string) { outcomes[o]++ })
		}()
		after := func(d time.Duration, want int, what string) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			if v.count() != want {
				t.Errorf("%s: %d checkpoints, want %d", what, v.count(), want)
			}
		}
		after(time.Minute, 0, "an empty log")
		v.grow(t, audit.AccountPut)
		after(time.Minute, 1, "the first entry")
		v.grow(t, audit.AccountPut)
		after(50*time.Minute, 1, "within the hour")
		after(10*time.Minute, 2, "after the hour")
		after(5*time.Hour, 2, "a log that does not grow")
		v.grow(t, audit.AccountPut)
		after(time.Minute, 3, "hours later")
		v.grow(t, audit.CampaignActivate)
		after(time.Minute, 4, "an activation")
		v.fail = errors.New("database down")
		v.growUnseen(t)
		after(time.Minute, 4, "while the database is down")
		v.fail = nil
		after(time.Hour, 5, "after it came back")
		stop()
		<-ended
		if outcomes[audit.CheckpointMade] != 5 || outcomes[audit.CheckpointFailed] < 3 || outcomes[audit.CheckpointRefused] != 0 {
			t.Errorf("outcomes %v", outcomes)
		}
	})
}

// growUnseen grows a log that is down for others.
func (v *vault) growUnseen(t testing.TB) {
	t.Helper()
	down := v.fail
	v.fail = nil
	v.grow(t, audit.AccountPut)
	v.fail = down
}

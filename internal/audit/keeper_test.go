package audit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// vault is a store of keys and checkpoints over the log in memory.
type vault struct {
	*memory
	keys        []audit.SealedKey
	checkpoints []audit.Checkpoint
	asked       int64 // from where on acts were asked for last

	turn atomic.Int64 // orders the test's writes before the run's reads: on a fake clock nothing else that the race detector sees does
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

func (v *vault) AuditHead(context.Context) (audit.Head, error) {
	v.turn.Load()
	return v.head, v.fail
}

func (v *vault) AuditHashes(context.Context) tlog.HashReader { return v.memory }
func (v *vault) count() int                                  { return len(v.checkpoints) }
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
	v.asked = from
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
			_ = tampered(t, "the keeper that signed", err)
			if c.fresh {
				_, _, err := audit.NewKeeper(v, keys).Make(t.Context())
				_ = tampered(t, "a new keeper", err)
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
			v.turn.Add(1)
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
		if v.asked != 2 {
			t.Errorf("it reads entries from %d on again and again", v.asked)
		}
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

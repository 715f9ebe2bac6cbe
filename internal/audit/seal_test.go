package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// memory is a store: entries in order of ID, the stored hashes and the head.
type memory struct {
	mu      sync.Mutex
	entries []audit.Entry
	hashes  []tlog.Hash
	head    audit.Head
	reads   int
	fail    error
}

func (m *memory) insert(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		id := int64(len(m.entries) + 1)
		e := audit.New(ann, audit.AccountPut, fmt.Sprintf("account/%d", id), audit.Detail{"n": id})
		e.ID, e.At = id, time.Unix(1_300_000_000+id, 1000).UTC()
		m.entries = append(m.entries, e)
	}
}

func (m *memory) ReadHashes(at []int64) ([]tlog.Hash, error) {
	m.reads++
	var out []tlog.Hash
	for _, i := range at {
		out = append(out, m.hashes[i])
	}
	return out, nil
}

func (m *memory) SealPending(_ context.Context, limit int, seal audit.SealFunc) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return 0, m.fail
	}
	from := int(m.head.Size)
	batch := m.entries[from:min(len(m.entries), from+limit)]
	sealed, err := seal(m.head.Size, m, slices.Clone(batch))
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	if sealed.First != m.head.Size || sealed.HashesAt != int64(len(m.hashes)) {
		return 0, fmt.Errorf("seal starts at %d, hash %d", sealed.First, sealed.HashesAt)
	}
	for i := range batch {
		index := sealed.First + int64(i)
		batch[i].Index = &index
	}
	m.hashes, m.head = append(m.hashes, sealed.Hashes...), sealed.Head
	return len(batch), nil
}

func (m *memory) stored() audit.Stored {
	return audit.Stored{Head: m.head, Entries: all(m.entries), Hashes: func(yield func(tlog.Hash, error) bool) {
		for _, h := range m.hashes {
			if !yield(h, nil) {
				return
			}
		}
	}}
}

func (m *memory) copy() *memory {
	return &memory{entries: slices.Clone(m.entries), hashes: slices.Clone(m.hashes), head: m.head}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func sealedLog(t *testing.T, sizes ...int) *memory {
	t.Helper()
	m := &memory{}
	for _, n := range sizes {
		m.insert(n)
		if got, err := audit.NewSequencer(m, quiet).SealOnce(t.Context()); err != nil || got != n {
			t.Fatalf("SealOnce = %d, %v, want %d", got, err, n)
		}
	}
	return m
}

// TestSealAgreesWithTlog holds the stored hashes and the root to the reference implementation at every size, however the
// entries were batched, and lets it prove and check the inclusion of each entry.
func TestSealAgreesWithTlog(t *testing.T) {
	t.Parallel()
	m := &memory{}
	var want []tlog.Hash
	reference := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range at {
			out = append(out, want[i])
		}
		return out, nil
	})
	for _, batch := range []int{0, 1, 1, 2, 3, 1, 7, 16, 0, 33, 2} {
		from := len(m.entries)
		m.insert(batch)
		if _, err := m.SealPending(t.Context(), 1000, audit.Seal); err != nil {
			t.Fatal(err)
		}
		for i, e := range m.entries[from:] {
			h, err := tlog.StoredHashes(int64(from+i), e.Record(), reference)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, h...)
		}
		root, err := tlog.TreeHash(int64(len(m.entries)), reference)
		if err != nil || !slices.Equal(want, m.hashes) || (len(m.entries) > 0 && root != m.head.Root) {
			t.Fatalf("at size %d: hashes or root differ from tlog's (%v)", len(m.entries), err)
		}
	}
	for i, e := range m.entries {
		proof, err := tlog.ProveRecord(m.head.Size, int64(i), m)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, m.head.Size, m.head.Root, int64(i), tlog.RecordHash(e.Record())); err != nil {
			t.Errorf("inclusion of entry %d: %v", i, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	m := sealedLog(t, 3)
	if _, err := audit.Seal(3, m, m.entries[:1]); err == nil {
		t.Error("an entry was sealed twice")
	}
	lost := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, errors.New("connection lost") })
	if _, err := audit.Seal(3, lost, nil); err == nil {
		t.Error("sealed without the tree's edge")
	}
	short := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, nil })
	if _, err := audit.Seal(3, short, nil); err == nil {
		t.Error("sealed on a tree with missing hashes")
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	good := sealedLog(t, 5, 8)
	early := sealedLog(t, 5).head
	edit := func(i int, f func(*audit.Entry)) func(*memory) {
		return func(m *memory) { f(&m.entries[i]) }
	}
	renumber := func(m *memory) {
		for i := range m.entries {
			index := int64(i)
			m.entries[i].Index = &index
		}
	}
	reseal := func(m *memory) { // what somebody who can write all three tables would do
		fresh := &memory{entries: m.entries}
		for i := range fresh.entries {
			fresh.entries[i].Index = nil
		}
		if _, err := fresh.SealPending(context.Background(), 1000, audit.Seal); err != nil {
			panic(err)
		}
		*m = memory{entries: fresh.entries, hashes: fresh.hashes, head: fresh.head}
	}
	const untouched = -1
	for name, c := range map[string]struct {
		tamper func(*memory)
		index  int64
	}{
		"untouched":              {func(*memory) {}, untouched},
		"actor edited":           {edit(6, func(e *audit.Entry) { e.Actor.Name = "bob" }), 6},
		"action edited":          {edit(0, func(e *audit.Entry) { e.Action = audit.AuditVerify }), 0},
		"object edited":          {edit(12, func(e *audit.Entry) { e.Object = "account/1" }), 12},
		"outcome edited":         {edit(3, func(e *audit.Entry) { e.Outcome = audit.Refused }), 3},
		"time edited":            {edit(4, func(e *audit.Entry) { e.At = e.At.Add(time.Microsecond) }), 4},
		"detail edited":          {edit(5, func(e *audit.Entry) { e.Detail = audit.Detail{"n": 7} }), 5},
		"request edited":         {edit(5, func(e *audit.Entry) { e.RequestID = "x" }), 5},
		"removed":                {func(m *memory) { m.entries = slices.Delete(m.entries, 7, 8) }, 7},
		"removed and renumbered": {func(m *memory) { m.entries = slices.Delete(m.entries, 7, 8); renumber(m) }, 7},
		"swapped":                {func(m *memory) { m.entries[2], m.entries[9] = m.entries[9], m.entries[2]; renumber(m) }, 2},
		"inserted":               {func(m *memory) { m.entries = slices.Insert(m.entries, 4, m.entries[1]); renumber(m) }, 4},
		"twice":                  {func(m *memory) { m.entries = slices.Insert(m.entries, 4, m.entries[3]) }, 3},
		"last removed":           {func(m *memory) { m.entries = m.entries[:12] }, 12},
		"all removed":            {func(m *memory) { m.entries = nil }, 0},
		"unsealed by hand":       {edit(8, func(e *audit.Entry) { e.Index = nil }), 8},
		"appended past the head": {func(m *memory) { m.entries = append(m.entries, m.entries[0]); renumber(m) }, 13},
		"head set back":          {func(m *memory) { m.head.Size-- }, 12},
		"root edited":            {func(m *memory) { m.head.Root[0] ^= 1 }, 12},
		"leaf hash edited":       {func(m *memory) { m.hashes[tlog.StoredHashIndex(0, 9)][5] ^= 1 }, 9},
		"tree hash edited":       {func(m *memory) { m.hashes[tlog.StoredHashIndex(3, 0)][5] ^= 1 }, 7},
		"hash lost":              {func(m *memory) { m.hashes = m.hashes[:len(m.hashes)-1] }, 12},
		"hash too many":          {func(m *memory) { m.hashes = append(m.hashes, tlog.Hash{}) }, 13},
		"rewritten as a whole":   {func(m *memory) { m.entries[1].Actor.Name = "bob"; reseal(m) }, 4},
		"cut and resealed":       {func(m *memory) { m.entries = m.entries[:3]; reseal(m) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := good.copy()
			c.tamper(m)
			err := audit.Verify(m.stored(), good.head, early)
			if c.index == untouched {
				if err != nil {
					t.Errorf("Verify = %v", err)
				}
				return
			}
			var found *audit.Tampered
			if !errors.As(err, &found) || found.Index != c.index {
				t.Errorf("Verify = %v, want entry %d named", err, c.index)
			}
		})
	}
}

func TestVerifyReportsReadErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	m := sealedLog(t, 4)
	entries, hashes := m.stored(), m.stored()
	entries.Entries = func(yield func(audit.Entry, error) bool) { yield(audit.Entry{}, lost) }
	hashes.Hashes = func(yield func(tlog.Hash, error) bool) { yield(tlog.Hash{}, lost) }
	for name, s := range map[string]audit.Stored{"entries": entries, "hashes": hashes} {
		var tampered *audit.Tampered
		if err := audit.Verify(s); !errors.Is(err, lost) || errors.As(err, &tampered) {
			t.Errorf("%s: Verify = %v, want the read error and no accusation", name, err)
		}
	}
	if err := audit.Verify((&memory{head: audit.EmptyHead()}).stored(), audit.EmptyHead()); err != nil {
		t.Errorf("an empty log: %v", err)
	}
}

func TestHeadRoundTrip(t *testing.T) {
	t.Parallel()
	head := sealedLog(t, 5).head
	if got, err := audit.ParseHead(head.String() + "\n"); err != nil || got != head {
		t.Errorf("ParseHead(%q) = %v, %v", head, got, err)
	}
	for _, bad := range []string{"", "5", "5:", "-1:" + head.Root.String(), "x:" + head.Root.String(), "5:AAAA"} {
		if _, err := audit.ParseHead(bad); err == nil {
			t.Errorf("ParseHead(%q) was taken", bad)
		}
	}
}

// TestSealReadsOnce holds the cost of a batch: one read of the stored hashes, whatever its size.
func TestSealReadsOnce(t *testing.T) {
	t.Parallel()
	m := sealedLog(t, 1_023)
	m.reads = 0
	m.insert(10_000)
	if n, err := audit.NewSequencer(m, quiet).SealOnce(t.Context()); err != nil || n != 10_000 {
		t.Fatalf("SealOnce = %d, %v", n, err)
	}
	if m.reads > 11 {
		t.Errorf("%d reads for ten batches", m.reads)
	}
	if err := audit.Verify(m.stored()); err != nil {
		t.Error(err)
	}
}

func (m *memory) sealed() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head.Size
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// TestSequencerRuns follows one run on a fake clock: within a second, through a failure, and once more at the end.
func TestSequencerRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); audit.NewSequencer(m, quiet).Run(ctx) }()
		after := func(d time.Duration) { <-time.After(d); synctest.Wait() }

		m.insert(3)
		after(time.Second)
		if got := m.sealed(); got != 3 {
			t.Errorf("%d sealed within a second, want 3", got)
		}
		m.breakWith(errors.New("database down"))
		m.insert(2)
		after(10 * time.Minute)
		m.breakWith(nil)
		after(30 * time.Second)
		if got := m.sealed(); got != 5 {
			t.Errorf("%d sealed after the failure, want 5", got)
		}
		m.insert(1)
		stop()
		<-ended
		if got := m.sealed(); got != 6 {
			t.Errorf("%d sealed at the end, want 6", got)
		}
	})
}

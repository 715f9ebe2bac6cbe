package audit_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/seed-1c168855/rekey/internal/audit"
)

func exportOf(t testing.TB, entries []audit.Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := audit.WriteNDJSON(&b, all(entries)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func renumbered(entries []audit.Entry) []audit.Entry {
	out := slices.Clone(entries)
	for i := range out {
		index := int64(i)
		out[i].Index = &index
	}
	return out
}

// Whatever is done to an export shows against the checkpoint, and an older export says where. The older one has the first ten
// of thirteen entries; a checkpoint of five was kept too.
func TestExportVerifies(t *testing.T) {
	t.Parallel()
	m := sealedLog(t, 5, 5, 3)
	signer, _ := newKey(t, origin)
	early, last := signed(t, mustRoot(t, m, 5), signer), signed(t, m.head, signer)
	older := exportOf(t, m.entries[:10])
	lines := strings.SplitAfter(exportOf(t, m.entries), "\n")
	edit := func(i int, f func(*audit.Entry)) func() string {
		return func() string {
			entries := slices.Clone(m.entries)
			f(&entries[i])
			return exportOf(t, entries)
		}
	}
	const untouched = -2
	for name, c := range map[string]struct {
		export    func() string
		alone, to int64 // the entry named without and with the older export
		says      string
	}{
		"untouched":           {func() string { return exportOf(t, m.entries) }, untouched, untouched, ""},
		"detail edited":       {edit(6, func(e *audit.Entry) { e.Detail = audit.Detail{"n": 99} }), 12, 6, "edited"},
		"time edited":         {edit(3, func(e *audit.Entry) { e.At = e.At.Add(1e9) }), 4, 3, "edited"},
		"edited in the text":  {func() string { return strings.Replace(exportOf(t, m.entries), `"account/8"`, `"account/1"`, 1) }, 7, 7, "edited"},
		"removed":             {func() string { return strings.Join(slices.Delete(slices.Clone(lines), 7, 8), "") }, 7, 7, "missing"},
		"removed, renumbered": {func() string { return exportOf(t, renumbered(slices.Delete(slices.Clone(m.entries), 7, 8))) }, 12, 7, "removed"},
		"first removed":       {func() string { return strings.Join(lines[1:], "") }, 0, 0, "missing"},
		"last removed":        {func() string { return strings.Join(lines[:12], "") }, 12, 12, "cut short"},
		"all removed":         {func() string { return "" }, 0, 0, "cut short"},
		"tail removed":        {func() string { return exportOf(t, m.entries[:5]) }, 5, 5, "cut short"},
		"lines swapped":       {func() string { l := slices.Clone(lines); l[2], l[3] = l[3], l[2]; return strings.Join(l, "") }, 2, 2, "missing"},
		"swapped, renumbered": {func() string {
			e := slices.Clone(m.entries)
			e[7], e[8] = e[8], e[7]
			return exportOf(t, renumbered(e))
		}, 12, 7, "exchanged"},
		"inserted": {func() string { return exportOf(t, renumbered(slices.Insert(slices.Clone(m.entries), 6, m.entries[1]))) }, 12, 6, "inserted"},
		"twice":    {func() string { return lines[0] + strings.Join(lines, "") }, 0, 0, "twice"},
		"added":    {func() string { return exportOf(t, renumbered(append(slices.Clone(m.entries), m.entries[0]))) }, 13, 13, "one more"},
		"damaged": {func() string {
			return strings.Replace(lines[0], `"leaf":`, `"leaf": `, 1) + strings.Join(lines[1:], "")
		}, -1, -1, "damaged"},
		"key twice": {func() string {
			return strings.Replace(lines[0], `{"index":0`, `{"index":7,"index":0`, 1) + strings.Join(lines[1:], "")
		}, -1, -1, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, with := range []bool{false, true} {
				x := audit.Export{Lines: strings.NewReader(c.export()), Checkpoints: []audit.Checkpoint{last, early}}
				want := c.alone
				if with {
					x.Older, want = strings.NewReader(older), c.to
				}
				found, err := x.Verify()
				var tampered *audit.Tampered
				switch {
				case want == untouched:
					if err != nil || found.Head != m.head || found.Newer != 0 || found.Unsealed != 0 {
						t.Errorf("%+v, %v", found, err)
					}
				case err == nil || with && !strings.Contains(err.Error(), c.says):
					t.Errorf("older %t: %v, want it %s", with, err, c.says)
				case want >= 0 && (!errors.As(err, &tampered) || tampered.Index != want):
					t.Errorf("older %t: %v, want entry %d named", with, err, want)
				}
			}
		})
	}
}

func mustRoot(t testing.TB, m *memory, size int64) audit.Head {
	t.Helper()
	head, err := audit.RootAt(m, size)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestExportAroundItsCheckpoint(t *testing.T) {
	t.Parallel()
	m := sealedLog(t, 8)
	var signer note.Signer
	signer, _ = newKey(t, origin)
	c := signed(t, mustRoot(t, m, 6), signer)
	m.insert(2) // wait to be sealed
	text := exportOf(t, m.entries)
	verify := func(x audit.Export) (audit.Exported, error) {
		x.Checkpoints = append(x.Checkpoints, c)
		return x.Verify()
	}
	_, err := verify(audit.Export{Lines: strings.NewReader(text)})
	_ = tampered(t, "two entries more than were signed", err)
	found, err := verify(audit.Export{Lines: strings.NewReader(text), AllowNewer: true})
	if err != nil || found.Newer != 2 || found.Unsealed != 2 || found.Head != c.Head {
		t.Errorf("%+v, %v", found, err)
	}
	changed := slices.Clone(m.entries)
	changed[3].Actor.Name = "bob"
	_, err = verify(audit.Export{Lines: strings.NewReader(text), Older: strings.NewReader(exportOf(t, changed)), AllowNewer: true})
	if at := tampered(t, "an older export that is the false one", err); at != nil && (at.Index != 3 || !strings.Contains(at.What, "older")) {
		t.Errorf("%v", err)
	}
	if _, err := (audit.Export{Lines: strings.NewReader(text)}).Verify(); err == nil {
		t.Error("verified against nothing")
	}
}

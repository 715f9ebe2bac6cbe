package breached

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/FastFilter/xorfilter"
)

// Every password that counts is found; others are at the rate stated, and are not once the ordered file confirms.
func TestFilter(t *testing.T) {
	t.Parallel()
	all := list(5000)
	content := text(all, "\r\n")
	sorted := openSorted(t, write(t, content), 3)
	for _, bits := range []int{8, 16} {
		path, info := build(t, content, Options{Bits: bits, MinCount: 3, shard: 900})
		counted := 0
		f := open(t, path)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f.file = bytes.NewReader(raw)
		for _, l := range all {
			if l.count >= 3 {
				counted++
				if !ask(t, f, l.pw) || !ask(t, Confirm(f, sorted), l.pw) {
					t.Fatalf("%d bits: %q is in the list and not found", bits, l.pw)
				}
			}
		}
		if info != f.Info() || info.Entries != uint64(counted) || info.Skipped != uint64(len(all)-counted) || info.MinCount != 3 || info.Bytes != int64(len(raw)) {
			t.Errorf("%d entries of %d: %+v, in the file %+v", counted, len(all), info, f.Info())
		}
		const strangers = 100_000
		wrong := 0
		for i := range strangers {
			pw := fmt.Sprintf("a stranger %d", i)
			if ask(t, f, pw) {
				wrong++
				if ask(t, Confirm(f, sorted), pw) {
					t.Fatalf("%d bits: %q is confirmed and not in the list", bits, pw)
				}
			}
		}
		expected := info.FalsePositives() * strangers // 391 or 1.5; five standard deviations
		if low, high := int(expected*0.75)-1, int(expected*1.25)+8; wrong < low || wrong > high {
			t.Errorf("%d bits: %d false positives, want %d to %d", bits, wrong, low, high)
		}
		t.Logf("%d bits: %.2f bytes an entry, %d false positives in %d", bits, float64(info.Bytes)/float64(info.Entries), wrong, strangers)
	}
}

// Our arithmetic is the library's, for keys in the set and for any others.
func TestFilterAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 10, 1000} {
		all := list(n)
		path, _ := build(t, text(all, "\n"), Options{Bits: 8})
		var keys []uint64
		for _, l := range all {
			keys = append(keys, keyOf(l.hash))
		}
		theirs, err := xorfilter.NewBinaryFuse[uint8](keys)
		if err != nil {
			t.Fatal(err)
		}
		f := open(t, path)
		random := rand.New(rand.NewPCG(1, uint64(n)))
		for range 3000 {
			key := max(random.Uint64(), keys[0]) // before the first shard ours knows better
			ours, err := f.holds(key)
			if err != nil || ours != theirs.Contains(key) {
				t.Fatalf("%d keys: %x: ours %v %v", n, key, ours, err)
			}
		}
	}
}

func TestPasswordsAreNormalised(t *testing.T) {
	t.Parallel()
	one := listed{pw: "cafe\u0301 under the chestnut", count: 1, hash: hashOf("caf\u00e9 under the chestnut")}
	content := text([]listed{one}, "\n")
	path, _ := build(t, content, Options{Bits: 16})
	for name, s := range map[string]Source{"filter": open(t, path), "sorted": openSorted(t, write(t, content), 1)} {
		if !ask(t, s, one.pw) || !ask(t, s, "caf\u00e9 under the chestnut") || ask(t, s, "cafe under the chestnut") {
			t.Errorf("%s: the forms of one password are told apart", name)
		}
	}
}

// A file with any byte changed, cut short, grown or of another kind is refused.
func TestDamagedFiltersAreRefused(t *testing.T) {
	t.Parallel()
	path, _ := build(t, text(list(50), "\n"), Options{Bits: 16, shard: 20})
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string, content []byte) {
		t.Helper()
		f, err := OpenFilter(write(t, string(content)))
		if err == nil {
			_ = f.Close()
			t.Errorf("%s: taken", name)
		}
	}
	for i := range good {
		damaged := bytes.Clone(good)
		damaged[i] ^= 0x10
		refused(fmt.Sprintf("byte %d", i), damaged)
	}
	refused("cut", good[:len(good)-1])
	refused("header alone", good[:headerSize])
	refused("half a header", good[:headerSize/2])
	refused("grown", append(bytes.Clone(good), 0))
	refused("empty", nil)
	refused("the download itself", []byte(text(list(50), "\n")))
	if _, err := OpenFilter(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A filter that can no longer be read says so; it does not say that the password is fine.
func TestFilterThatGoesAway(t *testing.T) {
	t.Parallel()
	content := text(list(50), "\n")
	path, _ := build(t, content, Options{Bits: 16})
	f, s := open(t, path), openSorted(t, write(t, content), 1)
	if err := errors.Join(f.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]Source{"filter": f, "sorted": s, "both": Confirm(f, s)} {
		if found, err := source.Breached("exposed number 7"); err == nil || found || strings.Contains(err.Error(), "exposed number") {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
}

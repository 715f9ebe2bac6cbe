package breached

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listed is a password in a made-up list.
type listed struct {
	pw    string
	count uint64
	hash  [20]byte
}

// list makes n passwords in order of hash, found in 1 to 9 places.
func list(n int) []listed {
	all := make([]listed, n)
	for i := range all {
		all[i] = listed{pw: fmt.Sprintf("exposed number %d", i), count: uint64(i%9 + 1)}
		all[i].hash = hashOf(all[i].pw)
	}
	slices.SortFunc(all, func(a, b listed) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return all
}

// text is the list as it is downloaded, with the line ends given.
func text(all []listed, end string) string {
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintf(&b, "%s:%d%s", strings.ToUpper(hex.EncodeToString(l.hash[:])), l.count, end)
	}
	return b.String()
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func build(t *testing.T, content string, o Options) (path string, info Info) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "filter")
	info, err := Build(t.Context(), ReadRows(strings.NewReader(content)), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, info
}

func open(t *testing.T, path string) *Filter {
	t.Helper()
	f, err := OpenFilter(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func openSorted(t *testing.T, path string, least uint64) *Sorted {
	t.Helper()
	s, err := OpenSorted(path, least)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func ask(t *testing.T, s Source, pw string) bool {
	t.Helper()
	found, err := s.Breached(pw)
	if err != nil {
		t.Fatalf("asking for %q: %v", pw, err)
	}
	return found
}

// The list as one file, with other line ends, letters or a mark at its start, and in files by prefix, makes the same filter.
func TestFormsOfTheDownload(t *testing.T) {
	t.Parallel()
	all := list(300)
	_, want := build(t, text(all, "\n"), Options{Bits: 16})
	for name, content := range map[string]string{
		"CRLF":       text(all, "\r\n"),
		"lower case": strings.ToLower(text(all, "\n")),
		"BOM":        "\ufeff" + text(all, "\r\n"),
		"no end":     strings.TrimSuffix(text(all, "\n"), "\n"),
	} {
		if _, got := build(t, content, Options{Bits: 16}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	dir := t.TempDir()
	byPrefix := map[string]string{"README.md": "not a prefix"}
	for _, line := range strings.Split(strings.TrimSpace(text(all, "\r\n")), "\r\n") {
		byPrefix[line[:5]+".txt"] += line[5:] + "\r\n"
	}
	for name, content := range byPrefix {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows, files, err := ReadPrefixes(dir)
	if err != nil || files != len(byPrefix)-1 {
		t.Fatalf("%d files: %v", files, err)
	}
	if got, err := Build(t.Context(), rows, filepath.Join(t.TempDir(), "filter"), Options{Bits: 16}); err != nil || got != want {
		t.Errorf("by prefix: %+v %v, want %+v", got, err, want)
	}
}

// What is no list makes no filter, leaves the older one, and is not repeated in the error.
func TestBadListsAreRefused(t *testing.T) {
	t.Parallel()
	all := list(3)
	slices.SortFunc(all, func(a, b listed) int { return -cmp.Compare(keyOf(a.hash), keyOf(b.hash)) })
	const secret = "hunter2hunter2"
	for name, content := range map[string]string{
		"order":       text(all, "\n"),
		"empty":       "",
		"none counts": "0000000000000000000000000000000000000001:0\n",
		"NTLM":        "00000000000000000000000000000001:5\n",
		"no count":    "0000000000000000000000000000000000000001\n",
		"bad count":   "0000000000000000000000000000000000000001:" + secret + "\n",
		"passwords":   secret + "\n",
		"not hex":     "000000000000000000000000000000000000000g:1\n",
		"blank line":  text(list(1), "\n") + "\n",
		"long line":   strings.Repeat("0", 1<<17),
	} {
		path := write(t, "older")
		_, err := Build(t.Context(), ReadRows(strings.NewReader(content)), path, Options{Bits: 8})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadFile(path); string(left) != "older" {
			t.Errorf("%s: the older filter is gone", name)
		}
		if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
			t.Errorf("%s: something was left behind", name)
		}
	}
	if _, _, err := ReadPrefixes(t.TempDir()); err == nil {
		t.Error("an empty directory was taken")
	}
}

// The ordered file answers exactly, whatever its length, for its first, last and every line, and for what lies between.
func TestSorted(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 7, 100, 2500} {
		all := list(n)
		for _, end := range []string{"\n", "\r\n"} {
			content := text(all, end)
			for _, c := range []string{content, strings.TrimSuffix(content, end)} {
				s := openSorted(t, write(t, c), 5)
				for _, l := range all {
					if got := ask(t, s, l.pw); got != (l.count >= 5) {
						t.Fatalf("%d lines: %q found in %d places: %v", n, l.pw, l.count, got)
					}
				}
				for i := range 100 {
					if ask(t, s, fmt.Sprintf("not in the list %d", i)) {
						t.Fatalf("%d lines: a stranger was found", n)
					}
				}
			}
		}
	}
	backwards := list(50)
	slices.Reverse(backwards)
	for name, content := range map[string]string{"empty": "", "passwords": "one\ntwo\n", "order": text(backwards, "\n"), "one line": strings.Repeat("0", 5000)} {
		if s, err := OpenSorted(write(t, content), 1); err == nil {
			_ = s.Close()
			t.Errorf("%s: taken", name)
		}
	}
}

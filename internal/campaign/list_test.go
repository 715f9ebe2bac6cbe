package campaign

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// lower is a key for tests: anything with one @ inside is an address.
func lower(address string) (string, error) {
	if at := strings.IndexByte(address, '@'); at < 1 || at != strings.LastIndexByte(address, '@') || at == len(address)-1 {
		return "", errors.New("no address")
	}
	return strings.ToLower(address), nil
}

// readAll gives the lines as "no key" or "no !value" for invalid ones.
func readAll(t interface{ Fatal(...any) }, text string) (*List, []string) {
	l, err := ReadList(strings.NewReader(text), lower)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for {
		line, err := l.Next()
		if errors.Is(err, io.EOF) {
			return l, lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if line.Outcome == Invalid {
			lines = append(lines, fmt.Sprintf("%d !%s", line.No, line.Value))
			continue
		}
		lines = append(lines, fmt.Sprintf("%d %s", line.No, line.Key))
	}
}

func TestReadList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"plain":                  {"email\na@b\nC@d", []string{"2 a@b", "3 c@d"}},
		"mark, CRLF and blanks":  {"\ufeffemail\r\n a@b \r\n\r\n  \r\nc@d\r\n", []string{"2 a@b", "5 c@d"}},
		"quoted header":          {"\"name\",\"Email\"\nx,a@b\n", []string{"2 a@b"}},
		"subject wins":           {"email,subject\na@b,s-1\na@b,\n", []string{"2 s-1", "3 !"}},
		"subjects are exact":     {"subject\n S-1 \n\"a,b\"\n", []string{"2  S-1 ", "3 a,b"}},
		"subject too long":       {"subject\n" + strings.Repeat("x", 256) + "\n", []string{"2 !" + strings.Repeat("x", 256)}},
		"a field over two lines": {"note,email\n\"one\ntwo\",a@b\nx,c@d\n", []string{"2 a@b", "4 c@d"}},
		"open quote":             {"note,email\n\"one,a@b\nx,c@d\ny,e@f\n", []string{"2 !\"one,a@b", "3 c@d", "4 e@f"}},
		"two open quotes":        {"note,email\n\"one,a@b\nx\"y,c@d\nz,e@f\n", []string{"2 !\"one,a@b", "3 !x\"y,c@d", "4 e@f"}},
		"short row":              {"note,email\nx\ny,a@b\n", []string{"2 !x", "3 a@b"}},
		"not UTF-8, NUL":         {"email\na\xff@b\na\x00@b\nc@d\n", []string{"2 !a\ufffd@b", "3 !a\ufffd@b", "4 c@d"}},
		"endless line":           {"email\n" + strings.Repeat("a", 3*maxLine) + "\nc@d\n", []string{"2 !" + strings.Repeat("a", maxValue) + "…", "3 c@d"}},
		"header alone":           {"email", nil},
	} {
		l, lines := readAll(t, c.text)
		if diff := cmp.Diff(c.want, lines); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if sum := sha256.Sum256([]byte(c.text)); l.SHA256() != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: the digest is not that of the bytes", name)
		}
	}
	for name, text := range map[string]string{"empty": "", "no header": "a@b\nc@d\n", "other columns": "mail,name\n", "broken header": "\"email\na@b\n"} {
		if _, err := ReadList(strings.NewReader(text), lower); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

// TestNothingLost throws broken quoting at the reader: whatever it does to the other fields, each unquoted address of a line of its own is
// read, and every line is answered for.
func TestNothingLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		noise := rapid.SliceOfN(rapid.SampledFrom([]string{`"`, `x"`, `"x`, `""`, "x", ",", "x,y"}), 0, 8).Draw(r, "noise")
		text := "email\n" + strings.Join(noise, "\n") + "\n" + strings.Repeat("\n", len(noise)) + "last@example.com\n"
		_, lines := readAll(r, text)
		if len(lines) == 0 {
			r.Fatal("no line was read")
		}
		last := fmt.Sprintf("%d last@example.com", 1+max(len(noise), 1)+len(noise)+1)
		if lines[len(lines)-1] != last {
			r.Fatalf("the last line of %q is %q, want %q", text, lines[len(lines)-1], last)
		}
		if quoted := strings.Contains(strings.Join(noise, ""), `"`); !quoted && len(lines) != len(noise)+1 {
			r.Fatalf("%d lines of %d", len(lines), len(noise)+1)
		}
	})
}

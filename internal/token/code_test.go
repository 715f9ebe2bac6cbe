package token

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/secret"
)

var codeForm = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$`)

func TestCodeVector(t *testing.T) {
	t.Parallel()
	raw := make([]byte, secret.Size)
	for i := range raw {
		raw[i] = byte(i)
	}
	master, err := secret.ParseMaster(base64.StdEncoding.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := NewCoder(master).Code(42, 3, 5, time.Hour, now); got != codeVector {
		t.Errorf("%s, want %s", got, codeVector)
	}
}

// A code is accepted in every second the link beside it lives, at most one window longer, and never before it is made.
func TestCodeLivesAsLongAsItsLink(t *testing.T) {
	t.Parallel()
	coder, ring := NewCoder(secret.NewMaster()), newRing(t, newKey(t, now))
	rapid.Check(t, func(t *rapid.T) {
		life := Life(rapid.Int64Range(1, 24*3600).Draw(t, "life")) * time.Second
		issued := now.Add(time.Duration(rapid.Int64Range(0, 2*3600).Draw(t, "issued")) * time.Second)
		at := issued.Add(time.Duration(rapid.Int64Range(0, 27*3600).Draw(t, "at")) * time.Second)
		code := coder.Code(42, 3, 5, life, issued)
		matches := coder.Matches(code, 42, 3, 5, []Life{30 * time.Minute, life}, at)
		token, _, err := ring.Mint(42, 7, 3, 5, issued, life)
		if err != nil {
			t.Fatal(err)
		}
		_, linkErr := ring.Parse(token, at)
		if linkErr == nil && !matches {
			t.Fatalf("the link lives, the code is refused")
		}
		if matches && !at.Before(issued.Add(life+codeWindow)) {
			t.Fatalf("the code outlives its link by more than a window")
		}
		if early := issued.Add(-codeWindow); coder.Matches(code, 42, 3, 5, []Life{life}, early) {
			t.Fatalf("accepted in a window before its own")
		}
	})
}

func TestCodeIsBoundToEverything(t *testing.T) {
	t.Parallel()
	master := secret.NewMaster()
	coder := NewCoder(master)
	lives := []Life{MaxLife, time.Hour}
	for _, life := range lives {
		code := coder.Code(42, 3, 5, life, now)
		if !codeForm.MatchString(code) {
			t.Errorf("form: %s", code)
		}
		if !coder.Matches(code, 42, 3, 5, lives, now) || !NewCoder(master).Matches(code, 42, 3, 5, lives, now) {
			t.Errorf("%v: the right code is refused", life)
		}
		deny := func(name string, matches bool) {
			t.Helper()
			if matches {
				t.Errorf("%v: accepted with %s", life, name)
			}
		}
		deny("another account", coder.Matches(code, 43, 3, 5, lives, now))
		deny("another version", coder.Matches(code, 42, 4, 5, lives, now))
		deny("another epoch", coder.Matches(code, 42, 3, 6, lives, now))
		deny("version and epoch swapped", coder.Matches(code, 42, 5, 3, lives, now))
		deny("another master key", NewCoder(secret.NewMaster()).Matches(code, 42, 3, 5, lives, now))
		deny("no lives", coder.Matches(code, 42, 3, 5, nil, now))
		deny("other lives", coder.Matches(code, 42, 3, 5, []Life{2 * time.Hour, life + time.Second}, now))
		deny("too long a life", coder.Matches(coder.Code(42, 3, 5, MaxLife+time.Second, now), 42, 3, 5, []Life{MaxLife + time.Second}, now))
		deny("no life", coder.Matches(coder.Code(42, 3, 5, 0, now), 42, 3, 5, []Life{0, -time.Hour}, now))
		deny("no account", coder.Matches(coder.Code(0, 3, 5, life, now), 0, 3, 5, lives, now))
		for i := range code {
			if code[i] != '-' {
				other := alphabet[(strings.IndexByte(alphabet, code[i])+1)%len(alphabet)]
				deny("a symbol changed", coder.Matches(code[:i]+string(other)+code[i+1:], 42, 3, 5, lives, now))
			}
		}
	}
}

func TestCodesAreUnique(t *testing.T) {
	t.Parallel()
	coder := NewCoder(secret.NewMaster())
	seen := map[string]bool{}
	for account := range int64(20_000) {
		seen[coder.Code(account+1, 1, 1, MaxLife, now)] = true
	}
	if len(seen) != 20_000 {
		t.Errorf("%d codes of 20,000 accounts", len(seen))
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	const want = "0123-ABJK-1Z01"
	for _, typed := range []string{
		want, "0123ABJK1Z01", "0123-abjk-1z01", "0123 ABJK 1Z01", " 0123-ABJK-1Z01\r\n", "O123-ABJK-IZ0L", "o123-abjk-lzoi", "01-23AB-JK1Z-01",
		"0 1 2 3 A B J K 1 Z 0 1", "0123‐ABJK‑1Z01", "0123–ABJK—1Z01", "0123−ABJK﹣1Z01", "0123\u00adABJK\u200b1Z01", "\ufeff0123-ABJK-1Z01", "\u202a0123-ABJK-1Z01\u202c",
		"０１２３－ＡＢＪＫ－１Ｚ０１", "０１２３ーABJKｰ1Z01", "０１２３　ａｂｊｋ　１ｚ０１", "0123\u00a0ABJK\t1Z01",
	} {
		if got, ok := Canonical(typed); !ok || got != want {
			t.Errorf("%q: %q %v", typed, got, ok)
		}
	}
	for _, typed := range []string{
		"", "-", "0123-ABJK-1Z0", "0123-ABJK-1Z012", "0123-ABJK-1Z0U", "0123-ABJK-1Z0?", "0123_ABJK_1Z01", "0123.ABJK.1Z01", "ıııı-ıııı-ıııı", "ſſſſ-ſſſſ-ſſſſ",
		"٠١٢٣-ABJK-1Z01", "АBJK-0123-1Z01", "0123-ABJK-1Z0\xff", want + strings.Repeat(" ", maxTyped),
	} {
		if got, ok := Canonical(typed); ok || got != "" {
			t.Errorf("%q: accepted as %q", typed, got)
		}
	}
}

func TestCanonicalIsIdentityOnCodes(t *testing.T) {
	t.Parallel()
	coder := NewCoder(secret.NewMaster())
	rapid.Check(t, func(t *rapid.T) {
		code := coder.Code(rapid.Int64Min(1).Draw(t, "account"), rapid.Int64().Draw(t, "version"), rapid.Int64().Draw(t, "epoch"), time.Hour, now)
		if got, ok := Canonical(code); !ok || got != code {
			t.Fatalf("%q became %q", code, got)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add("0123-ABJK-1Z01")
	f.Add("o123 abjk lzoi\xff")
	f.Fuzz(func(t *testing.T, typed string) {
		if code, ok := Canonical(typed); ok != codeForm.MatchString(code) {
			t.Errorf("%q: %q %v", typed, code, ok)
		}
	})
}

func TestWindowRoundsDown(t *testing.T) {
	t.Parallel()
	for unix, want := range map[int64]int64{0: 0, 3599: 0, 3600: 1, -1: -1, -3600: -1, -3601: -2} {
		if got := window(time.Unix(unix, 0)); got != want {
			t.Errorf("%d: %d, want %d", unix, got, want)
		}
	}
}

func TestCoderIsNeverPrinted(t *testing.T) {
	t.Parallel()
	coder := NewCoder(secret.NewMaster())
	key := coder.key()
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x", "%s"} {
		for _, value := range []any{coder, *coder, struct{ c *Coder }{coder}} {
			printed := fmt.Sprintf(verb, value)
			if strings.Contains(printed, fmt.Sprintf("%x", key)) || strings.Contains(printed, strings.Trim(fmt.Sprint(key), "[]")) {
				t.Errorf("%s printed the key", verb)
			}
		}
	}
}

// codeVector is computed with another implementation (Python hmac) from the key 00 01 … 1f.
const codeVector = "1HKQ-NPGX-QP0Q"

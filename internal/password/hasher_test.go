package password

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-1c168855/rekey/internal/problem"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// cheapest is the parameter set above the floor that takes the least memory.
var cheapest = Params{Scheme: Argon2id, Memory: 7168, Time: 5, Threads: 1}

func newHasher(t *testing.T, p Params) *Hasher {
	t.Helper()
	h, err := NewHasher(p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func code(err error) string {
	var e *problem.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestHashIsAStandardStringThatVerifies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		params Params
		form   string
		label  string
		memory int64
	}{
		{DefaultParams(), `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, "argon2id:m=19456,t=2,p=1", 19456 << 10},
		{Params{Scheme: Bcrypt, Cost: 10}, `^\$2b\$10\$[./A-Za-z0-9]{53}$`, "bcrypt:10", 8 << 10},
	} {
		h := newHasher(t, test.params)
		encoded, err := h.Hash("pâssword of 25 characters")
		if err != nil {
			t.Fatal(err)
		}
		again, _ := h.Hash("pâssword of 25 characters")
		info := Identify(encoded)
		if !regexp.MustCompile(test.form).MatchString(encoded) || encoded == again {
			t.Errorf("%s: wrong form or no fresh salt", test.label)
		}
		if h.Label() != test.label || info.Label != test.label || h.Memory() != test.memory || info.Memory != test.memory {
			t.Errorf("label %s, memory %d; identified %+v", h.Label(), h.Memory(), info)
		}
		if !verify(t, encoded, "pâssword of 25 characters") || verify(t, encoded, "password of 25 characters") {
			t.Errorf("%s: wrong verdict", test.label)
		}
		if NeedsUpgrade(encoded, test.params) || Cheaper(info, test.params) {
			t.Errorf("%s: its own hash is too weak for it", test.label)
		}
	}
}

func TestHashBcryptRefusesWhatItWouldCutShort(t *testing.T) {
	t.Parallel()
	h := newHasher(t, Params{Scheme: Bcrypt, Cost: 10})
	for pw, want := range map[string]string{strings.Repeat("é", 37): "too_long_for_bcrypt", "a\x00b": "control"} {
		_, err := h.Hash(pw)
		if !problem.Is(err, problem.Unprocessable) || code(err) != want {
			t.Errorf("Hash(%q): %v, want %s", pw, err, want)
		}
	}
	if _, err := h.Hash(letters72); err != nil {
		t.Errorf("72 bytes: %v", err)
	}
	if _, err := newHasher(t, cheapest).Hash(strings.Repeat("é", 256) + "\x00"); err != nil {
		t.Errorf("argon2id takes everything: %v", err)
	}
}

func TestParamsFloorAndCeiling(t *testing.T) {
	t.Parallel()
	argon := func(m, t uint32, p uint8) Params { return Params{Scheme: Argon2id, Memory: m, Time: t, Threads: p} }
	allow := []Params{
		DefaultParams(), argon(47104, 1, 1), argon(12288, 3, 1), argon(9216, 4, 1), argon(7168, 5, 1), argon(65536, 3, 4), argon(65536, 3, 1),
		argon(262144, 4, 4), {Scheme: Bcrypt, Cost: 10}, {Scheme: Bcrypt, Cost: 15},
	}
	deny := []Params{
		{}, {Scheme: "md5"}, argon(19455, 2, 1), argon(47103, 1, 1), argon(12287, 3, 1), argon(7167, 5, 1), argon(7167, 16, 1),
		argon(19456, 2, 0), argon(19456, 2, 5), argon(19456, 0, 1), argon(19456, 17, 1), argon(262145, 1, 1), argon(262144, 5, 1),
		argon(4294967295, 4294967295, 255), {Scheme: Bcrypt, Cost: 9}, {Scheme: Bcrypt, Cost: 16}, {Scheme: Bcrypt},
	}
	for _, p := range allow {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range deny {
		if _, err := NewHasher(p); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestNeedsUpgradeAndCheaper(t *testing.T) {
	t.Parallel()
	bcrypt12 := Params{Scheme: Bcrypt, Cost: 12}
	for _, test := range []struct {
		label            string
		params           Params
		upgrade, cheaper bool
	}{
		{"argon2id:m=19456,t=2,p=1", DefaultParams(), false, false},
		{"argon2id:m=65536,t=3,p=4", DefaultParams(), false, false},
		{"argon2id:m=19456,t=1,p=1", DefaultParams(), true, true},
		{"argon2id:m=12288,t=4,p=1", DefaultParams(), true, false},
		{"argon2i:m=65536,t=3,p=1", DefaultParams(), true, false},
		{"bcrypt:5", DefaultParams(), true, true},
		{"bcrypt:10", DefaultParams(), true, false},
		{"bcrypt:11", bcrypt12, true, true},
		{"bcrypt:13", bcrypt12, false, false},
		{"argon2id:m=19456,t=2,p=1", bcrypt12, true, true},
		{"pbkdf2-sha256:600000", DefaultParams(), true, false},
		{"django-pbkdf2-sha256:24000", DefaultParams(), true, true},
		{"django-md5", DefaultParams(), true, true},
		{"phpass:7", DefaultParams(), true, true},
		{"sha512-crypt:5000", DefaultParams(), true, true},
		{"scrypt:ln=17,r=8,p=1", DefaultParams(), true, false},
	} {
		encoded, ok := Sample(test.label)
		if !ok {
			t.Fatalf("no sample of %s", test.label)
		}
		if got := NeedsUpgrade(encoded, test.params); got != test.upgrade {
			t.Errorf("NeedsUpgrade(%s, %s) = %v", test.label, test.params.label(), got)
		}
		if got := Cheaper(Identify(encoded), test.params); got != test.cheaper {
			t.Errorf("Cheaper(%s, %s) = %v", test.label, test.params.label(), got)
		}
	}
	if !Cheaper(Identify(""), DefaultParams()) {
		t.Error("no hash at all is not cheaper")
	}
	short := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !NeedsUpgrade(short, DefaultParams()) {
		t.Error("an 8-byte salt needs no upgrade")
	}
}

// TestVerifyAlwaysDoesOneFullHash counts hash calls, the work that must not tell whether an account exists.
func TestVerifyAlwaysDoesOneFullHash(t *testing.T) {
	t.Parallel()
	own, err := newHasher(t, cheapest).Hash("caf\u00e9")
	if err != nil {
		t.Fatal(err)
	}
	type work struct{ Full, Compared int64 }
	const long = "longer than seventy-two bytes, which is all that bcrypt ever looks at, so refused"
	dear, _ := Sample("bcrypt:10")
	for _, test := range []struct {
		name, encoded, raw string
		want               bool
		work               work
	}{
		{"unknown account", "", "password", false, work{1, 0}},
		{"unknown account, two forms", "", "cafe\u0301", false, work{2, 0}},
		{"bomb", "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", false, work{1, 0}},
		{"cheap scheme, right", "md5$$5f4dcc3b5aa765d61d8327deb882cf99", "password", true, work{1, 1}},
		{"cheap scheme, wrong", "md5$$5f4dcc3b5aa765d61d8327deb882cf99", "passwort", false, work{1, 1}},
		{"own scheme, NFC typed", own, "caf\u00e9", true, work{0, 1}},
		{"own scheme, NFD typed", own, "cafe\u0301", true, work{0, 2}},
		{"legacy hash of the raw bytes", "md5$$10a85865ce7a7d2f0dc3faf37c617a8d", "cafe\u0301", true, work{2, 2}},
		{"legacy hash of other bytes", "md5$$10a85865ce7a7d2f0dc3faf37c617a8d", "caf\u00e9", false, work{1, 1}},
		{"dear scheme", dear, "x", false, work{0, 1}},
		{"dear scheme, too long for it", dear, long, false, work{0, 1}},
		{"input beyond all bounds", own, strings.Repeat("a", MaxBytes+1), false, work{1, 0}},
	} {
		h := newHasher(t, cheapest)
		ok, err := h.VerifyAny(test.encoded, test.raw)
		if err != nil || ok != test.want {
			t.Errorf("%s: %v, %v", test.name, ok, err)
		}
		var got work
		got.Full, got.Compared = h.Count()
		if diff := cmp.Diff(test.work, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	bcryptHasher := newHasher(t, Params{Scheme: Bcrypt, Cost: 10})
	bcryptHasher.Dummy(long)
	if got := newHasher(t, cheapest).MemoryFor("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"); got != 64*mib {
		t.Errorf("%d bytes for a hash of 64 MiB", got)
	}
	if got := newHasher(t, cheapest).MemoryFor(""); got != 7*mib {
		t.Errorf("%d bytes for no hash", got)
	}
	if full, _ := bcryptHasher.Count(); full != 1 {
		t.Errorf("a dummy bcrypt of a long password did %d hashes", full)
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ pw, want, code string }{
		{"cafe\u0301 ", "caf\u00e9 ", ""},
		{" Mixed CASE\t\x00", " Mixed CASE\t\x00", ""},
		{"", "", ""},
		{strings.Repeat("a", 256), strings.Repeat("a", 256), ""},
		{strings.Repeat("\U0001F511", 256), strings.Repeat("\U0001F511", 256), ""},
		{strings.Repeat("e\u0301", 256), strings.Repeat("\u00e9", 256), ""},
		{strings.Repeat("a", 257), "", "too_long"},
		{strings.Repeat("a", 1025), "", "too_long"},
		{"e" + strings.Repeat("\u0301", 1_000_000), "", "too_long"},
		{"caf\xe9", "", "not_text"},
	} {
		got, err := Normalize(test.pw)
		if got != test.want || code(err) != test.code || (err != nil) != problem.Is(err, problem.Unprocessable) {
			t.Errorf("Normalize(%.20q) = %.20q, %v", test.pw, got, err)
		}
	}
}

func TestCandidatesAreBounded(t *testing.T) {
	t.Parallel()
	grows := strings.Repeat("\u0958", 340) // NFC doubles each
	if diff := cmp.Diff([]string{grows}, Candidates(grows)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"caf\xe9"}, Candidates("caf\xe9")); diff != "" {
		t.Errorf("Latin-1 (-want +got):\n%s", diff)
	}
	if got := Candidates(strings.Repeat("a", MaxBytes+1)); got != nil {
		t.Errorf("%d candidates of a long input", len(got))
	}
}

func TestNormalizeAndCandidatesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.String().Draw(t, "raw")
		candidates := Candidates(raw)
		if len(raw) > MaxBytes && candidates == nil {
			return
		}
		if len(candidates) < 1 || len(candidates[0]) > MaxBytes || len(candidates) > 2 || candidates[len(candidates)-1] != raw {
			t.Fatalf("Candidates(%q) = %q", raw, candidates)
		}
		normal, err := Normalize(raw)
		if err != nil {
			return
		}
		if candidates[0] != normal || !norm.NFC.IsNormalString(normal) {
			t.Fatalf("first candidate %q, normal form %q", candidates[0], normal)
		}
		if again, err := Normalize(normal); err != nil || again != normal {
			t.Fatalf("normalising twice: %q, %v", again, err)
		}
	})
}

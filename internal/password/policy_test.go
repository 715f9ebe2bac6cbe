package password

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	about := Context{Service: "Sega Pass", Email: "Mike.Example+games@mail.example.org", Subject: "sega-0012345"}
	p := DefaultPolicy()
	allow := func(passwords ...string) {
		t.Helper()
		for _, pw := range passwords {
			if err := p.Check(t.Context(), pw, about); err != nil {
				t.Errorf("%q refused: %v", pw, err)
			}
		}
	}
	deny := func(want string, passwords ...string) {
		t.Helper()
		for _, pw := range passwords {
			err := p.Check(t.Context(), pw, about)
			if code(err) != want || !problem.Is(err, problem.Unprocessable) {
				t.Errorf("%q: %v (%s), want %s", pw, err, code(err), want)
			} else if len(pw) > 6 && strings.Contains(err.Error(), pw) || !strings.HasSuffix(err.Error(), ".") {
				t.Errorf("%q: the reason %q repeats the password or is no sentence", pw, err)
			}
		}
	}

	// Length is counted in code points after NFC, and in nothing else.
	deny("too_short", "", "short", "fourteen chars", strings.Repeat("\U0001F511\U0001F3A3", 7), "e\u0301e\u0300e\u0302e\u0308i\u0301i\u0300i\u0302i\u0308")
	allow("fifteen  chars!", "Ξεσκεπάζω τὴν ψυχ", "数据泄露之后要换个新密码才行啊")
	deny("too_long", "x"+strings.Repeat("long enough ", 22), strings.Repeat("ab c", 300))
	deny("not_text", "this is Latin-1: caf\xe9")
	deny("control", "tabs\tare not typed", "line\nbreaks are not", "NUL \x00 neither, ever", "nor C1 \u0085 controls")

	// No composition rules; passphrases and managers' output pass, and so do spaces at the ends and words inside.
	allow("correct horse battery staple", "correcthorsebatterystaple", "  spaces around it  ", "TRES bien, ma chère Ophélie",
		"kR8$wq!zP2#mLx9@vTn", "b7e1d2f0-9a5c-4c3e-8f11-0d2a6c5b9e74", "mike likes purple elephants", "my sega pass is purple",
		"the quick brown fox", "password is what it is not", "hunter of forgotten lakes", "solange es noch regnet", "0x1f3870be274f6c49b3e3",
		"zxcvbn is a meter by dropbox", "sixteen-letters!", "Bedriegelijk zonnig", "a-_-.b_.-_c-_-.d", "mike?!%/&=)(#+~*mike", "2718281828459045", strings.Repeat("long and varied passphrase, ", 2))

	// The lists, alone or two joined, in any case, with up to four digits or signs at the ends.
	deny("common", "films+pic+galeries", "internationally", "Incomprehensible", "dragonsuperman1", "SunshineRainbow", "sunshine rainbow!",
		"1!trustno1football", "monkeyfootball99!!", "baseball-mustang", "starwarscorvette2011", "password12345678", "PasswordPrincess")
	deny("repeated", "passwordpassword", "abcabcabcabcabc", "abcabcabcabcabcab", "aaaaaaaaaaaaaaa", "!!aaaaaaaaaaaaaaaaa99", "PasswordPassword1!",
		"password password", "Abc-abc-abc-abc-abc", "ÄÖäöÄÖäöÄÖäöÄÖäö", "123412341234123412", "ha ha ha ha ha ha ha")
	deny("sequence", "qwertyuiopasdfgh", "hgfdsapoiuytrewq", "QWERTYUIOPasdfghjkl", "qwertzuiopasdfghj", "azertyuiopqsdfgh", "abcdefghijklmno",
		"onmlkjihgfedcba", "123456789012345", "0987654321098765", "1qaz2wsx3edc4rfv", "!!qwertyuiopasdf12", "abcdefg1234567890", "zxcvbnmasdfghjkl")

	// What only the estimator sees.
	deny("common", "charlie 1984 michael", "mustang charlie 77", "the exposed password")
	allow("charlie 1984 michaël", "charlie mustang michael daniel jordan harley")

	// What is known of the account, alone or together or over and over.
	deny("context", "mike.example+games@mail.example.org", "Mike.Example+Games", "mikeexamplegames", "segapasssegapass", "Sega Pass Sega Pass",
		"SegaPassMike2011", "sega-0012345-sega", "mikemikemikemike", "sega pass 0012345", "12!mail.example.org")
	deny("common", "mikesuperstar2011", "segatrustno12345")
}

func TestPolicyEndsDoNotGrowAPasswordPastFour(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	if err := p.Check(t.Context(), "9!9!sunshinerainbow!9!9", Context{}); code(err) != "common" {
		t.Errorf("four at both ends: %v", err)
	}
	if err := p.Check(t.Context(), "73!9!sunshinerainbow!9!94", Context{}); err != nil {
		t.Errorf("five at both ends: %v", err)
	}
}

func TestPolicyForAccountsWithASecondFactor(t *testing.T) {
	t.Parallel()
	p := &Policy{MinLength: 8, MaxLength: 64}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	for pw, want := range map[string]string{
		"superman": "common", "Corvette1": "common", "elephant": "common", "12345678": "sequence", "kV3!pq9z": "", "$%7!4@#9": "",
		"seven77": "too_short", strings.Repeat("a b c,d.", 9): "too_long",
	} {
		if err := p.Check(t.Context(), pw, Context{}); code(err) != want {
			t.Errorf("%q: %v, want %q", pw, err, want)
		}
	}
	for _, bad := range []Policy{{}, {MinLength: 7, MaxLength: 64}, {MinLength: 8, MaxLength: 63}, {MinLength: 8, MaxLength: 257}, {MinLength: 65, MaxLength: 128}} {
		if err := bad.Validate(); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// listed is a breach list that says what it is told, and remembers what it was asked.
type listed struct {
	found bool
	err   error
	asked []string
}

func (l *listed) Breached(pw string) (bool, error) {
	l.asked = append(l.asked, pw)
	return l.found, l.err
}

func TestPolicyBreachList(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	for _, test := range []struct {
		list listed
		kind problem.Kind
		code string
	}{
		{listed{found: true}, problem.Unprocessable, "breached"},
		{listed{err: down}, problem.Unavailable, "breach_list"},
	} {
		p := &Policy{MinLength: 15, MaxLength: 256, Breached: &test.list}
		err := p.Check(t.Context(), "cafe\u0301 under the chestnut", Context{})
		if !problem.Is(err, test.kind) || code(err) != test.code || test.list.err != nil && !errors.Is(err, down) {
			t.Errorf("%+v: %v", test.list, err)
		}
		if len(test.list.asked) != 1 || test.list.asked[0] != "caf\u00e9 under the chestnut" {
			t.Errorf("asked %q, want the NFC form once", test.list.asked)
		}
	}
	clean := &listed{}
	p := &Policy{MinLength: 15, MaxLength: 256, Breached: clean}
	if err := p.Check(t.Context(), "café under the chestnut", Context{}); err != nil {
		t.Error(err)
	}
	if err := p.Check(t.Context(), "passwordpassword", Context{}); code(err) != "repeated" || len(clean.asked) != 1 {
		t.Error("a password refused by rule went to the breach list")
	}
}

// TestListsHoldEnough is ASVS 6.2.4: 3,000 entries at least.
func TestListsHoldEnough(t *testing.T) {
	t.Parallel()
	if n := len(lists().passwords); n < 3000 {
		t.Errorf("%d common passwords", n)
	}
	if n := len(lists().words); n < 3000 {
		t.Errorf("%d words", n)
	}
	if !lists().holds("trustno1") || lists().holds("no such password at all") {
		t.Error("the lists answer wrongly")
	}
}

// The estimator is never given what would keep it busy: with all of its letters at once 100 bytes took it three seconds.
func TestPolicyIsQuick(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	for _, unit := range []string{leetLetters, "4@8({1", "19870112", "aaaab", "qwertzuiop1", "p4$$w0rd"} {
		for _, n := range []int{longestEstimated, longestEstimated + 1, MaxCodePoints} {
			begun := time.Now()
			_ = p.Check(t.Context(), strings.Repeat(unit, n)[:n], Context{Email: "mike@example.org"})
			if took := time.Since(begun); took > time.Second { // a hundred times what it takes
				t.Errorf("%d bytes of %q took %v", n, unit, took)
			}
		}
	}
}

// elsewhere stands in for another process.
type elsewhere func(Job) (Outcome, error)

func (e elsewhere) Do(j Job) (Outcome, error) { return e(j) }

// One password is judged at a time, and who cannot wait is told so. What needs no estimate asks for none.
func TestEstimatesTakeTurns(t *testing.T) {
	t.Parallel()
	busy, let := make(chan struct{}), make(chan struct{})
	p := &Policy{MinLength: 15, MaxLength: MaxCodePoints, Elsewhere: elsewhere(func(Job) (Outcome, error) {
		close(busy)
		<-let
		return Outcome{}, nil
	})}
	const good = "orchid tractor lemon violin"
	first := make(chan error)
	go func() { first <- p.Check(t.Context(), good, Context{}) }()
	<-busy
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Check(gone, good, Context{}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("beside another one: %v", err)
	}
	if err := p.Check(gone, "passwordpassword", Context{}); code(err) != "repeated" {
		t.Errorf("refused by the rules: %v", err)
	}
	if err := p.Check(gone, "café under the chestnut", Context{}); err != nil {
		t.Errorf("not for the estimator: %v", err)
	}
	close(let)
	if err := <-first; err != nil {
		t.Errorf("in its turn: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, pw := range []string{"", "passwordpassword", "qwertyuiopasdfgh", "e\u0301", "\xff", "İstanbul'da güneşli", strings.Repeat("!1a ", 64)} {
		f.Add(pw, "mike@example.org")
	}
	p := DefaultPolicy()
	f.Fuzz(func(t *testing.T, pw, email string) {
		err := p.Check(t.Context(), pw, Context{Service: "Sega", Email: email, Subject: pw})
		if err != nil && (!problem.Is(err, problem.Unprocessable) || code(err) == "") {
			t.Fatalf("%v", err)
		}
	})
}

package pow_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/secret"
)

const easy = 6

func solve(t testing.TB, challenge string) string {
	t.Helper()
	proof, err := pow.Solve(t.Context(), challenge)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func TestVerify(t *testing.T) {
	t.Parallel()
	ours, theirs := pow.NewIssuer(secret.NewMaster()), pow.NewIssuer(secret.NewMaster())
	now := time.Unix(1_800_000_000, 0)
	challenge := ours.Challenge(pow.Forms, easy, now)
	good := solve(t, challenge)
	for name, row := range map[string]struct {
		proof string
		least int
		after time.Duration
		want  error
	}{
		"good":                     {good, easy, 0, nil},
		"good again":               {good, easy, 0, nil}, // stateless: whoever calls remembers the id
		"at the last moment":       {good, easy, pow.Life - time.Second, nil},
		"less asked than done":     {good, easy - 1, 0, nil},
		"too old":                  {good, easy, pow.Life, pow.ErrExpired},
		"more asked than done":     {good, easy + 1, 0, pow.ErrPurpose},
		"another installation's":   {solve(t, theirs.Challenge(pow.Forms, easy, now)), easy, 0, pow.ErrForeign},
		"another purpose":          {solve(t, ours.Challenge(pow.Forms+1, easy, now)), easy, 0, pow.ErrPurpose},
		"no work":                  {undone(challenge), easy, 0, pow.ErrWork},
		"empty":                    {"", easy, 0, pow.ErrForm},
		"no counter":               {challenge + ".", easy, 0, pow.ErrForm},
		"no full stop":             {challenge + "12", easy, 0, pow.ErrForm},
		"a leading zero":           {challenge + ".0" + good[65:], easy, 0, pow.ErrForm},
		"a sign":                   {challenge + ".+1", easy, 0, pow.ErrForm},
		"other digits":             {challenge + ".１", easy, 0, pow.ErrForm},
		"white space":              {good + " ", easy, 0, pow.ErrForm},
		"a longer counter":         {challenge + "." + strings.Repeat("1", 16), easy, 0, pow.ErrForm},
		"huge":                     {strings.Repeat("A", 1<<20), easy, 0, pow.ErrForm},
		"line ends in the base64":  {challenge[:62] + "\r\n." + good[65:], easy, 0, pow.ErrForm},
		"the other base64":         {"+/" + good[2:], easy, 0, pow.ErrForm},
		"without its last letters": {good[2:], easy, 0, pow.ErrForm},
	} {
		_, err := ours.Verify(row.proof, pow.Forms, row.least, now.Add(row.after))
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}

// undone is a proof of the right form whose hash does not begin with easy zero bits.
func undone(challenge string) string {
	for i := 0; ; i++ {
		text := fmt.Sprintf("%s.%d", challenge, i)
		if sum := sha256.Sum256([]byte(text)); sum[0]>>(8-easy) != 0 {
			return text
		}
	}
}

// Each bit of a challenge is under the MAC, or is the MAC: nobody makes one cheaper, longer-lived, or count twice under another id.
func TestEveryBitOfAChallengeIsSealed(t *testing.T) {
	t.Parallel()
	issuer, now := pow.NewIssuer(secret.NewMaster()), time.Now()
	proof := solve(t, issuer.Challenge(pow.Forms, 1, now))
	raw, err := base64.RawURLEncoding.DecodeString(proof[:64])
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		changed := append([]byte(nil), raw...)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := issuer.Verify(base64.RawURLEncoding.EncodeToString(changed)+proof[64:], pow.Forms, 0, now); !errors.Is(err, pow.ErrForeign) {
			t.Errorf("bit %d changed: %v", bit, err)
		}
	}
}

func TestSolvedIsVerified(t *testing.T) {
	t.Parallel()
	issuer := pow.NewIssuer(secret.NewMaster())
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 1<<38).Draw(rt, "now"), rapid.Int64Range(0, 999_999_999).Draw(rt, "ns"))
		work, purpose := rapid.IntRange(1, 9).Draw(rt, "bits"), pow.Purpose(rapid.Byte().Draw(rt, "purpose"))
		proof := solve(t, issuer.Challenge(purpose, work, now))
		age := time.Duration(rapid.Int64Range(0, int64(2*pow.Life)).Draw(rt, "age"))
		least := rapid.IntRange(0, 12).Draw(rt, "least")
		id, err := issuer.Verify(proof, purpose, least, now.Add(age))
		alive := age < pow.Life-time.Second
		dead := age >= pow.Life
		if ok := err == nil; ok && (dead || least > work) || !ok && alive && least <= work {
			rt.Fatalf("%d bits, %d wanted, %v old: %v", work, least, age, err)
		}
		if err == nil && len(id) != 22 {
			rt.Fatalf("id %q", id)
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	issuer, now, seen := pow.NewIssuer(secret.NewMaster()), time.Now(), map[string]bool{}
	for range 100 {
		challenge := issuer.Challenge(pow.Forms, 1, now)
		if len(challenge) != sha256.BlockSize {
			t.Fatalf("a challenge of %d bytes is not one block", len(challenge))
		}
		id, err := issuer.Verify(solve(t, challenge), pow.Forms, 1, now)
		if err != nil || seen[id] {
			t.Fatalf("id %q again, or %v", id, err)
		}
		seen[id] = true
	}
}

func TestSolveEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pow.Solve(ctx, pow.NewIssuer(secret.NewMaster()).Challenge(pow.Forms, pow.MaxBits, time.Now())); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	tooMuch := make([]byte, 48)
	tooMuch[0], tooMuch[2] = 1, pow.MaxBits+1
	for _, challenge := range []string{"", "x", strings.Repeat("!", 64), base64.RawURLEncoding.EncodeToString(tooMuch)} {
		if _, err := pow.Solve(t.Context(), challenge); !errors.Is(err, pow.ErrForm) {
			t.Errorf("%q: %v", challenge, err)
		}
	}
}

func TestIssuerKeepsItsKey(t *testing.T) {
	t.Parallel()
	master := secret.NewMaster()
	key := master.Derive(secret.ProofOfWork)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		for _, value := range []any{pow.NewIssuer(master), *pow.NewIssuer(master)} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, fmt.Sprintf("%x", key[:4])) || strings.Contains(text, fmt.Sprintf("%d %d %d", key[0], key[1], key[2])) {
				t.Errorf("%s prints the key", verb)
			}
		}
	}
}

// Whatever is sent, only what was worked for is taken, in the one spelling there is.
func FuzzVerify(f *testing.F) {
	issuer, now := pow.NewIssuer(secret.NewMaster()), time.Unix(1_800_000_000, 0)
	good := solve(f, issuer.Challenge(pow.Forms, easy, now))
	for _, seed := range []string{good, good[:64], good[:65] + "0", strings.ToUpper(good), good + "=", "", strings.Repeat("_", 66)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, proof string) {
		_, err := issuer.Verify(proof, pow.Forms, easy, now)
		if err != nil {
			return
		}
		if sum := sha256.Sum256([]byte(proof)); !strings.HasPrefix(proof, good[:64]+".") || sum[0]>>(8-easy) != 0 {
			t.Errorf("%q was taken", proof)
		}
	})
}

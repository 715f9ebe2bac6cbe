package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"strings"
	"time"
	"unicode"

	"github.com/seed-1c168855/rekey/internal/secret"
)

const (
	// codeWindow is how coarsely a code knows its age. A code lives as long as the link beside it and up to one window longer.
	codeWindow = time.Hour
	// codeSymbols of 5 bits each are 60 bits.
	codeSymbols = 12
	// maxTyped bounds what is read as a code, in bytes: 12 symbols with room for any separators.
	maxTyped = 128
	// alphabet is Crockford's base32: no I, L, O, U.
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// Life is how long a link and the code beside it live, in whole seconds from 1 to MaxLife. A code of another life never matches.
type Life = time.Duration

// Coder makes and compares typed codes, for members who will not click a link. Nothing is stored: a code is a function of the master key and of what it is for.
type Coder struct {
	key func() [secret.Size]byte // a function, so that no print of a Coder shows it
}

// NewCoder derives the key for typed codes.
func NewCoder(master secret.Master) *Coder {
	key := master.Derive(secret.TypedCode)
	return &Coder{key: func() [secret.Size]byte { return key }}
}

// Code is the code that stands beside a link minted at that moment with that life: XXXX-XXXX-XXXX in Crockford base32.
// It dies with the link: both are bound to version and epoch.
func (c *Coder) Code(account, version, epoch int64, life Life, at time.Time) string {
	code := c.codes()(account, version, epoch, life, window(at))
	return string(code[:])
}

// Matches reports whether what was typed is a code of this account at this version and epoch, made with one of these lives and not ended.
// Every window of every life is computed and compared in constant time, so the time taken says nothing about where, or whether, one matched.
// For an address that has no account, call it all the same, with account 0, which never has a code.
func (c *Coder) Matches(typed string, account, version, epoch int64, lives []Life, now time.Time) bool {
	canonical, ok := Canonical(typed)
	if !ok {
		return false
	}
	codeOf := c.codes()
	match := 0
	for _, life := range lives {
		if life < time.Second || life > MaxLife {
			continue
		}
		for w := window(now.Add(-life)); w <= window(now); w++ {
			code := codeOf(account, version, epoch, life, w)
			match |= subtle.ConstantTimeCompare(code[:], []byte(canonical))
		}
	}
	return match == 1 && account > 0
}

// window numbers the hours since 1970, rounding down before it too.
func window(at time.Time) int64 {
	seconds, size := at.Unix(), int64(codeWindow/time.Second)
	w := seconds / size
	if seconds%size < 0 {
		w--
	}
	return w
}

// codes gives a function that makes codes one after the other with one keyed hash.
func (c *Coder) codes() func(account, version, epoch int64, life Life, window int64) [codeSymbols + 2]byte {
	key := c.key()
	mac := hmac.New(sha256.New, key[:])
	return func(account, version, epoch int64, life Life, window int64) [codeSymbols + 2]byte {
		return format(sum60(mac, account, version, epoch, int64(life/time.Second), window))
	}
}

// sum60 is the first 60 bits of the MAC over the numbers, each as 8 bytes.
func sum60(mac hash.Hash, numbers ...int64) uint64 {
	mac.Reset()
	var word [8]byte
	for _, n := range numbers {
		binary.BigEndian.PutUint64(word[:], uint64(n))
		mac.Write(word[:])
	}
	var sum [sha256.Size]byte
	return binary.BigEndian.Uint64(mac.Sum(sum[:0])) >> 4
}

// format writes 60 bits as three groups of four symbols, the highest bits first.
func format(bits uint64) [codeSymbols + 2]byte {
	var out [codeSymbols + 2]byte
	for i := len(out) - 1; i >= 0; i-- {
		if i == 4 || i == 9 {
			out[i] = '-'
			continue
		}
		out[i] = alphabet[bits&31]
		bits >>= 5
	}
	return out
}

// Canonical reads what somebody typed as a code: any case, full-width forms, spaces, invisible characters and hyphens of any kind anywhere, I and L for 1, O for 0.
// It gives the form Code writes, or false if there are not 12 symbols of the alphabet; it does not say whether the code is right.
func Canonical(typed string) (string, bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	var symbols []byte
	for _, c := range typed {
		if isSeparator(c) {
			continue
		}
		symbol, ok := symbolOf(c)
		if !ok || len(symbols) == codeSymbols {
			return "", false
		}
		symbols = append(symbols, symbol)
	}
	if len(symbols) != codeSymbols {
		return "", false
	}
	return string(symbols[:4]) + "-" + string(symbols[4:8]) + "-" + string(symbols[8:]), true
}

// isSeparator takes what mail programs and keyboards put between groups: white space, dashes, soft hyphens, joiners and direction marks.
// Minus and the Japanese long-vowel marks, which share the key with the hyphen, are no dashes to Unicode.
func isSeparator(c rune) bool {
	return unicode.IsSpace(c) || unicode.In(c, unicode.Pd, unicode.Cf) || c == '−' || c == 'ー' || c == 'ｰ'
}

func symbolOf(c rune) (byte, bool) {
	if c >= '！' && c <= '～' { // full-width forms of ! to ~, as Japanese keyboards write
		c -= '！' - '!'
	}
	if c > unicode.MaxASCII {
		return 0, false // before upper-casing: ı and ſ would become I and S
	}
	switch c = unicode.ToUpper(c); c {
	case 'I', 'L':
		return '1', true
	case 'O':
		return '0', true
	}
	return byte(c), strings.ContainsRune(alphabet, c)
}

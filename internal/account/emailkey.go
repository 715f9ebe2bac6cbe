package account

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Longest forms of an address in bytes (RFC 5321 §4.5.3.1: local part 64, path 256 with its angle brackets).
const (
	maxAddress = 254
	maxLocal   = 64
)

// errAddress is the one answer to everything that is no address: the value must not be quoted, and which rule it broke helps nobody.
var errAddress = errors.New("not an e-mail address")

// domains maps a domain to A-labels by UTS 46, non-transitional, with the checks of a look-up. Hyphens in third and fourth place
// are allowed, since real names have them; the BiDi rule keeps look-alikes out.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.CheckHyphens(false), idna.BidiRule(), idna.VerifyDNSLength(true))

// EmailKey folds an address for look-ups, and refuses what is none. The local part becomes NFC with its ASCII letters lowered,
// nothing else is folded: no dot or plus rules, no case of other scripts, so that two people never become one. The domain
// becomes A-labels (UTS 46). It is the only maker of email_key.
//
// An address is a dot-atom or quoted local part (RFC 5322 §3.4.1 with the letters of RFC 6531 §3.3, without comments), one "@",
// and a domain name; address literals are refused, and so is everything with a second "@", a control or a format character.
func EmailKey(address string) (key string, err error) {
	if len(address) > maxAddress || !utf8.ValidString(address) {
		return "", errAddress
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > maxLocal || !validLocal(address[:at]) {
		return "", errAddress
	}
	domain, err := foldDomain(address[at+1:])
	if err != nil {
		return "", err
	}
	key = foldLocal(address[:at]) + "@" + domain
	if len(key) > maxAddress || strings.IndexByte(key, '@') > maxLocal {
		return "", errAddress
	}
	return key, nil
}

func validLocal(local string) bool {
	if local[0] == '"' {
		return validQuoted(local)
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !atext(r) }) {
			return false
		}
	}
	return true
}

// validQuoted checks a quoted-string (RFC 5322 §3.2.4). A backslash may stand before anything printable.
func validQuoted(local string) bool {
	if len(local) < 3 || local[len(local)-1] != '"' {
		return false
	}
	escaped := false
	for _, r := range local[1 : len(local)-1] {
		switch {
		case r == '@' || r != ' ' && !atext(r) && !printableASCII(r):
			return false
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			return false
		}
	}
	return !escaped
}

func printableASCII(r rune) bool { return r > ' ' && r < unicode.MaxASCII }

// atext tells the characters of an atom: RFC 5322 §3.2.3, and beyond ASCII whatever can be seen and is not a sign that some
// program folds to "@".
func atext(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != '＠' && r != '﹫'
}

// toASCII are the characters that NFC would turn into an ASCII one: Kelvin sign, Greek question mark, Greek varia. They stay as
// they are, since folding them would make one person of two.
const toASCII = "\u212a\u037e\u1fef"

func foldLocal(local string) string {
	if isASCII(local) {
		return strings.ToLower(local)
	}
	var b strings.Builder
	for local != "" {
		i := strings.IndexAny(local, toASCII)
		if i < 0 {
			i = len(local)
		}
		b.WriteString(norm.NFC.String(local[:i]))
		_, size := utf8.DecodeRuneInString(local[i:])
		b.WriteString(local[i : i+size])
		local = local[i+size:]
	}
	return lowerASCII(b.String())
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foldDomain takes the plain names, nearly all, the short way: UTS 46 would do the same to them.
func foldDomain(domain string) (string, error) {
	folded := strings.ToLower(domain)
	if isASCII(domain) && hostname(folded) && !strings.Contains(folded, "xn--") {
		return folded, nil
	}
	mapped, err := domains.ToASCII(domain)
	if err != nil || !hostname(mapped) {
		return "", errAddress
	}
	return mapped, nil
}

// hostname tells names of letters, digits and inner hyphens, in labels of 1 to 63, together 253 at most (RFC 1035 §2.3.1 and
// §2.3.4, RFC 1123 §2.1), without a dot at the end.
func hostname(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; ('a' > c || c > 'z') && ('0' > c || c > '9') && c != '-' {
				return false
			}
		}
	}
	return len(name) <= 253
}

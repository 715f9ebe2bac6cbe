package delivery

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// envelope is an address as SMTP takes it: domain in A-labels, local part quoted where it must be (RFC 5321 section 4.1.2).
type envelope struct {
	Address string // for the envelope, without angle brackets
	Header  string // for net/mail, which quotes the local part itself
	UTF8    bool   // the local part is not ASCII: only a server with SMTPUTF8 (RFC 6531) can take it
}

// domains is UTS 46 for look-ups with the lengths of DNS and the letters of host names enforced.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

var errAddress = errors.New("the stored address is not one that mail can go to")

// parseAddress reads a stored address. Everything that could end a command or a header, or name a second mailbox, is refused.
func parseAddress(stored string) (envelope, error) {
	local, domain, ok := cutLast(stored, '@')
	if !ok || len(local) > 64 || !utf8.ValidString(stored) || strings.ContainsFunc(stored, isUnsafe) {
		return envelope{}, errAddress
	}
	domain, err := domains.ToASCII(domain)
	if err != nil || len(local)+1+len(domain) > 254 {
		return envelope{}, errAddress
	}
	local, ok = unquoteLocal(local)
	if !ok {
		return envelope{}, errAddress
	}
	e := envelope{UTF8: strings.ContainsFunc(local, func(r rune) bool { return r >= utf8.RuneSelf })}
	if e.UTF8 {
		local = norm.NFC.String(local)
	}
	e.Address, e.Header = quoteLocal(local)+"@"+domain, local+"@"+domain
	return e, nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i <= 0 || i == len(s)-1 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// isUnsafe takes controls of both sets, line and paragraph separators, direction marks and white space.
func isUnsafe(r rune) bool {
	return r <= ' ' || r == 0x7f || (r >= 0x80 && r <= 0xa0) || (r >= 0x2000 && r <= 0x200f) || (r >= 0x2028 && r <= 0x202f) || (r >= 0x2060 && r <= 0x206f) || r == 0xfeff
}

// atext of RFC 5322 section 3.2.3, and anything beyond ASCII (RFC 6532).
func isAtext(r rune) bool {
	return r >= utf8.RuneSelf || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// quoteLocal leaves a dot-string alone and quotes what some providers gave out against the rules, such as two dots in a row.
// A quoted one comes in without its quotes.
func quoteLocal(local string) string {
	plain := !strings.HasPrefix(local, ".") && !strings.HasSuffix(local, ".") && !strings.Contains(local, "..")
	for _, r := range local {
		plain = plain && (r == '.' || isAtext(r))
	}
	if plain {
		return local
	}
	return `"` + local + `"`
}

// unquoteLocal takes the quotes off a quoted local part; without them only atoms and dots will do.
func unquoteLocal(local string) (string, bool) {
	if len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = local[1 : len(local)-1]
		return local, !strings.ContainsAny(local, `"\`)
	}
	return local, !strings.ContainsFunc(local, func(r rune) bool { return r != '.' && !isAtext(r) })
}

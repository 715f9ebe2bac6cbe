package ratelimit

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
)

// Keyer turns what a limit is keyed on into a short key that says nothing about it without the secret behind the MAC.
type Keyer struct {
	mac func(parts ...string) []byte
}

// keyBytes is what is kept of the MAC: 128 bits, at which two of a billion keys collide with probability 1.5e-21.
const keyBytes = 16

// NewKeyer takes a keyed MAC of at least 16 bytes, such as HMAC-SHA-256 under a key derived for this use alone.
func NewKeyer(mac func(parts ...string) []byte) Keyer { return Keyer{mac: mac} }

// Key is 22 characters for any parts. The parts are joined with their lengths, so ("a","bc") and ("ab","c") differ whatever the MAC does with its arguments.
func (k Keyer) Key(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Itoa(len(p)))
		b.WriteByte(':')
		b.WriteString(p)
	}
	return base64.RawURLEncoding.EncodeToString(k.mac(b.String())[:keyBytes])
}

// translated is the well-known prefix under which translators present IPv4 clients to IPv6 servers (RFC 6052 §2.1); by /64 all of them would be one client.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// ClientPrefix is the part of an address that one client cannot change at will: all of an IPv4 address, the first 64 bits of an IPv6 one
// (RFC 6177: a site gets at least a /64). IPv4 inside IPv6 counts as IPv4. An invalid address is "unknown", one key for all of them.
func ClientPrefix(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "unknown"
	}
	if translated.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(64) // cannot fail: the address is a valid IPv6 one
	return p.String()
}

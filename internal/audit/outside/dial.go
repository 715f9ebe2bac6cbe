package outside

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// errInside says nothing of the address: the error is kept and shown.
var errInside = errors.New("the name leads to an address that is not on the public internet")

// inside are ranges that netip's own words do not cover: special purposes (RFC 6890, RFC 6598), and IPv6 forms that carry an IPv4
// address (RFC 6052, RFC 3056, RFC 4380).
var inside = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10")

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// public tells an address that anybody on the internet could be asked at.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range inside {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// dialer refuses at the moment of the connection, by the address itself, every address that is not public: a name may resolve to
// another address than when it was looked at (DNS rebinding).
func dialer(private bool) *net.Dialer {
	d := &net.Dialer{Timeout: 10 * time.Second}
	if private {
		return d
	}
	d.Control = func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil || !public(target.Addr()) {
			return errInside
		}
		return nil
	}
	return d
}

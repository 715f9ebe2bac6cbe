package server

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
)

// ClientAddr is who sent the request: the peer, or, where the peer is a trusted proxy, the last address in X-Forwarded-For that is not
// one. What stands left of that was written by the client itself and is not read. The address is invalid only where the peer has none (a unix socket).
func ClientAddr(c *gin.Context) netip.Addr { return of(c).client }

func peerAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func trusted(proxies []netip.Prefix, a netip.Addr) bool {
	for _, p := range proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// clientAddr walks from the peer leftwards as long as each hop is trusted. A hop that cannot be read ends the walk at the proxy that wrote it:
// several clients then share that proxy's limits, which is safe, while believing the rest would not be.
func clientAddr(r *http.Request, peer netip.Addr, proxies []netip.Prefix) netip.Addr {
	at := peer
	if !trusted(proxies, peer) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && trusted(proxies, at); i-- {
		next, ok := hopAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		at = next
	}
	return at
}

// hopAddr reads an address, also with a port or in brackets as some proxies write it.
func hopAddr(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap().WithZone(""), err == nil
}

// AddressLog says how much of a client's address is logged. An address is personal data.
type AddressLog int

const (
	LogNetwork   AddressLog = iota // IPv4 /24, IPv6 /48: enough to see where a flood comes from
	LogNoAddress                   // nothing
	LogAddress                     // all of it
)

func (l AddressLog) of(a netip.Addr) string {
	if !a.IsValid() || l == LogNoAddress {
		return ""
	}
	if l == LogAddress {
		return a.String()
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/idna"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// RefuseCrossSite answers 403 to a POST that another site's page made: Sec-Fetch-Site is cross-site or same-site, or an Origin is present,
// not "null", and not the public URL's. Pages with no-referrer send "null" and old browsers send nothing; both pass, for a reset has no
// cookie to ride on. It reads neither Host nor X-Forwarded-*.
func RefuseCrossSite(public *url.URL) (gin.HandlerFunc, error) {
	own, err := origin(public)
	if err != nil {
		return nil, err
	}
	return func(c *gin.Context) {
		if c.Request.Method == http.MethodPost && foreign(c.Request.Header, own) {
			Fail(c, problem.New(problem.Forbidden, "This form was sent from another site. Please open the page here and try again."))
		}
	}, nil
}

func foreign(h http.Header, own string) bool {
	for _, site := range h.Values("Sec-Fetch-Site") {
		if strings.EqualFold(site, "cross-site") || strings.EqualFold(site, "same-site") {
			return true
		}
	}
	for _, o := range h.Values("Origin") {
		if o != "null" && !strings.EqualFold(o, own) {
			return true
		}
	}
	return false
}

// origin is the ASCII serialisation that browsers send (RFC 6454 §6.2): host in A-labels, no default port.
func origin(u *url.URL) (string, error) {
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	} else if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", fmt.Errorf("server: public URL %q has no http(s) origin", u.Redacted())
	}
	o := u.Scheme + "://" + strings.ToLower(host)
	port := u.Port()
	if port != "" && (u.Scheme != "https" || port != "443") && (u.Scheme != "http" || port != "80") {
		o += ":" + port
	}
	return o, nil
}

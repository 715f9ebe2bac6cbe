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
	return refuseForeign(public, func(method string) bool { return method == http.MethodPost })
}

// RefuseCrossSiteReads does the same to requests of every method: for what our pages' scripts alone have a use for.
func RefuseCrossSiteReads(public *url.URL) (gin.HandlerFunc, error) {
	return refuseForeign(public, func(string) bool { return true })
}

func refuseForeign(public *url.URL, guarded func(method string) bool) (gin.HandlerFunc, error) {
	own, err := origin(public)
	if err != nil {
		return nil, err
	}
	return func(c *gin.Context) {
		if guarded(c.Request.Method) && foreign(c.Request.Header, own) {
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

// OwnFormsOnly is RefuseCrossSite for pages with a session: whatever is not a read must show that it comes from the site itself, by Sec-Fetch-Site or by Origin.
// A request that shows neither is no browser's and is refused: there is a cookie to ride on.
func OwnFormsOnly(site *url.URL) (gin.HandlerFunc, error) {
	own, err := origin(site)
	if err != nil {
		return nil, err
	}
	return func(c *gin.Context) {
		switch c.Request.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			return
		}
		h := c.Request.Header
		shown := strings.EqualFold(h.Get("Origin"), own) || (len(h.Values("Origin")) == 0 && h.Get("Sec-Fetch-Site") == "same-origin")
		if !shown || foreign(h, own) {
			Fail(c, problem.New(problem.Forbidden, "This form was sent from another site. Please open the page here and try again."))
		}
	}, nil
}

package server

import (
	"maps"
	"net/http"

	"github.com/gin-gonic/gin"
)

// pagePolicy lets a page load from its own origin, send forms to it and nothing else (standards H3). No inline script or style, no frame, no base.
const pagePolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// permissions takes from pages what a reset never needs.
const permissions = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"

// PageHeaders are for HTML: strict CSP, never cached, no Referer, never framed or opened by a stranger's window.
// https says that the public URL is https; then browsers are told to stay there for two years, sub-domains too (RFC 6797).
// A handler of a static file may set Cache-Control anew.
func PageHeaders(https bool) gin.HandlerFunc { return setHeaders(pagePolicy, https) }

// APIHeaders are for JSON: the same, and an answer that a browser shows may load nothing at all.
func APIHeaders(https bool) gin.HandlerFunc { return setHeaders(apiPolicy, https) }

func setHeaders(policy string, https bool) gin.HandlerFunc {
	headers := [][2]string{
		{"Content-Security-Policy", policy},
		{"Cache-Control", "no-store"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"}, // for browsers older than frame-ancestors
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", permissions},
	}
	if https {
		headers = append(headers, [2]string{"Strict-Transport-Security", "max-age=63072000; includeSubDomains"})
	}
	values := make(map[string][]string, len(headers))
	for _, kv := range headers {
		values[http.CanonicalHeaderKey(kv[0])] = []string{kv[1]}
	}
	return func(c *gin.Context) {
		maps.Copy(c.Writer.Header(), values) // the slices are shared by all answers: Set replaces them and Add copies them, nobody writes into them
	}
}

// OwnReferrer lets a page's own site see where a form was sent from, so that its Origin can be checked, and nobody else. For pages without a secret in their address.
func OwnReferrer(c *gin.Context) { c.Header("Referrer-Policy", "same-origin") }

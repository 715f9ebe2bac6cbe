// Package server is the Gin engine that every audience's routes hang on: client addresses, request ids, access log, metrics, body caps, headers and problems.
// It promises that nothing secret reaches a log and that no header a stranger sends is believed. Only the web packages and cmd call it.
package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Options is what an engine needs. Only Logger is required.
type Options struct {
	Logger         *slog.Logger
	TrustedProxies []netip.Prefix  // whose X-Forwarded-For and X-Request-Id are believed; none unless named
	LogAddress     AddressLog      // how much of a client's address the access log keeps; the network part unless told
	Metrics        *Metrics        // nil: not counted
	Headers        gin.HandlerFunc // for every answer, 404 too; nil: APIHeaders without HSTS. Groups may set their own over it
	Render         Renderer        // how problems look; nil: JSON. Groups may choose their own by RenderWith
	MaxBody        int64           // bytes of a request body unless a group says otherwise by MaxBody; 0: 64 KiB
}

const defaultMaxBody = 64 << 10

// New makes an engine that answers unknown paths with 404, known ones under another method with 405 and Allow, and never redirects.
func New(o Options) (*gin.Engine, error) {
	if o.Logger == nil {
		return nil, errors.New("server: no logger")
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.HandleMethodNotAllowed = true
	if err := trust(e, o.TrustedProxies); err != nil {
		return nil, err
	}
	e.Use(o.begin(), accessLog(o), o.Metrics.count(), recovery(), o.headers(), capBody(orDefault(o.MaxBody, defaultMaxBody)))
	e.NoRoute(func(c *gin.Context) { Fail(c, problem.New(problem.NotFound, "There is nothing at this address.")) })
	e.NoMethod(func(c *gin.Context) {
		Fail(c, problem.New(problem.WrongMethod, "This address does not take that method."))
	})
	return e, nil
}

// trust tells Gin what clientAddr goes by, so that c.ClientIP is no hole beside ClientAddr. X-Real-IP is left out: proxies pass a client's own through.
func trust(e *gin.Engine, proxies []netip.Prefix) error {
	var names []string
	for _, p := range proxies {
		if !p.IsValid() || p.Bits() == 0 {
			return fmt.Errorf("server: trusted proxy %s would let everybody choose an address", p)
		}
		names = append(names, p.String())
	}
	if err := e.SetTrustedProxies(names); err != nil {
		return fmt.Errorf("server: trusted proxies: %w", err)
	}
	e.RemoteIPHeaders = []string{"X-Forwarded-For"}
	return nil
}

func (o Options) headers() gin.HandlerFunc {
	if o.Headers != nil {
		return o.Headers
	}
	return APIHeaders(false)
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// Get registers a handler for GET and HEAD: mail scanners and monitors send HEAD, RFC 9110 §9.1 has every server answer it, and Gin has no such rule.
// net/http leaves the body out.
func Get(r gin.IRoutes, path string, handlers ...gin.HandlerFunc) {
	r.GET(path, handlers...)
	r.HEAD(path, handlers...)
}

// request is what the engine knows of one request, kept in the Gin context under requestKey.
type request struct {
	id     string
	client netip.Addr
	logger *slog.Logger // without the id: most requests log one line, and With costs more than that line's attribute
	render Renderer
	body   body
}

const requestKey = "rekey.request"

func (o Options) begin() gin.HandlerFunc {
	render := o.Render
	if render == nil {
		render = JSON
	}
	return func(c *gin.Context) {
		peer := peerAddr(c.Request)
		r := &request{id: requestID(c.Request, trusted(o.TrustedProxies, peer)), client: clientAddr(c.Request, peer, o.TrustedProxies), render: render}
		r.logger = o.Logger
		r.body.original = c.Request.Body
		c.Set(requestKey, r)
		c.Request = c.Request.WithContext(audit.WithRequest(c.Request.Context(), r.id))
		c.Header("X-Request-Id", r.id)
		c.Next()
	}
}

func of(c *gin.Context) *request { return c.MustGet(requestKey).(*request) }

// Logger is the engine's logger with the request's id on it.
func Logger(c *gin.Context) *slog.Logger {
	r := of(c)
	return r.logger.With("request_id", r.id)
}

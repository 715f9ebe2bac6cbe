package api

import (
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// The most bytes of each body. A password may have 1,024 bytes, six times that when every one is escaped; a batch holds 1,000 checks.
const (
	maxVerify  = 8 << 10
	maxGate    = 4 << 10
	maxBatch   = 256 << 10
	maxForm    = 8 << 10
	maxAccount = 8 << 10
)

// How long public answers may be kept. A rotated key is published while its elder still verifies, so a minute is short enough.
const (
	keysAge        = time.Minute
	descriptionAge = 5 * time.Minute
)

// Routes registers every route for login services. They belong on an engine without a flood limit of its own: calls with a key
// are limited by that key, and the public ones have theirs here.
func (a *API) Routes(r gin.IRouter) {
	v1 := r.Group("/v1", server.APIHeaders(a.https), server.RenderWith(server.JSON), noQuery)
	v1.POST("/login/verify", server.MaxBody(maxVerify), body(a, client.ScopeLogin, a.verify))
	v1.POST("/gate", server.MaxBody(maxGate), gated(a, a.gate))
	v1.POST("/gate/batch", server.MaxBody(maxBatch), gated(a, a.gateBatch))
	v1.POST("/introspect", server.MaxBody(maxForm), form(a, client.ScopeLogin, a.introspect))

	// One pattern for /accounts/{subject} and /accounts/{subject}/password: a subject may hold an encoded slash, which only the handler can tell.
	accounts := v1.Group("/accounts", server.MaxBody(maxAccount))
	accounts.PUT("/*subject", byPath(body(a, client.ScopeImport, a.putAccount), body(a, client.ScopeImport, a.putPassword)))
	server.Get(accounts, "/*subject", byPath(bare(a, client.ScopeImport, a.getAccount), putOnly))
	accounts.DELETE("/*subject", byPath(bare(a, client.ScopeImport, a.deleteAccount), putOnly))

	public := r.Group("", server.APIHeaders(a.https), server.RenderWith(server.JSON), server.Limit(a.o.Limits, ratelimit.Flood, server.ClientNetwork))
	server.Get(public, "/.well-known/jwks.json", a.jwks)
	server.Get(public, "/openapi.json", a.description)
}

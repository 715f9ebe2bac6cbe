package portal

import (
	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/server"
)

// Routes registers every route for members.
func (p *Portal) Routes(r gin.IRouter) {
	pages := r.Group("", server.PageHeaders(p.https), server.RenderWith(p.Problem), p.ownForms, server.MaxBody(maxForm))
	server.Get(pages, "/", p.home)
	server.Get(pages, "/reset", p.inTurn, p.openForm)
	server.Get(pages, "/code", p.inTurn, p.openForm)
	pages.POST("/reset", p.redeem)
	server.Get(pages, "/done", p.done)
	server.Get(pages, "/forgot", p.inTurn, p.openForgot)
	pages.POST("/forgot", p.request)
	pages.POST("/reissue", p.reissue)
	server.Get(pages, "/incidents/:slug", p.inTurn, p.incident)
	server.Get(pages, "/incidents/:slug/feed", p.inTurn, p.feed)

	server.Get(pages, "/.well-known/change-password", p.changePassword)
	server.Get(pages, "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200", p.notFound)
	server.Get(pages, "/.well-known/security.txt", p.securityText)
	server.Get(pages, "/robots.txt", p.robots)
	server.Get(pages, server.AssetPath, p.static)

	// The pages' scripts call these: problems have a status and no body.
	script := r.Group("", server.PageHeaders(p.https), server.RenderWith(noBody), p.ownForms, server.MaxBody(maxForm))
	script.POST("/reset/check", p.check)
	server.Get(script.Group("", p.ownReads), "/proof", p.challenge)
}

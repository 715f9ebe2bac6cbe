package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

func (p *Portal) home(c *gin.Context) { p.showPlain(c, "home") }

// changePassword is where password managers send people (W3C, A Well-Known URL for Changing Passwords).
func (p *Portal) changePassword(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/forgot") }

// notFound also answers the address by which password managers test whether this server tells existing pages from missing ones.
func (p *Portal) notFound(c *gin.Context) {
	server.Fail(c, problem.New(problem.NotFound, "There is nothing at this address."))
}

// robots lets search engines find the public notices and nothing else.
func (p *Portal) robots(c *gin.Context) {
	c.String(http.StatusOK, "User-agent: *\nDisallow: /\nAllow: /incidents/\nAllow: /static/\n")
}

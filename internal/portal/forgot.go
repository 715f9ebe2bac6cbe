package portal

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// openForgot asks for an address to write to.
func (p *Portal) openForgot(c *gin.Context) {
	if p.closed(c) {
		return
	}
	p.show(c, http.StatusOK, "forgot", p.view(c))
}

// request has a message sent to whatever was typed. The answer is the same for every address, also for what is none.
func (p *Portal) request(c *gin.Context) {
	form, err := readForm(c, "email")
	if err != nil {
		server.Fail(c, err)
		return
	}
	ctx, cancel := p.work(c)
	defer cancel()
	v := p.view(c)
	if err := p.resets.Request(ctx, strings.TrimSpace(form["email"]), server.ClientAddr(c), v.Lang); err != nil {
		server.Fail(c, withWait(err))
		return
	}
	p.message(c, http.StatusOK, v, "sent.title", "sent.text", "sent.next", "sent.missing")
}

// reissue exchanges a link that has ended for a fresh one in the mailbox on file. The answer is the same for every token.
func (p *Portal) reissue(c *gin.Context) {
	form, err := readForm(c, "token")
	if err != nil {
		server.Fail(c, err)
		return
	}
	ctx, cancel := p.work(c)
	defer cancel()
	if err := p.resets.Reissue(ctx, form["token"], server.ClientAddr(c)); err != nil {
		server.RenderWith(func(c *gin.Context, d problem.Details) {
			v := p.view(c)
			v.Token = form["token"]
			p.goOn(c, d, "gone", v)
		})(c)
		server.Fail(c, withWait(err))
		return
	}
	p.message(c, http.StatusOK, p.view(c), "sent.title", "sent.reissue", "sent.next")
}

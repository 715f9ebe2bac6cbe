package portal

import (
	"context"
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
	p.showPlain(c, "forgot")
}

// request has a message sent to whatever was typed. The answer is the same for every address, also for what is none.
func (p *Portal) request(c *gin.Context) {
	form, err := readForm(c, "email", proofField)
	if err != nil {
		server.Fail(c, err)
		return
	}
	v := p.view(c)
	err = p.submit(c, form[proofField], func(ctx context.Context, _ func()) error {
		return p.resets.Request(ctx, strings.TrimSpace(form["email"]), server.ClientAddr(c), v.Lang)
	})
	if err != nil {
		p.refuseRequest(c, form["email"], err)
		return
	}
	v.ByCode = true
	p.message(c, http.StatusOK, v, "sent.title", "sent.text", "sent.missing", "sent.next")
}

// refuseRequest shows the form again, with the address in it, where it has to wait for its turn.
func (p *Portal) refuseRequest(c *gin.Context, email string, err error) {
	server.RenderWith(func(c *gin.Context, d problem.Details) {
		v := p.view(c)
		v.Email = email
		p.goOn(c, d, "forgot", v)
	})(c)
	server.Fail(c, withWait(err))
}

// reissue exchanges a link that has ended for a fresh one in the mailbox on file. The answer is the same for every token.
func (p *Portal) reissue(c *gin.Context) {
	form, err := readForm(c, "token", proofField)
	if err != nil {
		server.Fail(c, err)
		return
	}
	err = p.submit(c, form[proofField], func(ctx context.Context, _ func()) error {
		return p.resets.Reissue(ctx, form["token"], server.ClientAddr(c))
	})
	if err != nil {
		server.RenderWith(func(c *gin.Context, d problem.Details) {
			v := p.view(c)
			v.Token = form["token"]
			p.goOn(c, d, "gone", v)
		})(c)
		server.Fail(c, withWait(err))
		return
	}
	v := p.view(c)
	v.ByCode = true
	p.message(c, http.StatusOK, v, "sent.title", "sent.reissue", "sent.next")
}

package portal

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/server"
)

// openForm shows the form for a new password. The server sees no token here, it is in the fragment: without a script the form asks for the typed code.
func (p *Portal) openForm(c *gin.Context) {
	if p.closed(c) {
		return
	}
	p.showPlain(c, "reset")
}

// redeem sets the new password.
func (p *Portal) redeem(c *gin.Context) {
	form, err := readForm(c, "token", "email", "code", "password", "confirm", proofField)
	if err != nil {
		server.Fail(c, err)
		return
	}
	s := reset.Submission{Token: form["token"], Password: form["password"], Confirm: form["confirm"], Client: server.ClientAddr(c)}
	if s.Token == "" { // a token names its account; an address beside it would be a second opinion
		s.Email, s.Code = strings.TrimSpace(form["email"]), form["code"]
	}
	err = p.submit(c, form[proofField], func(ctx context.Context, leave func()) error {
		s.Leave = leave
		return p.resets.Redeem(ctx, s)
	})
	if err != nil {
		p.refuse(c, s, err)
		return
	}
	c.Redirect(http.StatusSeeOther, p.view(c).To("/done"))
}

// refuse shows why a password was not set, with what the member needs for the next step in the page: the token, or address and code, never a password.
func (p *Portal) refuse(c *gin.Context, s reset.Submission, err error) {
	server.RenderWith(func(c *gin.Context, d problem.Details) {
		v := p.view(c)
		v.Token, v.Email, v.Code = s.Token, s.Email, s.Code
		switch {
		case d.Status == http.StatusBadRequest && s.Token != "":
			v.Ways = true
			p.message(c, d.Status, v, "invalid.title", "invalid.text")
		case d.Status == http.StatusGone && s.Token != "":
			p.show(c, d.Status, "gone", v)
		case d.Status == http.StatusGone:
			v.Problem = &refusal{Heading: v.say("gone_code.title"), Text: v.say("gone_code.text"), After: v.say("gone_code.next"), Field: "code", Forgot: true}
			p.show(c, d.Status, "reset", v)
		case d.Status == http.StatusUnprocessableEntity:
			v.Problem = &refusal{Heading: v.say("refused.heading"), Text: v.reason(d, p.minimum), After: v.say("refused.nothing_lost"), Field: fieldOf(d.Code)}
			p.show(c, d.Status, "reset", v)
		default:
			p.goOn(c, d, "reset", v)
		}
	})(c)
	server.Fail(c, withWait(err))
}

// fieldOf is the input that a refused password is about.
func fieldOf(code string) string {
	if code == reset.ErrConfirm.Code {
		return "confirm"
	}
	return "password"
}

// goOn shows the page again with a notice where waiting is all that is needed, so that the token in it is not lost; else the problem's own page.
func (p *Portal) goOn(c *gin.Context, d problem.Details, page string, v *view) {
	switch {
	case d.Code == codeUnproven:
		v.Problem = &refusal{Heading: v.say("limited.title"), Text: v.say("unproven.text"), After: v.wait(c)}
	case d.Status == http.StatusTooManyRequests:
		v.Problem = &refusal{Heading: v.say("limited.title"), Text: v.say("limited.text"), After: v.wait(c)}
	case d.Status == http.StatusServiceUnavailable && !p.locked(c):
		v.Problem = &refusal{Heading: v.say("busy.title"), Text: v.say("busy.text"), After: v.wait(c)}
	default:
		p.Problem(c, d)
		return
	}
	p.show(c, d.Status, page, v)
}

// check tells the page's script whether a link still works: 204, 410, or 400 where it is not ours. It changes nothing.
func (p *Portal) check(c *gin.Context) {
	token, err := readToken(c)
	if err != nil {
		server.Fail(c, err)
		return
	}
	leave, err := p.door.enter(c.Request.Context())
	if err != nil {
		server.Fail(c, err)
		return
	}
	defer leave()
	ctx, cancel := p.work(c)
	defer cancel()
	if err := p.resets.Check(ctx, token, server.ClientAddr(c)); err != nil {
		server.Fail(c, withWait(err))
		return
	}
	c.Status(http.StatusNoContent)
}

func (p *Portal) done(c *gin.Context) { p.showPlain(c, "done") }

// work is the context of a call that may charge a limit or commit: whoever hangs up dodges nothing.
func (p *Portal) work(c *gin.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request.Context()), p.deadline)
}

package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// call is one request of somebody whose right to the route has been looked at.
type call struct {
	*gin.Context
	c   *Console
	who operator.Principal
}

// handler answers a call, or says why it does not.
type handler func(r *call) error

// route is a page or an act. Every one names the act it takes, so that none can be reached without a look at the role.
type route struct {
	method, path string
	act          operator.Act
	serve        handler
}

// anyone marks the routes before the sign-in.
const anyone operator.Act = "anyone"

// answer is the way to every handler: who is it, may they, then the handler; a refusal is shown as a page.
func (c *Console) answer(rt route) gin.HandlerFunc {
	return func(g *gin.Context) {
		r := &call{Context: g, c: c}
		if err := c.admit(r, rt); err != nil {
			c.refuse(r, err)
			return
		}
		if g.IsAborted() {
			return
		}
		if err := rt.serve(r); err != nil {
			c.refuse(r, err)
		}
	}
}

// admit finds out who calls, and sends whoever is nobody to the sign-in.
func (c *Console) admit(r *call, rt route) error {
	if rt.act == anyone {
		return nil
	}
	ctx := r.Request.Context()
	who, signedIn, err := c.guard.who(ctx)
	if err != nil {
		return err
	}
	if !signedIn {
		return c.stranger(r, rt)
	}
	r.who = who
	if rt.method == http.MethodGet {
		return c.o.Desk.MayOpen(ctx, who, rt.act, r.Request.URL.Path)
	}
	return c.o.Desk.MayDo(ctx, who, rt.act, r.Request.URL.Path)
}

// stranger leads whoever is signed out to the sign-in. What they sent is not done, and on record: nobody is there to blame, so the entry is the console's.
func (c *Console) stranger(r *call, rt route) error {
	where := r.Request.URL.Path
	if rt.method != http.MethodGet {
		if err := c.recordStranger(r.Context, rt.path, rt.act, "signed out"); err != nil {
			return err
		}
		r.say("You were signed out, and nothing was done. Sign in and do it again.")
		where = r.back()
	}
	r.see("/sign-in?next=" + url.QueryEscape(where))
	r.Abort()
	return nil
}

// refuse shows a problem: a stale factor leads to its confirmation, anything else to a page that says what happened.
func (c *Console) refuse(r *call, err error) {
	server.RenderWith(func(_ *gin.Context, d problem.Details) {
		if codeOf(err) == operator.NeedsFresh {
			r.see("/confirm?next=" + url.QueryEscape(r.back()))
			return
		}
		v := r.view(nil)
		v.Wrong = &wrong{Heading: d.Title, Text: d.Detail, Code: d.Code}
		c.show(r.Context, d.Status, "problem", v)
	})(r.Context)
	server.Fail(r.Context, err)
}

// back is the page an act was started from: its own path without the last part for a POST, so that nothing sent is repeated unseen.
func (r *call) back() string {
	if r.Request.Method != http.MethodPost {
		return r.Request.URL.Path
	}
	if from, err := url.Parse(r.GetHeader("Referer")); err == nil && from.Path != "" && r.c.own(from) {
		return from.Path
	}
	return "/"
}

// own tells a URL of the console.
func (c *Console) own(u *url.URL) bool {
	return u.Scheme+"://"+u.Host == c.site.URL
}

// next is where to go on after a sign-in: a path of the console, never another site's.
func next(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\x00\r\n\t") {
		return "/"
	}
	return s
}

// see leads on to a page by GET.
func (r *call) see(path string) { r.Redirect(http.StatusSeeOther, path) }

// page shows a page.
func (r *call) page(name string, data any) error {
	r.c.show(r.Context, http.StatusOK, name, r.view(data))
	return nil
}

// again shows a page once more with what was wrong in its form, and everything typed still in it.
func (r *call) again(name string, data any, err error) error {
	d := problem.DetailsOf(err, server.RequestID(r.Request.Context()))
	switch problem.KindOf(err) {
	case problem.Unprocessable, problem.Invalid, problem.Conflict:
	default:
		return err
	}
	v := r.view(data)
	v.Wrong = &wrong{Heading: "Nothing was done", Text: d.Detail, Code: d.Code}
	r.c.show(r.Context, d.Status, name, v)
	return nil
}

// refuseOn shows a page again with whatever went wrong but a defect, under the problem's own status: for the pages of the sign-in, where being turned away is an answer.
func (r *call) refuseOn(name string, data any, err error) error {
	if problem.KindOf(err) == problem.Internal {
		return err
	}
	server.RenderWith(func(_ *gin.Context, d problem.Details) {
		v := r.view(data)
		v.Wrong = &wrong{Heading: "That did not work", Text: d.Detail, Code: d.Code}
		r.c.show(r.Context, d.Status, name, v)
	})(r.Context)
	server.Fail(r.Context, err)
	return nil
}

// id is the number in the path.
func (r *call) id() (int64, error) {
	id, err := strconv.ParseInt(r.Param("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, problem.New(problem.NotFound, "There is nothing at this address.")
	}
	return id, nil
}

// work is the context of an act: whoever hangs up dodges nothing.
func (r *call) work() context.Context { return context.WithoutCancel(r.Request.Context()) }

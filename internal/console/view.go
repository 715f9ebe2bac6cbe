package console

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// places is the navigation.
var places = []entry{
	{Href: "/", Text: "Overview"},
	{Href: "/incidents", Text: "Incidents"},
	{Href: "/campaigns", Text: "Campaigns"},
	{Href: "/approvals", Text: "Approvals"},
	{Href: "/members", Text: "Members"},
	{Href: "/audit", Text: "Audit log"},
	{Href: "/operators", Text: "Operators"},
	{Href: "/keys", Text: "Keys and clients"},
}

// view is what the layout needs around a page. A part of it that cannot be read now is left out: a page that comes is worth more.
func (r *call) view(data any) *view {
	ctx := r.Request.Context()
	v := &view{Site: r.c.site, Page: data, RequestID: server.RequestID(ctx), Here: r.back(), assets: r.c.assets}
	v.Said = r.c.guard.said(ctx)
	if r.who.Kind == "" {
		return v
	}
	v.Who = &r.who
	if locked, err := r.c.o.Desk.Lockdown(ctx, r.who); err == nil && locked.On {
		v.Locked = &locked
	}
	waiting := r.waiting()
	for _, p := range places {
		p.Current = p.Href == r.Request.URL.Path || (p.Href != "/" && strings.HasPrefix(r.Request.URL.Path, p.Href+"/"))
		if p.Href == "/approvals" {
			p.Count = waiting
		}
		v.Nav = append(v.Nav, p)
	}
	return v
}

// Problem is the page of what went wrong before any handler: an unknown address, a foreign form, too large a body.
func (c *Console) Problem(g *gin.Context, d problem.Details) {
	r := &call{Context: g, c: c}
	v := r.view(nil)
	v.Wrong = &wrong{Heading: d.Title, Text: d.Detail}
	c.show(g, d.Status, "problem", v)
}

// waiting counts the requests that wait for a second person. One that cannot be counted now is none: the page itself says what is wrong.
func (r *call) waiting() int {
	requests, err := r.c.waiting(r.Request.Context(), r.who)
	if err != nil {
		return 0
	}
	return len(requests)
}

// waiting gives what waits for a second person, as many as a page holds: more than ever do, for each act on each thing waits once and not for long.
func (c *Console) waiting(ctx context.Context, p operator.Principal) ([]approval.Request, error) {
	requests, _, err := c.o.Desk.ApprovalPage(ctx, p, approval.Query{State: approval.Pending, Limit: approval.MaxPage})
	return requests, err
}

// say keeps a sentence for the next page.
func (r *call) say(text string) { r.c.guard.say(r.Request.Context(), text) }

// mayDo tells whether the caller's role lets them do an act, or approve it.
func (r *call) mayDo(a operator.Act) bool {
	rule, ok := operator.RuleOf(a)
	return ok && r.who.Roles.Has(rule.Roles...)
}

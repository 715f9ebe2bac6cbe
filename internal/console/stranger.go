package console

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// strangers is how many of them the limits on their entries are kept for; who is forgotten gets one entry more.
const strangers = 10_000

// ownFormsOnly refuses forms of other sites, and puts that on record.
func (c *Console) ownFormsOnly(refuse gin.HandlerFunc) gin.HandlerFunc {
	acts := map[string]operator.Act{}
	for _, rt := range c.routes() {
		if rt.method != get {
			acts[rt.path] = rt.act
		}
	}
	return func(g *gin.Context) {
		refuse(g)
		if !g.IsAborted() {
			return
		}
		path := g.FullPath()
		if err := c.recordStranger(g, path, acts[path], "another site's form"); err != nil {
			server.Logger(g).ErrorContext(g.Request.Context(), "a form of another site was refused, and that could not be recorded", "error", err)
		}
	}
}

// recordStranger puts on record what nobody who is known was refused. There is nobody to blame, so the entry is the console's; and since anybody can send such forms
// without end, not every one gets an entry.
func (c *Console) recordStranger(g *gin.Context, path string, act operator.Act, why string) error {
	ctx := context.WithoutCancel(g.Request.Context())
	for _, l := range []struct {
		limit ratelimit.Limit
		key   string
	}{{ratelimit.StrangerForm, path + " " + server.ClientNetwork(g)}, {ratelimit.StrangerForms, ""}} {
		if err := ratelimit.Charge(ctx, c.strangers, l.limit, l.key, 1); err != nil {
			return unless(problem.Limited, err)
		}
	}
	detail := audit.Detail{"act": string(act), "from": server.ClientAddr(g).String()}
	if origin := g.GetHeader("Origin"); origin != "" && origin != c.site.URL {
		detail["origin"] = operator.Label(origin, "unreadable")
	}
	entry := audit.New(audit.Actor{Kind: audit.KindSystem, Name: "console"}, audit.ActRefused, path, detail)
	return c.o.Operators.Record(ctx, entry.Refuse(why))
}

// unless drops an error of the kind.
func unless(kind problem.Kind, err error) error {
	if problem.Is(err, kind) {
		return nil
	}
	return err
}

package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// before are the routes that nobody has to be signed in for. Whatever else is added names an act of the rules, and is in the table below by itself.
var before = []string{
	"GET /static/:hash/:name", "GET /sign-in", "POST /sign-in", "GET /sign-in/second", "POST /sign-in/totp", "POST /sign-in/passkey/begin", "POST /sign-in/passkey",
	"POST /sign-in/provider", "GET /sign-in/return", "GET /enrol", "POST /enrol", "GET /enrol/ways", "GET /enrol/code.png", "POST /enrol/password",
	"POST /enrol/passkey/begin", "POST /enrol/passkey", "POST /enrol/provider",
}

// Every route × every role alone × a fresh and a stale second factor × signed out: what happens over HTTP is what operator.Rules say, and every denial is on record.
func TestAuthorisationTable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		for _, rt := range w.console.routes() {
			if rt.act == anyone {
				if name := rt.method + " " + rt.path; !slices.Contains(before, name) {
					t.Errorf("%s is open to everybody", name)
				}
				continue
			}
			w.tableRow(rt)
		}
	})
}

// tableRow tries one route as everybody.
func (w *world) tableRow(rt route) {
	rule, ok := operator.RuleOf(rt.act)
	if !ok {
		w.t.Errorf("%s %s has no rule", rt.method, rt.path)
		return
	}
	w.signedOutCell(rt)
	for _, role := range operator.AllRoles() {
		for _, fresh := range []bool{true, false} {
			w.tableCell(rt, rule, role, fresh)
		}
	}
}

// where is an address of the route. What it names does not exist: whoever may is told so, after whoever may not was turned away.
func (rt route) where() string {
	return strings.NewReplacer(":id", "999999", ":slug", "no-such", ":name", "no-such", ":kid", "no-such", ":version", "9", ":subject", "no-such").Replace(rt.path)
}

func (w *world) signedOutCell(rt route) {
	w.t.Helper()
	count := len(w.entries(audit.ActRefused))
	got := w.nobody().send(rt.method, rt.where(), nil)
	if got.status != http.StatusSeeOther || !strings.HasPrefix(got.to, "/sign-in?next=") {
		w.t.Errorf("%s %s signed out: %d to %q", rt.method, rt.path, got.status, got.to)
	}
	if rt.method == http.MethodPost && len(w.entries(audit.ActRefused)) != count+1 {
		w.t.Errorf("%s %s signed out left no entry", rt.method, rt.path)
	}
}

func (w *world) tableCell(rt route, rule operator.Rule, role operator.Role, fresh bool) {
	w.t.Helper()
	cell := fmt.Sprintf("%s %s as %s, fresh %t", rt.method, rt.path, role, fresh)
	may := rule.Roles.Has(role) || rule.Ask.Has(role)
	count := w.denials(string(role))
	got := w.signedIn(string(role), fresh).send(rt.method, rt.where(), nil)
	denied := w.denials(string(role)) - count
	confirm := got.status == http.StatusSeeOther && strings.HasPrefix(got.to, "/confirm?next=")
	refused := got.status == http.StatusForbidden && strings.Contains(got.body, "Your role does not cover this.")
	switch {
	case !may:
		if !refused || denied == 0 {
			w.t.Errorf("%s: %d to %q, %d denials on record; want refused", cell, got.status, got.to, denied)
		}
	case rule.Fresh && !fresh && rt.method == http.MethodPost:
		if !confirm || denied == 0 {
			w.t.Errorf("%s: %d to %q, %d denials on record; want a confirmation", cell, got.status, got.to, denied)
		}
	case rule.Fresh && !fresh: // a page may show what would be done; the act itself asks
		if refused {
			w.t.Errorf("%s: %d", cell, got.status)
		}
	default:
		if refused || confirm || got.status == http.StatusInternalServerError || strings.HasPrefix(got.to, "/sign-in") && rt.path != "/sign-out" {
			w.t.Errorf("%s: %d to %q; want allowed", cell, got.status, got.to)
		}
	}
}

// denials counts the entries of what somebody was refused.
func (w *world) denials(name string) int {
	w.t.Helper()
	found, _, err := w.store.AuditSearch(w.t.Context(), audit.Query{Actor: audit.KindOperator + ":" + name, Outcome: audit.Refused, Limit: audit.MaxPage})
	must(w.t, err)
	return len(found)
}

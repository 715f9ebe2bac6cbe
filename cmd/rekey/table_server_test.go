package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// said is what a run with --json said.
type said struct {
	status int
	code   string // of the refusal
	text   string // on standard error
	dry    bool   // the result is of what would be done
}

func (r *terminal) says(args ...string) said {
	status, stdout, stderr := r.run(append(args, "--json")...)
	var problem struct{ Code string }
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	_ = json.Unmarshal([]byte(lines[len(lines)-1]), &problem) // standard error may hold no problem: then there is no code
	return said{status, problem.Code, strings.TrimSpace(stderr), strings.HasPrefix(stdout, `{"dry_run":true`)}
}

// newest is the last entry of what was refused.
func (in *installation) newest() audit.Entry {
	in.t.Helper()
	page, _, err := in.db.AuditSearch(in.t.Context(), audit.Query{Outcome: audit.Refused, Limit: 1})
	if err != nil {
		in.t.Fatal(err)
	}
	if len(page) == 0 {
		return audit.Entry{}
	}
	return page[0]
}

// caller is somebody with a token for the server.
type caller struct {
	actor string // as in the audit log
	at    *terminal
	who   operator.Principal
}

func (in *installation) callers(admin string) []caller {
	in.t.Helper()
	var all []caller
	for _, role := range operator.AllRoles() {
		for _, fresh := range []bool{false, true} {
			name := fmt.Sprintf("%s-fresh-%t", role, fresh)
			p := operator.Principal{Kind: audit.KindOperator, Name: name, Roles: operator.Roles{role}}
			if fresh {
				p.FreshUntil = time.Now().Add(time.Hour)
			}
			all = append(all, caller{"operator:" + name, in.at(admin, in.tokenOf(name, fresh, role)), p})
		}
	}
	key := in.object("client", "create", "nightly", "--scope", client.ScopeAdmin)["key"].(string)
	return append(all, caller{"client:nightly", in.at(admin, key), operator.Program(1, "nightly")})
}

// Every command × every role × a fresh and a stale factor, a client's key, a wrong token and none, through the server: what happens is what the rules say,
// and every denial is on record.
func TestServerAuthorisation(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	callers := in.callers(in.serve("--no-delivery").admin)
	without := in.at(callers[0].at.env["REKEY_SERVER"], "")
	wrong := in.at(without.env["REKEY_SERVER"], "rko_"+strings.Repeat("x", 43))
	for _, row := range in.rows() {
		what := "rekey " + strings.Join(row.args, " ")
		if row.place != inOffice {
			in.elsewhere(what, row, callers[0].at)
			continue
		}
		for _, c := range callers {
			in.cell(what, row, c)
		}
		if got := without.says(row.args...); got.status != exitUsage || !strings.Contains(got.text, "REKEY_TOKEN") {
			t.Errorf("%s without a token: %+v", what, got)
		}
		if got := wrong.says(row.args...); got.status != exitFailed || !strings.Contains(got.text, `"status":401`) && !strings.Contains(got.text, `"status":429`) {
			t.Errorf("%s with a wrong token: %+v", what, got)
		}
	}
}

// elsewhere is a command that no server does.
func (in *installation) elsewhere(what string, row sampleRun, at *terminal) {
	in.t.Helper()
	got := at.says(row.args...)
	if refused := strings.Contains(got.text, "beside the database"); refused != (row.place == besideDatabase) || refused && got.status != exitUsage {
		in.t.Errorf("%s with --server: %+v", what, got)
	}
}

// cell is one command by one caller.
func (in *installation) cell(what string, row sampleRun, c caller) {
	in.t.Helper()
	rule, _ := operator.RuleOf(row.needs())
	want := ""
	switch {
	case !c.who.Roles.Has(append(slices.Clone(rule.Roles), rule.Ask...)...):
		want = operator.NeedsRole
	case rule.Fresh && !row.looksOnly() && !c.who.Fresh(time.Now()):
		want = operator.NeedsFresh
	}
	before := in.newest()
	got := c.at.says(row.args...)
	reading := row.looksOnly() || strings.HasPrefix(string(row.act), "read.")
	switch {
	case want == "" && (got.code == operator.NeedsRole || got.code == operator.NeedsFresh || got.status == exitUsage || strings.Contains(got.text, `"status":401`)):
		in.t.Errorf("%s by %s: %+v, want it allowed", what, c.actor, got)
	case got.status == exitOK && got.dry != row.looksOnly():
		in.t.Errorf("%s by %s: dry %t, and it declares another thing", what, c.actor, got.dry)
	case want == "" && reading && got.status != exitOK:
		in.t.Errorf("%s by %s: %+v, want it shown", what, c.actor, got)
	case want != "" && (got.status != exitFailed || got.code != want):
		in.t.Errorf("%s by %s: %+v, want %s", what, c.actor, got, want)
	case want != "":
		if e := in.newest(); e.ID == before.ID || e.Actor.String() != c.actor || e.Detail["refused"] != want {
			in.t.Errorf("%s by %s: the denial left %d %s %s %v", what, c.actor, e.ID, e.Actor, e.Action, e.Detail)
		}
	}
}

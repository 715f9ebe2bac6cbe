package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// inTable is somebody who tries every route.
type inTable struct {
	actor string // as in the audit log
	token string
	who   operator.Principal // what they should be taken for
}

// everybody is each role alone, with a fresh factor and without, and a program of each scope.
func everybody(b *bureau) []inTable {
	var all []inTable
	for _, role := range operator.AllRoles() {
		for _, fresh := range []bool{false, true} {
			name := fmt.Sprintf("%s-fresh-%t", role, fresh)
			p := operator.Principal{Kind: audit.KindOperator, Name: name, Roles: operator.Roles{role}}
			if fresh {
				p.FreshUntil = time.Now().Add(time.Hour)
			}
			all = append(all, inTable{"operator:" + name, b.person(name, fresh, role), p})
		}
	}
	none := operator.Program(1, "login")
	none.Roles = nil
	return append(all, inTable{"client:nightly", b.program("nightly", client.ScopeAdmin), operator.Program(1, "nightly")},
		inTable{"client:login", b.program("login", client.ScopeLogin), none})
}

// Every route × every role × fresh or stale × client keys, as the one table of rules has it; each denial leaves its entry.
func TestAdminAuthorisation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		b.person("victim", false, operator.Auditor) // operator 1, whom the acts on operators hit
		people := everybody(b)
		for _, rt := range b.api.Table() {
			for _, p := range people {
				b.tryRoute(rt, p)
			}
		}
	})
}

func (b *bureau) tryRoute(rt api.Route, p inTable) {
	b.Helper()
	want := expected(rt, p.who)
	w := b.attempt(rt, p.token)
	got := ""
	if w.Code >= 400 {
		got = read[problem.Details](b.T, w).Code
	}
	where := fmt.Sprintf("%s %s by %s", rt.Method, rt.Path, p.actor)
	switch {
	case want == "" && (w.Code == 401 || got == operator.NeedsRole || got == operator.NeedsFresh):
		b.Errorf("%s: %d %s, want it allowed", where, w.Code, w.Body)
	case want != "" && (w.Code != 403 || got != want):
		b.Errorf("%s: %d %s, want 403 %s", where, w.Code, w.Body, want)
	case want != "":
		newest, _, err := b.store.AuditSearch(b.Context(), audit.Query{Limit: 1})
		b.must(err)
		if e := newest[0]; e.Outcome != audit.Refused || e.Actor.String() != p.actor || e.Detail["refused"] != want {
			b.Errorf("%s: the denial left %s %s %s %v", where, e.Actor, e.Action, e.Outcome, e.Detail)
		}
	}
}

// expected is the code of the refusal, "" for none, worked out from the rules alone.
func expected(rt api.Route, who operator.Principal) string {
	rule, _ := operator.RuleOf(rt.Act)
	looks := rt.Method == "GET" && !strings.Contains(rt.Path, "/exports/")
	switch {
	case !who.Roles.Has(append(slices.Clone(rule.Roles), rule.Ask...)...):
		return operator.NeedsRole
	case rule.Fresh && !looks && !who.Fresh(time.Now()):
		return operator.NeedsFresh
	}
	return ""
}

var sample = strings.NewReplacer("{id}", "1", "{number}", "1", "{slug}", "june", "{name}", "nobody", "{kid}", "none", "{subject}", "u1", "{version}", "1", "{index}", "0")

// attempt calls a route with a body that it takes.
func (b *bureau) attempt(rt api.Route, token string) *httptest.ResponseRecorder {
	b.Helper()
	path, body := strings.TrimPrefix(sample.Replace(rt.Path), "/v1/admin"), ""
	path = strings.Replace(path, "/approvals/1", "/approvals/999", 1) // whose act would decide who may; TestAdminSecondPerson is about that
	switch {
	case rt.Takes != "":
		return b.call(rt.Method, path+"?incident=june", token, "email\nu1@example.org\n", func(r *http.Request) { r.Header.Set("Content-Type", rt.Takes) })
	case rt.Example != nil:
		text, err := json.Marshal(rt.Example)
		b.must(err)
		body = string(text)
	case rt.Method != "GET" && strings.Contains(rt.Path, "/updates/{number}") && rt.Method == "PUT":
		body = `{"text":"x"}`
	}
	return b.call(rt.Method, path, token, body)
}

// Without a key that works nobody learns anything, not even whether the path exists for others; wrong keys are limited, right ones are not.
func TestAdminKeys(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, store.Options{})
	b := staffed(t, s, nil)
	token := b.person("ann", false, operator.Auditor)
	if got := gets[api.Self](b, 200, "GET", "/self", token, ""); got.Name != "ann" || got.FreshUntil != nil {
		t.Errorf("%+v", got)
	}
	for _, rt := range b.api.Table() {
		if w := b.attempt(rt, ""); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s without a key: %d", rt.Method, rt.Path, w.Code)
		}
	}
	bodies := map[string]bool{}
	tried := 0
	for ; tried < 1000; tried++ {
		w := b.call("GET", "/incidents", []string{"rko_", "rekey_"}[tried%2]+strings.Repeat("x", 43), "")
		if w.Code == 429 {
			break
		}
		d := read[problem.Details](t, w)
		d.RequestID = ""
		bodies[fmt.Sprint(w.Code, d)] = true
	}
	if len(bodies) != 1 || tried == 1000 {
		t.Errorf("%d tries, answers %v", tried, bodies)
	}
	if w := b.call("GET", "/incidents", token, ""); w.Code != 200 {
		t.Errorf("a right key from the same address: %d", w.Code)
	}
	b.must(operator.RevokeToken(t.Context(), s, operator.Principal{Kind: audit.KindOperator, ID: 1, Name: "ann"}, 1))
	if w := b.call("GET", "/incidents", token, ""); w.Code != 401 && w.Code != 429 {
		t.Errorf("revoked: %d", w.Code)
	}
	if strings.Contains(b.log.String(), token) || strings.Contains(b.log.String(), strings.Repeat("x", 43)) {
		t.Error("a key is in the log")
	}
}

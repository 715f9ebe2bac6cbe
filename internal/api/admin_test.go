package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// The whole way of an incident by two people's tokens: asked for by one, approved by another, and by nobody else.
func TestAdminSecondPerson(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		b.accounts(5)
		ann, bob := b.person("ann", true, operator.Responder, operator.Approver), b.person("bob", true, operator.Approver)
		stale, auditor, program := b.person("cy", false, operator.Approver), b.person("dee", true, operator.Auditor), b.program("nightly", client.ScopeAdmin)

		gets[api.Incident](b, 200, "PUT", "/incidents/june", ann, `{"title":"Data was copied","found_at":1308297600,"classes":["names"]}`)
		k := gets[api.Campaign](b, 200, "POST", "/campaigns", ann, `{"incident":"june","scope":"list","filter":{"domain":"example.org"},"cutoff":1308297600}`)
		if k.State != "draft" || k.Filter.Domain != "example.org" || *k.Cutoff != 1308297600 {
			t.Errorf("%+v", k)
		}
		if r := gets[api.CampaignReport](b, 200, "POST", "/campaigns/1/prepare", ann, ""); r.Matched != 5 {
			t.Errorf("%+v", r)
		}
		k = gets[api.Campaign](b, 200, "GET", "/campaigns/1", auditor, "")
		plan := gets[api.ActivationPlan](b, 200, "GET", "/campaigns/1/activate", stale, "")
		if plan.Preview.WouldDie != 5 || !plan.Plan.SecondPerson || len(plan.Preview.Sample) == 0 {
			t.Errorf("%+v", plan)
		}
		ask := `{"expect":5,"tolerance":0,"reason":"confirmed","preparation":"` + k.Preparation + `"}`
		b.refused(409, "", "POST", "/campaigns/1/activate", ann, `{"expect":500,"reason":"x"}`) // also before anybody is asked
		b.refused(400, "", "POST", "/campaigns/1/activate", ann, `{"expect":5}`)                // without a reason
		b.refused(403, "fresh", "POST", "/campaigns/1/activate", program, ask)
		asked := gets[api.Approval](b, 202, "POST", "/campaigns/1/activate", ann, ask)
		if asked.State != "pending" || asked.Act != "campaign.activate" || asked.Accounts != 5 || asked.Requester != "ann" || !strings.Contains(string(asked.Effect), "5 passwords die") {
			t.Errorf("%+v", asked)
		}
		approve := fmt.Sprintf("/approvals/%d/approve", asked.ID)
		b.refused(409, "pending", "POST", "/campaigns/1/activate", ann, ask)
		b.refused(403, "second_person", "POST", approve, ann, `{}`)
		b.refused(403, "fresh", "POST", approve, stale, `{}`)
		b.refused(403, "role", "POST", approve, auditor, `{}`)
		b.refused(403, "person", "POST", approve, program, `{}`)
		if st := gets[api.CampaignStatus](b, 200, "GET", "/campaigns/1/status", auditor, ""); st.State != "prepared" {
			t.Errorf("active although nobody approved: %+v", st)
		}
		if done := gets[api.Approval](b, 200, "POST", approve, bob, `{"note":"list checked"}`); done.State != "approved" || done.Decider != "bob" {
			t.Errorf("%+v", done)
		}
		if st := gets[api.CampaignStatus](b, 200, "GET", "/campaigns/1/status", auditor, ""); st.State != "active" || *st.Died != 5 {
			t.Errorf("%+v", st)
		}
		b.refused(409, "decided", "POST", approve, bob, `{}`)
		if a := gets[api.Account](b, 200, "GET", "/accounts/u1", ann, ""); a.State != "dead" || a.KilledBy != 1 {
			t.Errorf("%+v", a)
		}
		if list := gets[api.Approvals](b, 200, "GET", "/approvals?state=pending", auditor, ""); len(list.Approvals) != 0 {
			t.Errorf("%+v", list)
		}
		if log := strings.Join(b.refusals(), "\n"); strings.Count(log, "\n") < 4 || !strings.Contains(log, "client:nightly campaign.activate campaign:1 fresh") {
			t.Error(log)
		}
	})
}

// refused sends a request that must be refused with the status, and the code unless it is empty.
func (b *bureau) refused(status int, code, method, path, token, body string) {
	b.Helper()
	w := b.call(method, path, token, body)
	if d := read[problem.Details](b.T, w); w.Code != status || code != "" && d.Code != code || w.Header().Get("Content-Type") != problem.ContentType {
		b.Errorf("%s %s: %d %s, want %d %s", method, path, w.Code, w.Body, status, code)
	}
}

// What one person does alone where that is set, and everything small acts answer.
func TestAdminAloneAndTheRest(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, store.Options{})
	b := staffed(t, s, func(o *desk.Options) { o.SingleHanded = true })
	b.accounts(2)
	ann := b.person("ann", true, operator.AllRoles()...)
	gets[api.Campaign](b, 200, "POST", "/campaigns", ann, `{"incident":"june","scope":"everyone"}`)
	gets[api.CampaignReport](b, 200, "POST", "/campaigns/1/prepare", ann, "")
	gets[api.Mailed](b, 200, "POST", "/campaigns/1/test-mail", ann, `{"to":"me@example.org","mail":"notice","locale":"de"}`)
	if diff := cmp.Diff([]desk.TestMail{{Kind: "notice", To: "me@example.org", Locale: "de"}}, b.mailed); diff != "" {
		t.Error(diff)
	}
	if done := gets[api.CampaignActivated](b, 200, "POST", "/campaigns/1/activate", ann, `{"expect":2,"reason":"nobody else is awake"}`); *done.Died != 2 || done.State != "active" {
		t.Errorf("%+v", done)
	}
	if k := gets[api.Campaign](b, 200, "POST", "/campaigns/1/pause", ann, ""); k.Mailing != "paused" {
		t.Errorf("%+v", k)
	}
	b.refused(409, "wrong_mailing", "POST", "/campaigns/1/pause", ann, "")
	gets[api.Campaign](b, 200, "POST", "/campaigns/1/resume", ann, `{}`)
	if p := gets[api.CampaignPlan](b, 200, "GET", "/campaigns/1/cancel", ann, ""); p.Accounts != 2 || p.Act != "cancel" {
		t.Errorf("%+v", p)
	}
	if k := gets[api.Campaign](b, 200, "POST", "/campaigns/1/cancel", ann, `{"reason":"a drill"}`); k.State != "cancelled" || k.CancelReason != "a drill" {
		t.Errorf("%+v", k)
	}
	made := gets[api.ClientMade](b, 200, "POST", "/clients", ann, `{"name":"shop","scope":"login","expires_at":4102444800}`)
	if !strings.HasPrefix(made.Key, "rekey_") || *made.Client.ExpiresAt != 4102444800 {
		t.Error("no key, or another expiry")
	}
	gets[api.Client](b, 200, "DELETE", "/clients/shop", ann, "")
	if keys := gets[api.SigningKeys](b, 200, "POST", "/keys/rotate", ann, `{"revoke":true,"reason":"leaked"}`); len(keys.Keys) != 2 || keys.Keys[1].State != "revoked" {
		t.Errorf("%+v", keys)
	}
	invited := gets[api.Invited](b, 200, "POST", "/operators", ann, `{"name":"Bob","email":"bob@example.org","roles":["auditor"]}`)
	if !strings.HasPrefix(invited.URL, adminURL+"/enrol#t=") || invited.Operator.Name != "bob" {
		t.Errorf("%+v", invited)
	}
	if o := gets[api.Operator](b, 200, "PUT", "/operators/2/roles", ann, `{"roles":["admin","responder"],"reason":"joins"}`); strings.Join(o.Roles, " ") != "responder admin" {
		t.Errorf("%+v", o)
	}
	for _, secret := range []string{made.Key, strings.SplitN(invited.URL, "#t=", 2)[1], ann} {
		if strings.Contains(b.log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

// Campaigns come in pages, of one state where that is asked for.
func TestAdminCampaignPages(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), nil)
	ann := b.person("ann", true, operator.Responder)
	for range 3 {
		gets[api.Campaign](b, 200, "POST", "/campaigns", ann, `{"incident":"june","scope":"everyone"}`)
	}
	gets[api.Campaign](b, 200, "POST", "/campaigns/2/discard", ann, "")
	for query, want := range map[string]string{
		"": "3 2 1", "?limit=2": "3 2 then 2", "?limit=2&before=2": "1", "?state=draft&limit=1": "3 then 3", "?state=discarded": "2", "?incident=july": "", "?incident=june&state=draft": "3 1",
	} {
		page := gets[api.Campaigns](b, 200, "GET", "/campaigns"+query, ann, "")
		if got := pageText(page.Next, page.Campaigns, func(k api.Campaign) int64 { return k.ID }); got != want {
			t.Errorf("%q gives %s, want %s", query, got, want)
		}
	}
}

// pageText is the numbers of a page, and where the next one begins.
func pageText[Row any](next *int64, rows []Row, number func(Row) int64) string {
	var text []string
	for _, row := range rows {
		text = append(text, strconv.FormatInt(number(row), 10))
	}
	if next != nil {
		text = append(text, fmt.Sprintf("then %d", *next))
	}
	return strings.Join(text, " ")
}

// So do requests for a second person.
func TestAdminApprovalPages(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), nil)
	ann := b.person("ann", true, operator.Responder)
	b.person("bob", true, operator.Approver)
	for id := range 3 {
		gets[api.Campaign](b, 200, "POST", "/campaigns", ann, `{"incident":"june","scope":"everyone"}`)
		gets[api.CampaignReport](b, 200, "POST", fmt.Sprintf("/campaigns/%d/prepare", id+1), ann, "")
		gets[api.Approval](b, 202, "POST", fmt.Sprintf("/campaigns/%d/activate", id+1), ann, `{"expect":0,"reason":"confirmed"}`)
	}
	gets[api.Approval](b, 200, "POST", "/approvals/2/withdraw", ann, "")
	for query, want := range map[string]string{
		"": "3 2 1", "?limit=2": "3 2 then 2", "?limit=2&before=2": "1", "?state=pending&limit=1": "3 then 3", "?state=withdrawn": "2", "?state=": "3 2 1", "?state=void": "",
	} {
		page := gets[api.Approvals](b, 200, "GET", "/approvals"+query, ann, "")
		if got := pageText(page.Next, page.Approvals, func(r api.Approval) int64 { return r.ID }); got != want {
			t.Errorf("%q gives %s, want %s", query, got, want)
		}
	}
}

// The log in pages by the indexes that are shown, and the exports: refused without a second person, whole with one.
func TestAdminAuditAndExports(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, store.Options{})
	b := staffed(t, s, nil)
	ann, bob := b.person("ann", true, operator.Admin), b.person("bob", true, operator.Admin)
	b.seal()
	first := gets[api.AuditPage](b, 200, "GET", "/audit?limit=2", ann, "")
	if len(first.Entries) != 2 || first.Next == nil {
		t.Fatalf("%+v", first)
	}
	next := gets[api.AuditPage](b, 200, "GET", fmt.Sprintf("/audit?limit=2&before=%d", *first.Next), ann, "")
	if len(next.Entries) == 0 || *next.Entries[0].Index != *first.Next-1 {
		t.Errorf("after %d: %+v", *first.Next, next)
	}
	for _, e := range gets[api.AuditPage](b, 200, "GET", "/audit?action=operator&outcome=done", ann, "").Entries {
		if !strings.HasPrefix(e.Action, "operator.") {
			t.Errorf("%+v", e)
		}
	}
	found := gets[api.AuditPage](b, 200, "POST", "/audit/search", ann, `{"object":"operator:a*","outcome":"done","limit":1}`)
	if len(found.Entries) != 1 || found.Entries[0].Object != "operator:ann" || found.Next == nil {
		t.Errorf("found %+v", found)
	}
	rest := gets[api.AuditPage](b, 200, "POST", "/audit/search", ann, fmt.Sprintf(`{"object":"operator:a*","since":1,"until":253402300799,"before":%d}`, *found.Next))
	if len(rest.Entries) == 0 || *rest.Entries[0].Index >= *found.Next {
		t.Errorf("after %d: %+v", *found.Next, rest)
	}
	if text := b.log.String(); strings.Contains(text, "operator:a*") {
		t.Error("what was searched for is in the access log")
	}
	b.refused(403, "second_person", "GET", "/exports/audit", ann, "")
	asked := gets[api.Approval](b, 202, "POST", "/exports/audit", ann, `{"reason":"for the regulator"}`)
	gets[api.Approval](b, 200, "POST", fmt.Sprintf("/approvals/%d/approve", asked.ID), bob, "")
	b.seal()
	w := b.call("GET", "/exports/audit?action=operator", ann, "")
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson; charset=utf-8" || len(lines) != 2 || !json.Valid([]byte(lines[0])) {
		t.Errorf("%d %s\n%s", w.Code, w.Header(), w.Body)
	}
	if w := b.call("GET", "/exports/audit?format=csv", ann, ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `"index","at"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b.refused(403, "second_person", "GET", "/exports/accounts", ann, "") // one yes is for one export
	b.refused(403, "second_person", "GET", "/exports/audit", bob, "")    // and for who asked
}

// endless is a list of 50,000 lines of a thousand bytes, which looks at the heap while it is read.
type endless struct {
	line  int
	rest  []byte
	worst uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.line == 50_000 {
			return 0, io.EOF
		}
		if e.line%5_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			e.worst = max(e.worst, m.HeapAlloc)
		}
		e.rest = fmt.Appendf(nil, "u%d@example.org,%s\n", e.line, strings.Repeat("x", 1000))
		if e.line == 0 {
			e.rest = append([]byte("email,note\n"), e.rest...)
		}
		e.line++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// A list of 50 MB is read as it comes. Not parallel: it looks at the heap.
func TestAdminListIsStreamed(t *testing.T) {
	s := storetest.SQLite(t, store.Options{})
	b := staffed(t, s, nil)
	b.accounts(3)
	ann := b.person("ann", false, operator.Responder)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	list := &endless{}
	w := b.call("POST", "/campaigns/upload?incident=june&cutoff=1308297600", ann, "", func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(list), -1
		r.Header.Set("Content-Type", "text/csv")
	})
	k := read[api.Campaign](t, w)
	if w.Code != 200 || k.ListColumn != "email" || len(k.ListSHA256) != 64 || *k.Cutoff != 1308297600 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if grown := int64(list.worst) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB under a list of 50 MB", grown>>20)
	}
	if r := gets[api.CampaignReport](b, 200, "POST", "/campaigns/1/prepare", ann, ""); r.Listed != 50_000 || r.Matched != 3 || r.Unmatched != 49_997 {
		t.Errorf("%+v", r)
	}
	lines := b.call("GET", "/campaigns/1/lines?outcome=unmatched", ann, "")
	if n := strings.Count(lines.Body.String(), "\n"); lines.Code != 200 || n != 49_998 {
		t.Errorf("%d, %d lines", lines.Code, n)
	}
	b.refused(400, "", "POST", "/campaigns/upload?incident=june", ann, `{"email":1}`)
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "rekey-list-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Bodies and query strings have one meaning or none, on every route that takes them.
func TestAdminIsStrict(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, store.Options{})
	b := staffed(t, s, nil)
	ann := b.person("ann", true, operator.AllRoles()...)
	for _, c := range []struct {
		status             int
		code, method, path string
		body               string
	}{
		{400, "not_json", "POST", "/lockdown/on", `{"reason":"x"`},
		{400, "unknown_field", "POST", "/lockdown/on", `{"reason":"x","force":true}`},
		{400, "duplicate_field", "POST", "/lockdown/on", `{"reason":"x","reason":"y"}`},
		{400, "wrong_type", "POST", "/lockdown/on", `{"reason":null}`},
		{400, "unknown_field", "POST", "/campaigns/1/pause", `{"reason":"x"}`},
		{400, "", "POST", "/campaigns/1/activate", ``},
		{400, "missing_field", "POST", "/campaigns/1/activate", `{"reason":"x"}`},
		{400, "wrong_type", "POST", "/campaigns/1/activate", `{"expect":1.0}`},
		{422, "out_of_range", "POST", "/campaigns/1/activate", `{"expect":-1}`},
		{422, "out_of_range", "POST", "/campaigns/1/activate", `{"expect":1,"preparation":"yesterday"}`},
		{400, "unknown_field", "POST", "/campaigns", `{"incident":"june","scope":"list","filter":{"Domain":"x"}}`},
		{400, "wrong_type", "POST", "/campaigns", `{"incident":"june","scope":"list","filter":[]}`},
		{400, "wrong_type", "PUT", "/incidents/june", `{"classes":null}`},
		{422, "out_of_range", "POST", "/operators", `{"name":"x","email":"x@y","roles":[]}`},
		{400, "unknown_field", "GET", "/audit?Limit=1", ``},
		{400, "duplicate_field", "GET", "/audit?limit=1&limit=2", ``},
		{422, "out_of_range", "GET", "/audit?limit=1001", ``},
		{422, "out_of_range", "GET", "/audit?outcome=maybe", ``},
		{422, "out_of_range", "GET", "/audit?object=account:u1", ``}, // addresses name no member
		{422, "out_of_range", "GET", "/exports/audit?object=account:*", ``},
		{400, "unknown_field", "GET", "/campaigns?colour=red", ``},
		{422, "state", "GET", "/campaigns?state=dead", ``},
		{422, "out_of_range", "GET", "/campaigns?limit=1001", ``},
		{422, "out_of_range", "GET", "/campaigns?before=x", ``},
		{422, "state", "GET", "/approvals?state=open", ``},
		{422, "out_of_range", "GET", "/approvals?limit=0", ``},
		{404, "", "GET", "/campaigns/x", ``},
		{404, "", "GET", "/campaigns/7", ``},
		{404, "", "GET", "/incidents/july", ``},
		{404, "", "GET", "/incidents/july/clocks", ``},
		{404, "", "GET", "/incidents/july/facts", ``},
		{404, "", "GET", "/incidents/july/reports", ``},
		{404, "", "POST", "/incidents/july/reports", ``},
		{404, "", "PUT", "/incidents/july/facts", `{"nature":"x"}`},
		{400, "unknown_field", "PUT", "/incidents/june/facts", `{"Nature":"x"}`},
		{400, "missing_field", "POST", "/incidents/june/clocks", `{"name":"x"}`},
		{422, "", "POST", "/incidents/june/clocks", `{"name":"x","due_at":1}`},
		{404, "", "GET", "/incidents/june/reports/99999999999", ``},
		{404, "", "GET", "/audit/-1/proof", ``},
		{400, "missing_field", "POST", "/members/find", `{}`},
		{404, "", "GET", "/members/77", ``},
		{404, "", "POST", "/members/77/link", ``},
		{422, "proof", "POST", "/members/1/code", `{"proof":"voice"}`},
		{404, "", "POST", "/approvals/7/code", ``},
	} {
		b.refused(c.status, c.code, c.method, c.path, ann, c.body)
	}
	if w := b.call("POST", "/lockdown/on", ann, "", func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"reason":"x"}`)), 14
		r.Header.Set("Content-Type", "text/plain")
	}); w.Code != 400 {
		t.Errorf("text/plain: %d", w.Code)
	}
	if l := gets[api.Lockdown](b, 200, "GET", "/lockdown", ann, ""); l.On {
		t.Error("a refused body locked the service down")
	}
}

// FuzzAdminBody sends what it likes: never a 5xx, and nothing of it in the answer.
func FuzzAdminBody(f *testing.F) {
	s := storetest.SQLite(f, store.Options{})
	for _, seed := range []string{`{}`, `{"expect":1}`, `{"title":"x","classes":["a"]}`, `{"incident":"june","scope":"list","filter":{"domain":"example.org"}}`, `{"roles":["admin"]}`, `{"a":[[[[{`} {
		f.Add(seed)
	}
	var b *bureau
	var token string
	f.Fuzz(func(t *testing.T, body string) {
		if b == nil {
			b = staffed(t, s, nil)
			token = b.person("ann", true, operator.AllRoles()...)
		}
		b.T = t
		for _, rt := range [][2]string{{"POST", "/campaigns"}, {"PUT", "/incidents/june"}, {"POST", "/campaigns/1/activate"}, {"PUT", "/operators/1/roles"}, {"POST", "/campaigns/1/cancel"}} {
			w := b.call(rt[0], rt[1], token, "SECRET-MARK"+body)
			if w.Code >= 500 || strings.Contains(w.Body.String(), "SECRET-MARK") {
				t.Errorf("%s %s %q: %d %s", rt[0], rt[1], body, w.Code, w.Body)
			}
			if w := b.call(rt[0], rt[1], token, body); w.Code >= 500 {
				t.Errorf("%s %s %q: %d %s", rt[0], rt[1], body, w.Code, w.Body)
			}
		}
	})
}

// docs/openapi-admin.json is what is served; examples in it are taken by what serves it.
func TestAdminOpenAPI(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), nil)
	w := b.call("GET", "/openapi.json", "", "")
	golden := filepath.Join("..", "..", "docs", "openapi-admin.json")
	if *update {
		b.must(os.WriteFile(golden, w.Body.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	b.must(err)
	if !bytes.Equal(want, w.Body.Bytes()) {
		t.Errorf("docs/openapi-admin.json is not what is served; go test ./internal/api -update writes it:\n%s", cmp.Diff(string(want), w.Body.String()))
	}
	d := read[document](t, w)
	token := b.person("ann", true, operator.AllRoles()...)
	for _, rt := range b.api.Table() {
		op := d.at(t, map[string]any(d), "paths", rt.Path, strings.ToLower(rt.Method)).(map[string]any)
		if op["operationId"] == "" || op["summary"] == "" || !strings.Contains(op["description"].(string), string(rt.Act)) {
			t.Errorf("%s %s is described as %v", rt.Method, rt.Path, op)
		}
		if rt.Example == nil {
			continue
		}
		if answer := b.attempt(rt, token); answer.Code == 400 && strings.Contains(answer.Body.String(), "_field") {
			t.Errorf("the example of %s %s: %s", rt.Method, rt.Path, answer.Body)
		}
	}
}

// Answers are what the description says, those of every route that answers JSON here.
func TestAdminAnswersFitTheirSchemas(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), func(o *desk.Options) { o.SingleHanded = true })
	b.accounts(2)
	ann := b.person("ann", true, operator.AllRoles()...)
	d := read[document](t, b.call("GET", "/openapi.json", "", ""))
	for _, c := range []struct{ method, path, documented, body string }{
		{"PUT", "/incidents/june", "/incidents/{slug}", `{"title":"x","classes":["names"]}`},
		{"POST", "/incidents/june/publish", "/incidents/{slug}/publish", ``},
		{"POST", "/incidents/june/updates", "/incidents/{slug}/updates", `{"text":"more"}`},
		{"PUT", "/incidents/june/updates/1", "/incidents/{slug}/updates/{number}", `{"text":"better"}`},
		{"DELETE", "/incidents/june/updates/1", "/incidents/{slug}/updates/{number}", ``},
		{"GET", "/incidents", "/incidents", ``},
		{"POST", "/campaigns", "/campaigns", `{"incident":"june","scope":"everyone"}`},
		{"POST", "/campaigns/1/prepare", "/campaigns/{id}/prepare", ``},
		{"GET", "/campaigns/1/preview", "/campaigns/{id}/preview", ``},
		{"GET", "/campaigns/1/activate", "/campaigns/{id}/activate", ``},
		{"POST", "/campaigns/1/activate", "/campaigns/{id}/activate", `{"expect":2,"reason":"x"}`},
		{"GET", "/campaigns/1/status", "/campaigns/{id}/status", ``},
		{"GET", "/campaigns/1/remind", "/campaigns/{id}/remind", ``},
		{"GET", "/campaigns", "/campaigns", ``},
		{"POST", "/lockdown/on", "/lockdown/on", `{"reason":"x"}`},
		{"GET", "/lockdown/off", "/lockdown/off", ``},
		{"GET", "/self", "/self", ``},
		{"GET", "/operators", "/operators", ``},
		{"POST", "/clients", "/clients", `{"name":"shop","scope":"login"}`},
		{"GET", "/clients", "/clients", ``},
		{"GET", "/keys", "/keys", ``},
		{"GET", "/audit", "/audit", ``},
		{"GET", "/accounts/u1", "/accounts/{subject}", ``},
		{"GET", "/approvals", "/approvals", ``},
		{"POST", "/incidents/june/clocks", "/incidents/{slug}/clocks", `{"name":"GDPR","due_at":1308556800}`},
		{"PUT", "/incidents/june/clocks/1", "/incidents/{slug}/clocks/{number}", `{"done":true}`},
		{"GET", "/incidents/june/clocks", "/incidents/{slug}/clocks", ``},
		{"PUT", "/incidents/june/facts", "/incidents/{slug}/facts", `{"nature":"A backup was copied."}`},
		{"POST", "/incidents/june/reports", "/incidents/{slug}/reports", ``},
		{"GET", "/incidents/june/reports", "/incidents/{slug}/reports", ``},
		{"GET", "/campaigns/1/progress", "/campaigns/{id}/progress", ``},
		{"GET", "/campaigns/1/mail", "/campaigns/{id}/mail", ``},
		{"POST", "/members/find", "/members/find", `{"member":"u1@example.org"}`},
		{"GET", "/members/2", "/members/{id}", ``},
		{"GET", "/audit/checkpoints", "/audit/checkpoints", ``},
	} {
		w := b.call(c.method, c.path, ann, c.body)
		if w.Code != 200 {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
			continue
		}
		schema := d.at(t, map[string]any(d), "paths", "/v1/admin"+c.documented, strings.ToLower(c.method), "responses", "200", "content", "application/json", "schema")
		for _, fault := range d.faults(t, schema, map[string]any(read[document](t, w)), c.method+" "+c.path) {
			t.Error(fault)
		}
	}
}

// A wait for the clock of the log: whoever asked is told how long a request lives.
func TestAdminRequestsExpire(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), nil)
	ann := b.person("ann", true, operator.Admin)
	asked := gets[api.Approval](b, 202, "POST", "/exports/accounts", ann, `{"reason":"hand-back"}`)
	if life := time.Duration(asked.ExpiresAt-asked.RequestedAt) * time.Second; life != 4*time.Hour {
		t.Errorf("it lives %s", life)
	}
	if w := gets[api.Approval](b, 200, "POST", fmt.Sprintf("/approvals/%d/withdraw", asked.ID), ann, ""); w.State != "withdrawn" {
		t.Errorf("%+v", w)
	}
}

package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// Deadlines, facts and reports of an incident, by somebody who responds, read by somebody who only reads.
func TestAdminCasefile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		ann, dee := b.person("ann", false, operator.Responder), b.person("dee", false, operator.Auditor)
		gets[api.Incident](b, 200, "PUT", "/incidents/june", ann, `{"title":"Data was copied","found_at":1308297600}`)

		c := gets[api.IncidentClock](b, 200, "POST", "/incidents/june/clocks", ann, `{"name":"GDPR Art. 33: supervisory authority","due_at":1308556800}`)
		if c.ID == 0 || c.DueAt != 1308556800 || c.DoneAt != nil {
			t.Errorf("%+v", c)
		}
		clock := fmt.Sprintf("/incidents/june/clocks/%d", c.ID)
		b.refused(409, "clock", "POST", "/incidents/june/clocks", ann, `{"name":"GDPR Art. 33: supervisory authority","due_at":1308556801}`)
		if c = gets[api.IncidentClock](b, 200, "PUT", clock, ann, `{"done":true,"note":"filed as 7"}`); c.DoneAt == nil || c.Note != "filed as 7" || c.DueAt != 1308556800 {
			t.Errorf("%+v", c)
		}
		if c = gets[api.IncidentClock](b, 200, "PUT", clock, ann, `{"done":false}`); c.DoneAt != nil || c.Note != "filed as 7" {
			t.Errorf("%+v", c)
		}
		b.refused(404, "", "PUT", "/incidents/june/clocks/99", ann, `{"done":true}`)
		b.refused(403, "role", "PUT", clock, dee, `{"done":true}`)
		list := gets[api.IncidentClocks](b, 200, "GET", "/incidents/june/clocks", dee, "")
		if len(list.Clocks) != 1 || len(list.Suggested) != 8 || list.Suggested[0].DueAt != 1308297600+72*3600 {
			t.Errorf("%+v", list)
		}

		gets[api.IncidentFacts](b, 200, "PUT", "/incidents/june/facts", ann, `{"nature":"A backup was copied.","contact":"dpo"}`)
		facts := gets[api.IncidentFacts](b, 200, "PUT", "/incidents/june/facts", ann, `{"contact":""}`).Facts
		if f := facts[0]; f.Name != "nature" || f.Value != "A backup was copied." || f.UpdatedAt == nil || f.Law == "" {
			t.Errorf("%+v", f)
		}
		if at := slices.IndexFunc(facts, func(f api.IncidentFact) bool { return f.Name == "contact" }); at < 0 || facts[at].Value != "" {
			t.Errorf("not cleared: %+v", facts)
		}
		b.refused(403, "role", "PUT", "/incidents/june/facts", dee, `{"nature":"x"}`)
		b.reports(ann, dee)
	})
}

// reports makes two versions; the first stays what it was, byte for byte, and its digest is in the header, the list and the log.
func (b *bureau) reports(ann, dee string) {
	b.Helper()
	first := gets[api.IncidentReport](b, 200, "POST", "/incidents/june/reports", ann, "")
	gets[api.IncidentFacts](b, 200, "PUT", "/incidents/june/facts", ann, `{"nature":"Two backups were copied."}`)
	gets[api.IncidentReport](b, 200, "POST", "/incidents/june/reports", ann, `{}`)
	b.refused(403, "role", "POST", "/incidents/june/reports", dee, "")
	b.refused(404, "", "GET", "/incidents/june/reports/3", dee, "")
	all := gets[api.IncidentReports](b, 200, "GET", "/incidents/june/reports", dee, "").Reports
	if len(all) != 2 || all[1] != first || first.Version != 1 || first.MadeBy != "operator:ann" {
		b.Errorf("%+v", all)
	}
	w := b.call("GET", "/incidents/june/reports/1", dee, "")
	sum := sha256.Sum256(w.Body.Bytes())
	if w.Code != 200 || w.Body.String() != "<!doctype html>\n<p>Version 1: \u00e9\r\nA backup was copied." || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		b.Errorf("%d %q %q", w.Code, w.Header(), w.Body)
	}
	if got := w.Header().Get(api.HeaderSHA256); got != hex.EncodeToString(sum[:]) || got != first.SHA256 {
		b.Errorf("digest %q, of the body %x", got, sum)
	}
	if got := w.Header().Get("Repr-Digest"); got != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
		b.Errorf("Repr-Digest: %s", got)
	}
	if d := w.Header().Get("Content-Disposition"); d != `attachment; filename="june-report-1.html"` {
		b.Errorf("people's text must not be shown as a page of the admin address: %q", d)
	}
	log, _, err := b.store.AuditSearch(b.Context(), audit.Query{Action: string(audit.ReportMake), Outcome: audit.Done, Limit: 10})
	b.must(err)
	if len(log) != 2 || log[1].Detail["sha256"] != first.SHA256 {
		b.Errorf("%+v", log)
	}
}

// A campaign by hour and language, and its mails in each; who only reads watches, and sees no mail.
func TestAdminProgressAndMail(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		b.accounts(3)
		b.killed("june")
		ann, dee := b.person("ann", false, operator.Responder), b.person("dee", false, operator.Auditor)
		p := gets[api.CampaignProgress](b, 200, "GET", "/campaigns/1/progress", dee, "")
		if p.Status.Members != 3 || p.Status.State != "active" || len(p.Locales) != 1 || p.Locales[0].Members != 3 || p.Hours == nil || p.At == 0 || p.Ends != nil {
			t.Errorf("%+v", p)
		}
		b.refused(404, "", "GET", "/campaigns/9/progress", dee, "")
		m := gets[api.CampaignMail](b, 200, "GET", "/campaigns/1/mail?mail=notice&locale=de", ann, "")
		if m.Subject != "notice of june" || m.Text != "de" || len(m.Languages) != 2 {
			t.Errorf("%+v", m)
		}
		b.refused(400, "", "GET", "/campaigns/1/mail?mail=changed", ann, "")
		b.refused(404, "", "GET", "/campaigns/9/mail", ann, "")
		b.refused(403, "role", "GET", "/campaigns/1/mail", dee, "")
	})
}

// An entry with signs that JSON for pages would escape is proven as it is sealed, and verifies without the database.
func TestAdminProofs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		dee := b.person("dee", false, operator.Auditor)
		vkey, err := b.keys.Ensure(t.Context(), "reset.example.org/audit", tester)
		b.must(err)
		b.must(s.Record(t.Context(), audit.New(tester, audit.MigrateUp, "schema", audit.Detail{"why": "<b>&\u2028"})))
		b.seal()
		newest, _, err := s.AuditSearch(t.Context(), audit.Query{Action: string(audit.MigrateUp), Limit: 1})
		b.must(err)
		proof := fmt.Sprintf("/audit/%d/proof", *newest[0].Index)
		b.refused(409, "no_checkpoint", "GET", proof, dee, "")
		c, _, err := audit.NewKeeper(s, b.keys).Make(t.Context())
		b.must(err)

		w := b.call("GET", proof, dee, "")
		if got, err := audit.VerifyProof(w.Body.Bytes(), vkey); w.Code != 200 || err != nil || got.Head != c.Head || !strings.Contains(w.Body.String(), "<b>&") {
			t.Errorf("%d %v %s", w.Code, err, w.Body)
		}
		d := read[document](t, b.call("GET", "/openapi.json", "", ""))
		schema := d.at(t, map[string]any(d), "paths", "/v1/admin/audit/{index}/proof", "get", "responses", "200", "content", "application/json", "schema")
		for _, fault := range d.faults(t, schema, map[string]any(read[document](t, w)), "proof") {
			if !strings.Contains(fault, "record") { // any JSON
				t.Error(fault)
			}
		}
		b.refused(404, "", "GET", "/audit/999/proof", dee, "")
		list := gets[api.AuditCheckpoints](b, 200, "GET", "/audit/checkpoints", dee, "")
		if len(list.Checkpoints) != 1 || list.Checkpoints[0].Root != c.Head.Root.String() || list.Checkpoints[0].Size != c.Head.Size || list.Verifiers[0] != vkey || list.Next != nil {
			t.Errorf("%+v", list)
		}
		if opened, err := audit.OpenCheckpoint(list.Checkpoints[0].Note, list.Verifiers...); err != nil || opened.Head != c.Head {
			t.Errorf("%v %v", opened, err)
		}
		b.checkpointsAndProofs(dee, vkey, c)
		if older := gets[api.AuditCheckpoints](b, 200, "GET", "/audit/checkpoints?before=1", dee, ""); len(older.Checkpoints) != 0 {
			t.Errorf("%+v", older)
		}
	})
}

// checkpointsAndProofs signs the log after it grew, and proves against what was kept before.
func (b *bureau) checkpointsAndProofs(token, vkey string, kept audit.Checkpoint) {
	b.Helper()
	b.must(b.store.Record(b.Context(), audit.New(tester, audit.MigrateUp, "schema", nil)))
	b.seal()
	before := len(b.refusals())
	made := gets[api.AuditCheckpoint](b, 200, "POST", "/audit/checkpoints", token, "")
	if opened, err := audit.OpenCheckpoint(made.Note, vkey); err != nil || opened.Head.Size != made.Size || made.Size <= kept.Head.Size {
		b.Errorf("%+v %v", made, err)
	}
	if again := gets[api.AuditCheckpoint](b, 200, "POST", "/audit/checkpoints", token, ""); again.Number != made.Number {
		b.Errorf("the log did not grow, and another one was made: %+v", again)
	}
	for path, size := range map[string]int64{
		"/audit/0/proof": made.Size, fmt.Sprintf("/audit/0/proof?size=%d", kept.Head.Size): kept.Head.Size,
		"/audit/consistency?old=1": made.Size, fmt.Sprintf("/audit/consistency?old=%d", kept.Head.Size): made.Size,
		fmt.Sprintf("/audit/consistency?old=1&size=%d", kept.Head.Size): kept.Head.Size,
	} {
		w := b.call("GET", path, token, "")
		if got, err := audit.VerifyProof(w.Body.Bytes(), vkey); w.Code != 200 || err != nil || got.Head.Size != size {
			b.Errorf("%s: %d %v %s", path, w.Code, err, w.Body)
		}
	}
	b.refused(409, "no_checkpoint", "GET", fmt.Sprintf("/audit/%d/proof?size=%d", kept.Head.Size, kept.Head.Size), token, "")
	b.refused(404, "", "GET", "/audit/0/proof?size=1", token, "")
	b.refused(404, "", "GET", "/audit/consistency?old=1&size=1", token, "")
	b.refused(400, "", "GET", "/audit/consistency", token, "")
	b.refused(400, "", "GET", "/audit/consistency?old=999", token, "")
	b.refused(422, "out_of_range", "GET", "/audit/consistency?old=-1", token, "")
	if len(b.refusals()) != before {
		b.Error("a look left a refusal")
	}
}

// Members are found in a body, and helped; no address and no code is in the server's log.
func TestAdminMembers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		b.accounts(3)
		b.killed("june")
		ann, dee := b.person("ann", true, operator.Responder), b.person("dee", true, operator.Auditor)
		found := gets[api.MembersFound](b, 200, "POST", "/members/find", ann, `{"member":"U1@Example.ORG"}`).Members
		if len(found) != 1 || found[0].Subject != "u1" || found[0].Email != "u1@example.org" {
			t.Fatalf("%+v", found)
		}
		if none := b.call("POST", "/members/find", ann, `{"member":"nobody"}`); none.Code != 200 || none.Body.String() != `{"members":[]}` {
			t.Errorf("%d %s", none.Code, none.Body)
		}
		path := fmt.Sprintf("/members/%d", found[0].ID)
		m := gets[api.Member](b, 200, "GET", path, ann, "")
		if m.Account.Subject != "u1" || m.Account.State != "dead" || len(m.Covered) != 1 || !m.Covered[0].Kills || m.Explained == "" || len(m.Timeline) == 0 || m.Looks == 0 {
			t.Errorf("%+v", m)
		}
		gets[api.LinkSent](b, 200, "POST", path+"/link", ann, "")
		if dead := gets[api.AddressMarked](b, 200, "POST", path+"/dead-address", ann, ""); !dead.Dead {
			t.Errorf("%+v", dead)
		}
		b.refused(409, "address", "POST", path+"/dead-address", ann, "")
		b.refused(409, "address", "POST", path+"/link", ann, "")
		if m := gets[api.Member](b, 200, "GET", path, ann, ""); m.Suppressed == nil || m.Suppressed.Reason == "" {
			t.Errorf("%+v", m)
		}
		gets[api.AddressMarked](b, 200, "DELETE", path+"/dead-address", ann, "")
		b.refused(409, "address", "DELETE", path+"/dead-address", ann, "")
		for _, c := range [][2]string{{"GET", ""}, {"POST", "/link"}, {"POST", "/dead-address"}, {"DELETE", "/dead-address"}} {
			b.refused(403, "role", c[0], path+c[1], dee, "")
		}
		if strings.Contains(strings.ToLower(b.log.String()), "u1@example.org") {
			t.Error("the address is in the server's log")
		}
	})
}

// A code is asked for by who responds, approved by another person, and shown to who asked, once.
func TestAdminSpokenCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := staffed(t, s, nil)
		b.accounts(3)
		b.killed("june")
		ann, bob := b.person("ann", true, operator.Responder), b.person("bob", true, operator.Approver)
		stale := b.person("cy", false, operator.Approver)
		const ask = `{"proof":"callback","note":"ticket 7","reason":"on the line"}`
		b.refused(403, "fresh", "POST", "/members/1/code", stale, ask)
		b.refused(422, "note", "POST", "/members/1/code", bob, `{"proof":"callback","note":"u0@example.org"}`)
		alone := gets[api.SpokenCode](b, 200, "POST", "/members/1/code", bob, ask) // who approves gives codes alone, unless set otherwise
		asked := gets[api.Approval](b, 202, "POST", "/members/2/code", ann, ask)
		take := fmt.Sprintf("/approvals/%d/code", asked.ID)
		b.refused(409, "taken", "POST", take, ann, "") // nobody approved it yet
		gets[api.Approval](b, 200, "POST", fmt.Sprintf("/approvals/%d/approve", asked.ID), bob, "")
		b.refused(403, "asker", "POST", take, bob, "")
		b.refused(403, "fresh", "POST", take, stale, "")
		code := gets[api.SpokenCode](b, 200, "POST", take, ann, "")
		if len(code.Code) != 14 || code.Email != "u1@example.org" || code.Until == 0 || code.Code == alone.Code {
			t.Error("no code, or another member's")
		}
		b.refused(409, "taken", "POST", take, ann, "")
		if a := gets[api.Approval](b, 200, "GET", fmt.Sprintf("/approvals/%d", asked.ID), bob, ""); a.TakenAt == nil {
			t.Errorf("%+v", a)
		}
		if w := b.call("POST", take, ann, ""); read[problem.Details](t, w).Code != "taken" || strings.Contains(b.log.String(), code.Code) {
			t.Error("the code is shown twice, or in the log")
		}
	})
}

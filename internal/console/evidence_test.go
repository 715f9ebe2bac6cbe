package console

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/incident"
)

func TestAuditView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	v := w.as("auditor")
	activated := w.entries(audit.CampaignActivate)[0]
	path := "/audit/" + strconv.FormatInt(activated.ID, 10)
	w.wants(v.get(path), 200, "campaign.activate on campaign:1", "not sealed yet", "No checkpoint has been signed yet")
	w.wants(v.get("/audit/checkpoints"), 200, "None has been signed yet")
	c := w.seal()
	w.wants(v.get("/audit?action=campaign&object=campaign:1"), 200, "campaign.activate", `<a href="`+path+`">`)
	w.wants(v.get("/audit?actor=operator:nobody"), 200, "No entry fits this search")
	w.wants(v.post("/audit", "object", "account:nobody"), 200, "No entry fits this search", `value="account:nobody"`)
	w.wants(v.get("/audit?object=account:nobody"), 422, "none may name a member")
	w.wants(v.get("/audit?since=yesterday"), 422, "A time is written as")
	w.wants(v.get("/audit/99999"), 404)

	keys, err := w.keys.Verifiers(t.Context())
	must(t, err)
	w.wants(v.get(path), 200, "stands in the log of", "rekey audit verify --proof-file entry-", keys[0])
	proof := v.get(path + "/proof")
	if got, err := audit.VerifyProof([]byte(proof.body), keys...); err != nil || got.Head != c.Head || !strings.Contains(proof.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the downloaded proof: %v %v", got, err)
	}
	w.wants(v.get("/audit/checkpoints"), 200, keys[0], c.Head.Root.String())

	must(t, w.store.Record(t.Context(), audit.New(audit.Actor{Kind: audit.KindSystem, Name: "other"}, audit.MigrateUp, "schema", nil)))
	for range auditRows {
		must(t, w.store.Record(t.Context(), audit.New(tester, audit.MigrateUp, "schema", nil)))
	}
	first := v.post("/audit", "actor", "cli:tester")
	older := regexp.MustCompile(`name="before" value="(\d+)"`).FindStringSubmatch(first.body)
	if older == nil || !strings.Contains(first.body, `<input type="hidden" name="actor" value="cli:tester">`) {
		t.Fatal("there is no way to older entries")
	}
	page := v.post("/audit", "actor", "cli:tester", "before", older[1])
	w.wants(page, 200, "campaign.activate")
	if strings.Contains(page.body, ">migrate.up<") || strings.Contains(page.body, "system:other") {
		t.Errorf("the second page repeats the first, or forgets the search: %s", page.body)
	}
}

// A full export needs a second person's yes, and only who asked takes it, in the hour after.
func TestExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	v := w.as("admin")
	w.wants(w.as("auditor").get("/audit/export"), 403)
	for path, want := range map[string]string{"/audit/export": `"action":"campaign.activate"`, "/accounts/export": ""} {
		w.wants(v.get(path), 200, "Ask a second person")
		w.wants(v.post(path+"/download", "format", "csv"), 403, "A second person has to approve this export first")
		asked := v.post(path, "reason", "for the authority")
		if asked.status != 303 {
			t.Fatalf("asked: %+v", asked)
		}
		if got := w.as("second").post(asked.to + "/approve"); got.to != asked.to {
			t.Fatalf("approved: %+v", got)
		}
		w.wants(v.get(asked.to), 200, `href="`+path+`"`)
		w.wants(v.get(path), 200, "A second person said yes", "Download NDJSON")
		got := v.post(path+"/download", "format", "ndjson")
		w.wants(got, 200, want)
		if got.header.Get("Content-Type") != "application/x-ndjson" || !strings.Contains(got.header.Get("Content-Disposition"), ".ndjson") {
			t.Errorf("headers %v", got.header)
		}
		w.wants(v.post(path+"/download", "format", "exe"), 400)
		w.wants(w.as("second").post(path+"/download", "format", "csv"), 403)
	}
	e := w.entries(audit.AuditExport)
	taken := 0
	for _, one := range e {
		if one.Outcome == audit.Done && one.Actor.Name == "admin" && one.Detail["approved_by"] == "second" {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("%d downloads recorded: %+v", taken, e)
	}
}

func TestDeadlinesAndFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	v := w.as("responder")
	w.wants(v.get("/incidents/june/clocks"), 200, "No deadline is set", "Say when that was")
	found := time.Now().UTC().Add(-80 * time.Hour).Truncate(time.Minute)
	_, err := incident.Set(t.Context(), w.store, incident.Change{Slug: "june", FoundAt: &found}, tester)
	must(t, err)
	page := v.get("/incidents/june/clocks")
	w.wants(page, 200, "GDPR Art. 33: supervisory authority", "California (SB 446): residents", found.AddDate(0, 0, 30).Format("2006-01-02T15:04:05Z"))
	add := func(name string, due time.Time) {
		t.Helper()
		if got := v.post("/incidents/june/clocks", "name", name, "due", due.Format("2006-01-02T15:04:05Z")); got.status != 303 {
			t.Fatalf("adding %s: %d %s", name, got.status, got.body)
		}
	}
	add("GDPR Art. 33: supervisory authority", found.Add(72*time.Hour))
	add("board", time.Now().UTC().Add(5*time.Hour+30*time.Second))
	w.wants(v.post("/incidents/june/clocks", "name", "board", "due", "2030-01-01T00:00"), 409, "has a deadline of this name already")
	w.wants(v.post("/incidents/june/clocks", "name", "x", "due", "soon"), 422, "A time is written as")
	w.wants(w.as("auditor").get("/incidents/june"), 200, "overdue by 8\u00a0h", "5\u00a0h left", `class="late" role="alert"`)
	if strings.Contains(w.as("auditor").get("/incidents/june/clocks").body, "Mark as met") {
		t.Error("an auditor is offered to change a deadline")
	}
	clocks, err := w.store.Clocks(t.Context(), "june")
	must(t, err)
	v.post("/incidents/june/clocks", "id", strconv.FormatInt(clocks[0].ID, 10), "done", "yes", "note", "filed as 4711")
	w.wants(v.get("/incidents/june/clocks"), 200, "too late", "filed as 4711", "Not met after all")

	w.wants(v.get("/incidents/june/facts"), 200, "Campaign 1: 3 members, counted", "3 passwords that died")
	if got := v.post("/incidents/june/facts", "nature", "stolen <b>backup</b>", "contact", "dpo@example.org"); got.status != 303 {
		t.Errorf("facts: %d %s", got.status, got.body)
	}
	w.wants(v.get("/incidents/june/facts"), 200, "stolen &lt;b&gt;backup&lt;/b&gt;")
	w.wants(v.post("/incidents/june/facts", "nature", strings.Repeat("x", 20_000)), 422, "at most 16384 bytes")
	w.logLacks("stolen", "dpo@")
}

// A report has what an authority asks for, is kept as it was made, and runs nothing.
func TestEvidenceReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	w.seal()
	v := w.as("responder")
	must(t, incident.SetFacts(t.Context(), w.store, "june", map[string]string{"nature": "A backup was stolen.<script>alert(1)</script>", "consequences": "Tried elsewhere."}, tester))
	w.wants(v.get("/incidents/june/reports"), 200, "No report has been made yet", "Not written yet")
	make := func() {
		t.Helper()
		if got := v.post("/incidents/june/reports"); got.to != "/incidents/june/reports" {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	make()
	first := w.as("auditor").get("/incidents/june/reports/1")
	w.wants(first, 200, "Nature of the breach", "A backup was stolen.&lt;script&gt;", "Likely consequences", "Tried elsewhere.", "Nothing was written.", "Campaign 1: active",
		`<th scope="row">Passwords that died at the activation</th><td class="n">3</td>`, "campaign.activate", "cli:tester", "reset.example.org/audit", "rekey audit verify --export")
	if policy := first.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "script-src") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(first.body, "<script") || strings.Contains(first.body, "example.com") || strings.Contains(first.body, "5f4dcc3b") {
		t.Error("the report has a script, or what is a member's")
	}
	must(t, incident.SetFacts(t.Context(), w.store, "june", map[string]string{"nature": "Two backups were stolen."}, tester))
	_, err := account.NewDirectory(w.store).Delete(t.Context(), "u-1", tester)
	must(t, err)
	make()
	if again := v.get("/incidents/june/reports/1"); again.body != first.body {
		t.Error("version 1 changed")
	}
	second := v.get("/incidents/june/reports/2")
	w.wants(second, 200, "Two backups were stolen.", "version 2", "report.make")
	for i, e := range w.entries(audit.ReportMake) {
		body := []string{second.body, first.body}[i]
		if e.Detail["sha256"] != incident.Digest([]byte(body)) || e.Actor.Name != "responder" {
			t.Errorf("entry %+v", e)
		}
		w.wants(v.get("/incidents/june/reports"), 200, incident.Digest([]byte(body)))
	}
	w.wants(v.get("/incidents/june/reports/3"), 404)
	w.wants(w.as("approver").post("/incidents/june/reports"), 403)
}

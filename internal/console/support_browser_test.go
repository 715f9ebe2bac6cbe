package console

import (
	"encoding/base64"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/incident"
)

// The pages of the support desk, the audit log, deadlines and evidence: readable for everybody, in light and dark, on a phone and a desk.
func TestSupportLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	found := time.Now().UTC().Add(-60 * time.Hour)
	title := "The June breach"
	_, err := incident.Set(t.Context(), w.store, incident.Change{Slug: "june", Title: &title, FoundAt: &found, Classes: []string{"names", "password hashes"}, Unexposed: []string{"payment data"}}, tester)
	must(t, err)
	for name, due := range map[string]time.Duration{"NIS2 Art. 23: early warning to the CSIRT": 24 * time.Hour, "GDPR Art. 33: supervisory authority": 72 * time.Hour, "California (SB 446): residents": 30 * 24 * time.Hour} {
		at := found.Add(due)
		_, err := incident.ChangeClock(t.Context(), w.store, incident.ClockChange{Slug: "june", Name: &name, DueAt: &at}, tester)
		must(t, err)
	}
	must(t, incident.SetFacts(t.Context(), w.store, "june", map[string]string{"nature": "A backup was copied from an open bucket.", "consequences": "Passwords will be tried elsewhere."}, tester))
	both := w.as("both")
	both.post("/members/1/link")
	both.post("/members/3/dead-address", "dead", "yes")
	w.seal()
	both.post("/incidents/june/reports")
	activated := strconv.FormatInt(w.entries(audit.CampaignActivate)[0].ID, 10)

	b := browse(t, w)
	b.signIn("both")
	for name, path := range map[string]string{
		"members": "/members", "member": "/members/1", "member-dead-address": "/members/3", "member-code": "/members/1/code", "audit": "/audit", "audit-nothing": "/audit?actor=nobody",
		"audit-entry": "/audit/" + activated, "audit-checkpoints": "/audit/checkpoints", "incident-due": "/incidents/june", "clocks": "/incidents/june/clocks", "facts": "/incidents/june/facts",
		"reports": "/incidents/june/reports",
	} {
		b.look(name, path)
	}
	b.open("/members")
	b.Type("member", "tails@example.com")
	b.Click("main form button")
	b.Says("document.querySelector('h2').textContent", "2 members share this address")
	b.Says("location.search", "")
	b.seen("members-found")

	b.open("/members/1/code")
	b.Click("input[value=callback]")
	b.Click("main form button")
	b.Says(heading, "Read this to the member")
	b.seen("member-spoken")

	b.signIn("admin")
	b.look("audit-export", "/audit/export")
	b.printed()
}

// printed looks at a report as it is served, where nothing runs, and at the same page where axe can: axe would be stopped by what stops scripts.
func (b *tab) printed() {
	b.T.Helper()
	got := b.w.as("auditor").get("/incidents/june/reports/1")
	b.open("/incidents/june/reports/1")
	b.Says("document.title.startsWith('Evidence report 1')", "true")
	b.inAllLooks(func() { b.Shoot("report") })
	b.Size(794, 1123) // A4 at 96 pixels per inch
	browsertest.Call(b.Tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	b.Shoot("report-print")
	b.Open("data:text/html;base64," + base64.StdEncoding.EncodeToString([]byte(got.body)))
	b.Clean("report")
}

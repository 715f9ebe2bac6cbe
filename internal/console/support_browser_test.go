package console

import (
	"encoding/base64"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/audit"
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
	b.bringAxe()
	b.signIn("both")
	for name, path := range map[string]string{
		"members": "/members", "member": "/members/1", "member-dead-address": "/members/3", "member-code": "/members/1/code", "audit": "/audit", "audit-nothing": "/audit?actor=nobody",
		"audit-entry": "/audit/" + activated, "audit-checkpoints": "/audit/checkpoints", "incident": "/incidents/june", "clocks": "/incidents/june/clocks", "facts": "/incidents/june/facts",
		"reports": "/incidents/june/reports",
	} {
		b.look(name, path)
	}
	b.open("/members")
	b.typeInto("member", "tails@example.com")
	b.click("main form button")
	b.says("document.querySelector('h2').textContent", "2 members share this address")
	b.says("location.search", "")
	b.clean("members found")
	b.shoot("members-found")

	b.open("/members/1/code")
	b.click("input[value=callback]")
	b.click("main form button")
	b.says(heading, "Read this to the member")
	b.clean("member spoken")
	b.shoot("member-spoken")

	b.signIn("admin")
	b.look("audit-export", "/audit/export")
	b.printed()
}

// printed looks at a report as it is served, where nothing runs, and at the same page where axe can: axe would be stopped by what stops scripts.
func (b *tab) printed() {
	b.t.Helper()
	got := b.w.as("auditor").get("/incidents/june/reports/1")
	b.open("/incidents/june/reports/1")
	b.says("document.title.startsWith('Evidence report 1')", "true")
	b.shoot("report")
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	must(b.t, err)
	b.shoot("report-print")
	b.do(chromedp.Navigate("data:text/html;base64," + base64.StdEncoding.EncodeToString([]byte(got.body))))
	b.clean("report")
}

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/demo"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

// incidentSize is how many accounts the incident has: those of the founding case where REKEY_FULL is set.
func incidentSize() (accounts int, full bool) {
	if os.Getenv("REKEY_FULL") != "" {
		return 1_290_775, true
	}
	return 20_000, false
}

// bureau is `rekey serve` with a database full of members, a mail server that takes everything, and the console in two people's browsers.
type bureau struct {
	*terminal
	population demo.Population
	leak       string // path of the list
	sink       *demo.Mailbox
	service    *service
	caller     demo.Account // the member who calls the support desk
	url, site  string       // of the console and of the members' pages
}

// openBureau takes the members in, adds both operators and serves.
func openBureau(t *testing.T) (b *bureau, invites [2]string) {
	t.Helper()
	n, _ := incidentSize()
	b = &bureau{terminal: atTerminal(t), population: demo.Population{N: n, Seed: demoSeed}}
	for found := true; found && !strings.HasPrefix(b.caller.Locale, "en"); {
		b.caller, found = b.population.First(demo.Phpass, b.caller.Number+1)
	}
	b.sink = catching(b.terminal, b.caller.Email)
	folder := t.TempDir()
	accounts := filepath.Join(folder, "accounts.csv")
	b.leak = filepath.Join(folder, "leaked.csv")
	writeFile(t, accounts, b.population.WriteCSV)
	writeFile(t, b.leak, b.population.WriteLeak)
	admin, public := testdb.FreePort(t), testdb.FreePort(t)
	b.url, b.site = fmt.Sprintf("http://localhost:%d", admin), fmt.Sprintf("http://127.0.0.1:%d", public)
	b.env["REKEY_ADMIN_URL"], b.env["REKEY_PUBLIC_URL"] = b.url, b.site
	if _, full := incidentSize(); !full {
		b.env["REKEY_MAIL_RATE"] = "1500" // so that mail still flows when somebody looks
	}
	began := time.Now()
	b.object("accounts", "import", accounts, "--rejects", filepath.Join(folder, "rejects.csv"))
	t.Logf("import of %d accounts: %v", n, time.Since(began).Round(time.Millisecond))
	invites[0] = b.object("operator", "create", "ada", "--email", "ada@example.org", "--role", "responder")["invite"].(string)
	invites[1] = b.object("operator", "create", "grace", "--email", "grace@example.org", "--role", "approver")["invite"].(string)
	b.service = b.serve(fmt.Sprintf("--admin-listen=127.0.0.1:%d", admin), fmt.Sprintf("--listen=127.0.0.1:%d", public))
	return b, invites
}

func writeFile(t *testing.T, path string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// enrolled is a browser of somebody's own, in which they have followed their invitation and made a passkey.
func (b *bureau) enrolled(t *testing.T, invite string) *browser {
	t.Helper()
	tab := openBrowser(t, "journey")
	tab.Authenticator()
	tab.Open(invite)
	tab.Says("location.pathname + location.hash", "/enrol")
	tab.click("#invitation button")
	tab.Says("location.pathname", "/enrol/ways")
	tab.click("form[data-passkey] button")
	tab.Says("location.pathname", "/me")
	return tab
}

// confirm shows the passkey again where a page asks for it.
func (b *browser) confirm(site, path string) {
	b.T.Helper()
	b.Open(site + path)
	if !browsertest.Eval[bool](b.Tab, `!!document.querySelector('main a[href^="/confirm"]')`) {
		return
	}
	b.click(`main a[href^="/confirm"]`)
	b.Says("location.pathname", "/confirm")
	b.click("form[data-passkey] button")
	b.Says("location.pathname", path)
}

// posted gives the status of a form that the page's own buttons don't offer.
func (b *browser) posted(path string) int {
	b.T.Helper()
	return browsertest.Eval[int](b.Tab, fmt.Sprintf(`fetch(%q, {method: 'POST', headers: {Accept: 'text/html'}}).then(r => r.status)`, path))
}

// awaits is says for what takes as long as the base is large.
func (b *browser) awaits(expression, want string) {
	b.T.Helper()
	for range 20 {
		if _, err := b.Until(expression, want); err == nil {
			return
		}
	}
	b.Says(expression, want)
}

// number is one of the page's counts.
func (b *browser) number(selector string) int64 {
	b.T.Helper()
	n, err := strconv.ParseInt(browsertest.Eval[string](b.Tab, fmt.Sprintf(`(document.querySelector(%q)?.textContent || '').replace(/[^0-9]/g, '')`, selector)), 10, 64)
	if err != nil {
		return -1 // a dash: not counted yet
	}
	return n
}

// grows waits until a count on the page, which nobody loads anew, is at least so high.
func (b *browser) grows(selector string, least int64) {
	b.T.Helper()
	b.Says(fmt.Sprintf(`Number((document.querySelector(%q)?.textContent || '').replace(/[^0-9]/g, '')) >= %d`, selector, least), "true")
}

// An incident from the first operator to the mails, by two people in two browsers: what one asks for happens when the other approves it, and not before.
func TestJourneyOfAnIncident(t *testing.T) {
	t.Parallel()
	b, invites := openBureau(t)
	ada, grace := b.enrolled(t, invites[0]), b.enrolled(t, invites[1])
	b.drafts(ada)
	b.looks(ada)
	dead := b.asks(ada)
	b.decides(ada, grace, dead)
	b.flows(ada)
	b.cannotCancel(ada, grace)
	b.finds(ada)
	b.speaks(ada, grace)
	b.reports(ada)
}

// campaignState is what the page of a campaign says it is.
const campaignState = "document.querySelector('.head .state').textContent"

// drafts writes the incident down and uploads the list.
func (b *bureau) drafts(ada *browser) {
	b.t.Helper()
	ada.Open(b.url + "/new-incident")
	ada.typeInto("slug", "sega-2011")
	ada.typeInto("title", "Somebody was in our systems")
	ada.click("main form button")
	ada.Says("location.pathname", "/incidents/sega-2011")
	ada.click(`a[href$="/new-campaign"]`)
	ada.Says(heading, "New campaign")
	ada.Do(chromedp.SetUploadFiles(chromedp.ID("list"), []string{b.leak}))
	ada.Says("document.forms.draft.scope.value", "list")
	began := time.Now()
	ada.click("#draft > button")
	ada.awaits("location.pathname", "/campaigns/1")
	b.t.Logf("upload of %d lines: %v", b.population.Leak().Lines(), time.Since(began).Round(time.Millisecond))
	began = time.Now()
	ada.click(`form[action$="/prepare"] button`)
	ada.awaits(campaignState, "prepared")
	b.t.Logf("finding the accounts: %v", time.Since(began).Round(time.Millisecond))
	if got := ada.number(".numbers dd"); got != int64(b.population.N) {
		b.t.Errorf("%d accounts were found, want %d", got, b.population.N)
	}
}

// looks reads the report of the lines and the mails, and sends a test mail.
func (b *bureau) looks(ada *browser) {
	b.t.Helper()
	ada.Open(b.url + "/campaigns/1/unmatched")
	ada.Says("document.querySelectorAll('tbody tr').length > 0", "true")
	ada.Shoot("incident-01-unmatched")
	ada.Open(b.url + "/campaigns/1/mail?locale=de")
	ada.Says("document.querySelector('pre.letter').textContent.includes('Passwort')", "true")
	ada.typeInto("to", "ada@example.org")
	ada.click("#to ~ button, .row button:not(.quiet)")
	ada.Says("document.querySelector('.notice.good').textContent.includes('ada@example.org')", "true")
	if mails := b.sink.Find("ada@example.org", 1); len(mails) != 1 {
		b.t.Error("the test mail did not come")
	}
}

// asks has the activation wait for a second person, and gives how many passwords would die.
func (b *bureau) asks(ada *browser) (dead int64) {
	b.t.Helper()
	ada.confirm(b.url, "/campaigns/1/activate")
	dead = ada.number(".effect")
	ada.typeInto("expect", "12")
	ada.typeInto("reason", "the list is for sale")
	ada.click("main form button")
	ada.Says("document.querySelector('.notice.bad h2').textContent + document.getElementById('reason').value", "Nothing was donethe list is for sale")
	ada.Do(chromedp.Clear(chromedp.ID("expect")))
	ada.typeInto("expect", strconv.FormatInt(dead, 10))
	ada.click("main form button")
	b.waits(ada, 1)
	return dead
}

// decides has the second person approve what the first one asked for.
func (b *bureau) decides(ada, grace *browser, dead int64) {
	b.t.Helper()
	ada.Open(b.url + "/campaigns/1")
	ada.Says(campaignState, "prepared")
	grace.Open(b.url + "/")
	grace.click(".urgent a")
	grace.Says("location.pathname", "/approvals/1")
	grace.confirm(b.url, "/approvals/1")
	if got := grace.number(".effect"); got != dead {
		b.t.Errorf("the second person is shown %d, the first one was shown %d", got, dead)
	}
	grace.Shoot("incident-02-approval")
	began := time.Now()
	grace.click(`form[action$="/approve"] .danger`)
	grace.awaits("document.querySelector('.head .state').textContent", "approved")
	b.t.Logf("approving, activation and count of what died: %v", time.Since(began).Round(time.Millisecond))
}

// flows watches mail go out on a page that is loaded once.
func (b *bureau) flows(ada *browser) {
	b.t.Helper()
	ada.Open(b.url + "/campaigns/1")
	ada.Says(campaignState, "active")
	ada.grows("[data-live=sent]", 1)
	first := ada.number("[data-live=sent]")
	ada.grows("[data-live=sent]", first+1)
	ada.Shoot("incident-03-progress")
	if _, full := incidentSize(); !full {
		ada.grows("[data-live=sent]", int64(b.population.N)*9/10)
	}
	if sent := ada.number("[data-live=sent]"); sent > b.sink.Total() {
		b.t.Errorf("the page says that %d were written to, the mail server took %d", sent, b.sink.Total())
	}
	ada.Says("document.querySelectorAll('#live .chart canvas').length", "1")
}

// cannotCancel asks for a cancellation, which does nothing until somebody else agrees, and somebody else does not.
func (b *bureau) cannotCancel(ada, grace *browser) {
	b.t.Helper()
	ada.confirm(b.url, "/campaigns/1/cancel")
	ada.typeInto("reason", "a mistake")
	ada.click("main form button")
	b.waits(ada, 2)
	ada.Shoot("incident-04-cancel-waits")
	ada.Open(b.url + "/campaigns/1")
	ada.Says(campaignState, "active")
	grace.confirm(b.url, "/approvals/2")
	grace.typeInto("note", "It was none: the list is real.")
	grace.click(`form button[formaction$="/reject"]`)
	grace.Says("document.querySelector('.head .state').textContent", "rejected")
	ada.Open(b.url + "/campaigns/1")
	ada.Says(campaignState, "active")
}

// waits wants a request to be undecided, and who asked for it to have no say in it.
func (b *bureau) waits(asker *browser, id int) {
	b.t.Helper()
	path := fmt.Sprintf("/approvals/%d", id)
	asker.Says("location.pathname + document.querySelector('.head .state').textContent", path+"pending")
	asker.Says("document.querySelectorAll('form[action$=\"/approve\"]').length", "0")
	if status := asker.posted(path + "/approve"); status != 403 {
		b.t.Errorf("who asked may approve: %d", status)
	}
	asker.Open(b.url + path)
	asker.Says("document.querySelector('.head .state').textContent", "pending")
}

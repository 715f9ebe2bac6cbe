package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/demo"
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
	url        string // of the console
}

// openBureau takes the members in, adds both operators and serves.
func openBureau(t *testing.T) (b *bureau, invites [2]string) {
	t.Helper()
	n, _ := incidentSize()
	b = &bureau{terminal: atTerminal(t), population: demo.Population{N: n, Seed: demoSeed}, sink: demo.NewMailbox()}
	folder := t.TempDir()
	accounts := filepath.Join(folder, "accounts.csv")
	b.leak = filepath.Join(folder, "leaked.csv")
	writeFile(t, accounts, b.population.WriteCSV)
	writeFile(t, b.leak, b.population.WriteLeak)
	port := b.listen()
	b.url = "http://localhost:" + port
	b.env["REKEY_ADMIN_URL"], b.env["REKEY_PUBLIC_URL"] = b.url, "https://reset.example.org"
	began := time.Now()
	b.object("accounts", "import", accounts, "--rejects", filepath.Join(folder, "rejects.csv"))
	t.Logf("import of %d accounts: %v", n, time.Since(began).Round(time.Millisecond))
	invites[0] = b.object("operator", "create", "ada", "--email", "ada@example.org", "--role", "responder")["invite"].(string)
	invites[1] = b.object("operator", "create", "grace", "--email", "grace@example.org", "--role", "approver")["invite"].(string)
	b.service = b.serve("--admin-listen=127.0.0.1:" + port)
	return b, invites
}

// listen has the sink take mails, and finds a port for the console, whose URL has to be known before it listens.
func (b *bureau) listen() (port string) {
	b.t.Helper()
	smtp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := b.sink.ServeSMTP(ctx, smtp, slog.New(slog.DiscardHandler)); err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(func() { cancel(); serving.Wait() })
	b.env["REKEY_SMTP_URL"] = "smtp://" + smtp.Addr().String()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	defer free.Close()
	_, port, err = net.SplitHostPort(free.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	return port
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
	tab := openBrowser(t)
	if _, err := chromedp.Call(tab.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(tab.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	tab.open(invite)
	tab.says("location.pathname + location.hash", "/enrol")
	tab.click("#invitation button")
	tab.says("location.pathname", "/enrol/ways")
	tab.click("form[data-passkey] button")
	tab.says("location.pathname", "/me")
	return tab
}

// confirm shows the passkey again where a page asks for it.
func (b *browser) confirm(site, path string) {
	b.t.Helper()
	b.open(site + path)
	asks, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!!document.querySelector('main a[href^="/confirm"]')`))
	if err != nil {
		b.t.Fatal(err)
	}
	if !asks {
		return
	}
	b.click(`main a[href^="/confirm"]`)
	b.says("location.pathname", "/confirm")
	b.click("form[data-passkey] button")
	b.says("location.pathname", path)
}

// posted gives the status of a form that the page's own buttons don't offer.
func (b *browser) posted(path string) string {
	b.t.Helper()
	status, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](fmt.Sprintf(`fetch(%q, {method: 'POST', headers: {Accept: 'text/html'}}).then(r => r.status)`, path), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return strconv.Itoa(status)
}

// awaits is says for what takes as long as the base is large.
func (b *browser) awaits(expression, want string) {
	b.t.Helper()
	for range 20 {
		if _, ok := b.until(expression, want); ok {
			return
		}
	}
	b.says(expression, want)
}

// number is one of the page's counts.
func (b *browser) number(selector string) int64 {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q)?.textContent || '').replace(/[^0-9]/g, '')`, selector)))
	if err != nil {
		b.t.Fatal(err)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1 // a dash: not counted yet
	}
	return n
}

// grows waits until a count on the page, which nobody loads anew, is at least so high.
func (b *browser) grows(selector string, least int64) {
	b.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for b.number(selector) < least {
		select {
		case <-again.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%s is %d, and does not become %d", selector, b.number(selector), least)
		}
	}
}

// An incident from the first operator to the mails, by two people in two browsers: what one asks for happens when the other approves it, and not before.
func TestJourneyOfAnIncident(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("this test needs Chromium at %s: apt-get install -y chromium", chromium)
	}
	b, invites := openBureau(t)
	ada, grace := b.enrolled(t, invites[0]), b.enrolled(t, invites[1])
	b.drafts(ada)
	b.looks(ada)
	dead := b.asks(ada)
	b.decides(ada, grace, dead)
	b.flows(ada)
	b.cannotCancel(ada)
	b.rest(ada)
}

// drafts writes the incident down and uploads the list.
func (b *bureau) drafts(ada *browser) {
	b.t.Helper()
	ada.open(b.url + "/new-incident")
	ada.typeInto("slug", "sega-2011")
	ada.typeInto("title", "Somebody was in our systems")
	ada.click("main form button")
	ada.says("location.pathname", "/incidents/sega-2011")
	ada.click(`a[href$="/new-campaign"]`)
	ada.says(heading, "New campaign")
	ada.do(chromedp.SetUploadFiles(chromedp.ID("list"), []string{b.leak}))
	ada.says("document.forms.draft.scope.value", "list")
	began := time.Now()
	ada.click("#draft > button")
	ada.awaits("location.pathname", "/campaigns/1")
	b.t.Logf("upload of %d lines: %v", b.population.Leak().Lines(), time.Since(began).Round(time.Millisecond))
	began = time.Now()
	ada.click(`form[action$="/prepare"] button`)
	ada.awaits("document.querySelector('.head .state').textContent", "prepared")
	b.t.Logf("finding the accounts: %v", time.Since(began).Round(time.Millisecond))
	if got := ada.number(".numbers dd"); got != int64(b.population.N) {
		b.t.Errorf("%d accounts were found, want %d", got, b.population.N)
	}
}

// looks reads the report of the lines and the mails, and sends a test mail.
func (b *bureau) looks(ada *browser) {
	b.t.Helper()
	ada.open(b.url + "/campaigns/1/unmatched")
	ada.says("document.querySelectorAll('tbody tr').length > 0", "true")
	ada.shot("console-unmatched")
	ada.open(b.url + "/campaigns/1/mail?locale=de")
	ada.says("document.querySelector('pre.letter').textContent.includes('Passwort')", "true")
	ada.typeInto("to", "ada@example.org")
	ada.click("#to ~ button, .row button:not(.quiet)")
	ada.says("document.querySelector('.notice.good').textContent.includes('ada@example.org')", "true")
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
	ada.says("document.querySelector('.notice.bad h2').textContent + document.getElementById('reason').value", "Nothing was donethe list is for sale")
	ada.do(chromedp.Clear(chromedp.ID("expect")))
	ada.typeInto("expect", strconv.FormatInt(dead, 10))
	ada.click("main form button")
	ada.says("location.pathname", "/approvals/1")
	ada.says("document.querySelectorAll('form[action$=\"/approve\"]').length", "0")
	if status := ada.posted("/approvals/1/approve"); !strings.HasPrefix(status, "4") {
		b.t.Errorf("who asked may approve: %s", status)
	}
	return dead
}

// decides has the second person approve what the first one asked for.
func (b *bureau) decides(ada, grace *browser, dead int64) {
	b.t.Helper()
	ada.open(b.url + "/campaigns/1")
	ada.says("document.querySelector('.head .state').textContent", "prepared")
	grace.open(b.url + "/")
	grace.click(".urgent a")
	grace.says("location.pathname", "/approvals/1")
	grace.confirm(b.url, "/approvals/1")
	if got := grace.number(".effect"); got != dead {
		b.t.Errorf("the second person is shown %d, the first one was shown %d", got, dead)
	}
	grace.shot("console-approval")
	began := time.Now()
	grace.click(`form[action$="/approve"] .danger`)
	grace.awaits("document.querySelector('.head .state').textContent", "approved")
	b.t.Logf("approving, activation and count of what died: %v", time.Since(began).Round(time.Millisecond))
}

// flows watches mail go out on a page that is loaded once.
func (b *bureau) flows(ada *browser) {
	b.t.Helper()
	ada.open(b.url + "/campaigns/1")
	ada.says("document.querySelector('.head .state').textContent", "active")
	ada.grows("[data-live=sent]", 1)
	first := ada.number("[data-live=sent]")
	ada.grows("[data-live=sent]", first+1)
	ada.shot("console-progress")
	if _, full := incidentSize(); !full {
		total := first + ada.number("[data-live=pending]")
		ada.grows("[data-live=sent]", min(total, int64(b.population.N)*9/10))
	}
	if sent := ada.number("[data-live=sent]"); sent > b.sink.Total() {
		b.t.Errorf("the page says that %d were written to, the mail server took %d", sent, b.sink.Total())
	}
	ada.says("document.querySelectorAll('#live .chart canvas').length", "1")
}

// cannotCancel asks for a cancellation, which does nothing until somebody else agrees.
func (b *bureau) cannotCancel(ada *browser) {
	b.t.Helper()
	ada.confirm(b.url, "/campaigns/1/cancel")
	ada.typeInto("reason", "a mistake")
	ada.click("main form button")
	ada.says("location.pathname", "/approvals/2")
	if status := ada.posted("/approvals/2/approve"); !strings.HasPrefix(status, "4") {
		b.t.Errorf("who asked may approve: %s", status)
	}
	ada.open(b.url + "/campaigns/1")
	ada.says("document.querySelector('.head .state').textContent", "active")
}

// rest finds one member and makes the evidence report.
func (b *bureau) rest(ada *browser) {
	b.t.Helper()
	ada.open(b.url + "/members")
	ada.says("document.querySelectorAll('main form').length > 0", "true")
	ada.open(b.url + "/incidents/sega-2011/reports")
	ada.click("main form button")
	ada.says("document.querySelectorAll('main a[href*=\"/reports/1\"]').length > 0", "true")
}

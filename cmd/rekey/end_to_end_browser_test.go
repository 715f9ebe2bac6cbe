package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/browsertest"
)

// atDemo runs the demo as a process of its own until the test is over, and gives what it printed.
func atDemo(t *testing.T, args ...string) sites {
	t.Helper()
	cmd := asRekey(t, nil, append([]string{"demo", "--json", "--listen", "127.0.0.1:0"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("ending the demo: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the demo printed nothing: %v", err)
	}
	var at sites
	if err := json.Unmarshal(line, &at); err != nil {
		t.Fatal(err)
	}
	return at
}

// asRekey is this program as a process of its own.
func asRekey(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), append([]string{runAsRekey + "=1"}, env...)...)
	cmd.Stderr = &lines{t: t}
	return cmd
}

// pasted runs a command line as the demo prints it.
func pasted(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(os.Environ(), runAsRekey+"=1", "REKEY_DATABASE_URL=postgres://somebody.example/production")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// lines shows what a process says where a test fails.
type lines struct{ t testing.TB }

func (l *lines) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// browser is a tab that counts what somebody does in it.
type browser struct {
	*browsertest.Tab
	effort effort
}

// openBrowser is a browser of somebody's own; pictures go to the folder of the group.
func openBrowser(t *testing.T, group string) *browser {
	t.Helper()
	return &browser{Tab: browsertest.Open(t, browsertest.Start(t), group)}
}

// The walk that the demo proposes, in a real browser, and what it costs the member.
func TestJourneyThroughTheDemo(t *testing.T) {
	t.Parallel()
	at := atDemo(t, "--accounts", "120")
	b := openBrowser(t, "journey")
	const next = "quartz lantern moving sideways"

	b.Open(at.Login)
	b.Says(heading, "Sign in")
	b.Shoot("demo-01-sign-in")
	b.signIn(at, at.Password)
	b.Says(heading, "You are signed in")
	b.Says("document.querySelector('#session').textContent", "live")
	b.Shoot("demo-02-signed-in")
	b.Open(at.Mailbox)
	b.Says(heading, "0 mails")
	b.Shoot("demo-03-mailbox-empty")

	if out := pasted(t, at.Preview); !strings.Contains(out, fmt.Sprint(at.WouldDie)) {
		t.Errorf("preview: %s", out)
	}
	if out := pasted(t, at.Activate); !strings.Contains(out, "active") {
		t.Errorf("activate: %s", out)
	}
	b.Open(at.Login)
	b.Says("document.querySelector('.notice').textContent.includes('You were signed out')", "true")
	b.Shoot("demo-04-signed-out")
	b.signIn(at, at.Password)
	b.Says(heading, "Please set a new password")
	b.Shoot("demo-05-reset-required")

	b.untilMail(at, 1)
	b.Open(at.Mailbox)
	b.Shoot("demo-06-mailbox")
	b.Open(at.Mailbox + "/?to=" + at.Email)
	b.click(".mails a")
	b.Says(heading, "Emerald Pass: please set a new password")
	b.Shoot("demo-07-mail-text")
	b.click(".tabs li:nth-child(2) a")
	b.Says("document.querySelectorAll('iframe').length", "1")
	b.Shoot("demo-08-mail-html")
	b.click(".tabs li:nth-child(1) a")
	b.Says("document.querySelectorAll('iframe').length", "0")
	b.begin()
	b.followLink(at)
	b.Says(heading, "Set a new password")
	b.typeInto("password", next)
	b.typeInto("confirm", next)
	b.Shoot("demo-09-new-password")
	b.click("#submit")
	b.Says("location.pathname", "/done")
	b.measured("by link, from the mail to done")
	b.Shoot("demo-10-done")

	b.Open(at.Login)
	b.signIn(at, at.Password)
	b.Says("document.querySelector('.notice.bad').textContent", "Address and password don’t fit together.")
	b.Shoot("demo-11-old-is-wrong")
	b.signIn(at, next)
	b.Says(heading, "You are signed in")
	b.Shoot("demo-12-signed-in-again")
	b.untilMail(at, 2)
	b.Open(at.Mailbox + "/?to=" + at.Email)
	b.Says("document.querySelector('.mails .subject').textContent", "Emerald Pass: your password was changed")
	b.Shoot("demo-13-both-mails")
	b.byCode(at, "vivid harbour onion carousel")
	b.Shoot("demo-14-done-by-code")
	serverTimes(t, at)
	b.Open(at.Mailbox + "/mail/999999")
	b.Says(heading, "Not found")
	if out := pasted(t, at.Status); !strings.Contains(out, "reset") {
		t.Errorf("status: %s", out)
	}
}

const heading = "document.querySelector('h1').textContent"

func (b *browser) click(css string) {
	b.T.Helper()
	b.effort.clicks++
	b.Click(css)
}
func (b *browser) typeInto(id, text string) {
	b.T.Helper()
	b.effort.typed(text)
	b.Type(id, text)
}

func (b *browser) signIn(at sites, password string) {
	b.T.Helper()
	b.Open(at.Login)
	b.Do(chromedp.Clear(chromedp.ID("login")))
	b.typeInto("login", at.Email)
	b.typeInto("password", password)
	b.click("button[type=submit]")
}

// untilMail asks the mailbox until so many mails came to the account.
func (b *browser) untilMail(at sites, n int) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		resp, err := http.Get(at.Mailbox + "/?to=" + at.Email)
		if err != nil {
			b.T.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.T.Fatal(err)
		}
		if strings.Count(string(body), `class="subject"`) == n {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.T.Fatalf("%d mails did not come", n)
		}
	}
}

// followLink opens the link of the mail that is shown, in this tab.
func (b *browser) followLink(at sites) {
	b.T.Helper()
	link, err := chromedp.Run(b.Ctx, chromedp.Evaluate[string](`(() => { const a = document.querySelector('.letter a[href*="/reset#t="]'); a.removeAttribute('target'); return a.href; })()`))
	if err != nil || !strings.HasPrefix(link, at.Rekey+"/reset#t=") {
		b.T.Fatalf("the link is %q (%v)", link, err)
	}
	b.click(`.letter a[href*="/reset#t="]`)
}

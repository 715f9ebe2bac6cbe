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
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

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

// browser is a tab.
type browser struct {
	t      *testing.T
	ctx    context.Context
	effort effort
}

// The walk that the demo proposes, in a real browser, and what it costs the member.
func TestJourneyThroughTheDemo(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("this test needs Chromium at %s: apt-get install -y chromium", chromium)
	}
	at := atDemo(t, "--accounts", "120")
	b := openBrowser(t)
	const next = "quartz lantern moving sideways"

	b.open(at.Login)
	b.says(heading, "Sign in")
	b.shot("1-sign-in")
	b.signIn(at, at.Password)
	b.says(heading, "You are signed in")
	b.says("document.querySelector('#session').textContent", "live")
	b.shot("2-signed-in")
	b.open(at.Mailbox)
	b.says(heading, "0 mails")
	b.shot("3-mailbox-empty")

	if out := pasted(t, at.Preview); !strings.Contains(out, fmt.Sprint(at.WouldDie)) {
		t.Errorf("preview: %s", out)
	}
	if out := pasted(t, at.Activate); !strings.Contains(out, "active") {
		t.Errorf("activate: %s", out)
	}
	b.open(at.Login)
	b.says("document.querySelector('.notice').textContent.includes('You were signed out')", "true")
	b.shot("4-signed-out")
	b.signIn(at, at.Password)
	b.says(heading, "Please set a new password")
	b.shot("5-reset-required")

	b.untilMail(at, 1)
	b.open(at.Mailbox)
	b.shot("6-mailbox")
	b.open(at.Mailbox + "/?to=" + at.Email)
	b.click(".mails a")
	b.says(heading, "Emerald Pass: please set a new password")
	b.shot("7-mail-text")
	b.click(".tabs li:nth-child(2) a")
	b.says("document.querySelectorAll('iframe').length", "1")
	b.shot("8-mail-html")
	b.click(".tabs li:nth-child(1) a")
	b.says("document.querySelectorAll('iframe').length", "0")
	b.begin()
	b.followLink(at)
	b.says(heading, "Set a new password")
	b.typeInto("password", next)
	b.typeInto("confirm", next)
	b.shot("9-new-password")
	b.click("#submit")
	b.says("location.pathname", "/done")
	b.measured("by link, from the mail to done")
	b.shot("10-done")

	b.open(at.Login)
	b.signIn(at, at.Password)
	b.says("document.querySelector('.notice.bad').textContent", "Address and password don’t fit together.")
	b.shot("11-old-is-wrong")
	b.signIn(at, next)
	b.says(heading, "You are signed in")
	b.shot("12-signed-in-again")
	b.untilMail(at, 2)
	b.open(at.Mailbox + "/?to=" + at.Email)
	b.says("document.querySelector('.mails .subject').textContent", "Emerald Pass: your password was changed")
	b.shot("13-both-mails")
	b.byCode(at, "vivid harbour onion carousel")
	b.shot("14-done-by-code")
	serverTimes(t, at)
	b.open(at.Mailbox + "/mail/999999")
	b.says(heading, "Not found")
	if out := pasted(t, at.Status); !strings.Contains(out, "reset") {
		t.Errorf("status: %s", out)
	}
}

const heading = "document.querySelector('h1').textContent"

// journeyTime bounds one journey.
func journeyTime() time.Duration {
	if _, full := incidentSize(); full {
		return 40 * time.Minute
	}
	return 3 * time.Minute
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WindowSize(1000, 900))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, journeyTime())
	t.Cleanup(cancelTime)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	b := &browser{t: t, ctx: ctx}
	b.watch()
	return b
}

// watch fails the test where the browser complains: a policy that is broken, a file that is not there.
func (b *browser) watch() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, browserlog.Enable, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	err := chromedp.Listen(b.ctx, func(ev any) {
		if ev, ok := ev.(*browserlog.EventEntryAdded); ok && ev.Entry.Source != browserlog.EntrySourceNetwork && ev.Entry.Level != browserlog.EntryLevelVerbose {
			b.t.Errorf("the browser complains: %s", ev.Entry.Text)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(url string) { b.t.Helper(); b.do(chromedp.Navigate(url)) }
func (b *browser) click(css string) {
	b.t.Helper()
	b.effort.clicks++
	b.do(chromedp.Click(chromedp.CSS(css)))
}
func (b *browser) typeInto(id, text string) {
	b.t.Helper()
	b.effort.typed(text)
	b.do(chromedp.SendKeys(chromedp.ID(id), text))
}

func (b *browser) signIn(at sites, password string) {
	b.t.Helper()
	b.open(at.Login)
	b.do(chromedp.Clear(chromedp.ID("login")))
	b.typeInto("login", at.Email)
	b.typeInto("password", password)
	b.click("button[type=submit]")
}

// says evaluates an expression, also while pages change under it, until it is what is wanted.
func (b *browser) says(expression, want string) {
	b.t.Helper()
	if got, ok := b.until(expression, want); !ok {
		b.shot("failed")
		b.t.Fatalf("%s is %q, want %q", expression, got, want)
	}
}

func (b *browser) until(expression, want string) (got string, ok bool) {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
		if err == nil && got == want {
			return got, true
		}
		select {
		case <-ctx.Done():
			return got, false
		case <-again.C:
		}
	}
}

// untilMail asks the mailbox until so many mails came to the account.
func (b *browser) untilMail(at sites, n int) {
	b.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		resp, err := http.Get(at.Mailbox + "/?to=" + at.Email)
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		if strings.Count(string(body), `class="subject"`) == n {
			return
		}
		select {
		case <-again.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%d mails did not come", n)
		}
	}
}

// followLink opens the link of the mail that is shown, in this tab.
func (b *browser) followLink(at sites) {
	b.t.Helper()
	link, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(() => { const a = document.querySelector('.letter a[href*="/reset#t="]'); a.removeAttribute('target'); return a.href; })()`))
	if err != nil || !strings.HasPrefix(link, at.Rekey+"/reset#t=") {
		b.t.Fatalf("the link is %q (%v)", link, err)
	}
	b.click(`.letter a[href*="/reset#t="]`)
}

// shot is kept for whoever wants to look.
func (b *browser) shot(name string) {
	b.t.Helper()
	folder := os.Getenv("REKEY_SCREENSHOTS")
	if folder == "" {
		return
	}
	b.until("document.readyState === 'complete' && document.documentElement.clientWidth > 0", "true")
	taken, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "demo-"+name+".png"), taken, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// journeyDeadline bounds one journey.
const journeyDeadline = 3 * time.Minute

// shots is the folder for pictures; none are taken if empty.
var shots = os.Getenv("REKEY_SCREENSHOTS")

// tab is a page of a browser of its own profile, open on nothing.
type tab struct {
	t    *testing.T
	w    *world
	ctx  context.Context
	seen *lockedBuffer // what the browser complained of, and every address of another origin that it asked for
}

// browse opens a tab on the world in a Chromium of its own, until the test is over.
func browse(t *testing.T, w *world) *tab {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("these tests need Chromium at %s: apt-get install -y chromium", chromium)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	ctx, cancel := context.WithTimeout(ctx, journeyDeadline)
	t.Cleanup(cancel)
	b := &tab{t: t, w: w, ctx: ctx, seen: &lockedBuffer{}}
	b.do()
	b.watch()
	t.Cleanup(b.complainsNot)
	return b
}

// watch keeps what the browser refuses or cannot run, and what leaves the console.
func (b *tab) watch() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, log.Enable, cdp.Empty{})
	must(b.t, err)
	must(b.t, chromedp.Listen(b.ctx, func(ev any) {
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(ev.Request.URL, b.w.url+"/") && !strings.HasPrefix(ev.Request.URL, "data:") { // the browser's own pictures in fields
				fmt.Fprintf(b.seen, "request %s\n", ev.Request.URL)
			}
		case *log.EventEntryAdded:
			if ev.Entry.Source != log.EntrySourceNetwork && ev.Entry.Level != log.EntryLevelVerbose {
				fmt.Fprintf(b.seen, "complaint: %s\n", ev.Entry.Text)
			}
		}
	}))
}

// complainsNot holds of every journey: no policy broken, no script failed, nothing asked of anybody else.
func (b *tab) complainsNot() {
	if seen := b.seen.String(); seen != "" {
		b.t.Errorf("the browser saw:\n%s", seen)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, steps...))
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.w.url + path)) }

// says evaluates an expression again and again, also while pages change under it, until it is what is wanted.
func (b *tab) says(expression, want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 15*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
		if err == nil && got == want {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("%s is %q, want %q (%v)", expression, got, want, err)
		case <-again.C:
		}
	}
}

// text evaluates an expression once.
func (b *tab) text(expression string) string {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	must(b.t, err)
	return got
}

func (b *tab) typeInto(id, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.ID(id), text))
}

func (b *tab) click(css string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(css))) }

const (
	place   = "location.pathname"
	heading = "document.querySelector('h1').textContent"
)

// authenticator gives the browser one that has the finger always on it.
func (b *tab) authenticator() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	must(b.t, err)
}

// signIn gives the browser somebody's session, whose second factor was just shown.
func (b *tab) signIn(name string) {
	b.t.Helper()
	b.setCookie(b.w.session(b.w.staff[name], true))
}

// look shows a page on a phone in light and on a desk in dark, runs every rule of axe-core on it, and wants it to fit. Where pictures are wanted it does so at both widths in both.
func (b *tab) look(name, path string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		must(b.t, err)
		for _, width := range []int64{390, 1280} {
			if shots == "" && (width == 390) != (scheme == "light") {
				continue // both themes and both widths in half the time; pictures are taken of all four
			}
			b.do(chromedp.EmulateViewport(width, 844))
			b.open(path)
			where := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			b.clean(where)
			if is := b.text("document.documentElement.scrollWidth <= innerWidth"); is != "true" {
				b.t.Errorf("%s is wider than its window", where)
			}
			b.shoot(where)
		}
	}
}

// bringAxe has axe-core in every page from now on. What the browser runs for us before a page's own scripts is not bound by the page's policy.
func (b *tab) bringAxe() {
	b.t.Helper()
	source, err := os.ReadFile("../portal/testdata/axe/axe.min.js")
	must(b.t, err)
	_, err = chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: string(source)})
	must(b.t, err)
}

// clean fails on any violation of what the page shows now.
func (b *tab) clean(where string) {
	b.t.Helper()
	const run = `axe.run(document, {resultTypes: ['violations']}).then(
		r => 'ran ' + r.passes.length + r.violations.map(v => '\n' + v.id + ': ' + v.help + v.nodes.map(n => '\n  ' + n.html).join('')).join(''))`
	says, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("axe on %s: %v", where, err)
	}
	first, violations, _ := strings.Cut(says, "\n")
	if violations != "" || first == "ran 0" || !strings.HasPrefix(first, "ran ") {
		b.t.Errorf("axe on %s: %s", where, says)
	}
}

// shoot writes the whole page where pictures are wanted.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if shots == "" {
		return
	}
	size, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]int64]("[innerWidth, innerHeight, document.documentElement.scrollHeight]"))
	must(b.t, err)
	b.do(chromedp.EmulateViewport(size[0], max(size[1], size[2])))
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	must(b.t, err)
	b.do(chromedp.EmulateViewport(size[0], size[1]))
	must(b.t, os.MkdirAll(shots, 0o755))
	must(b.t, os.WriteFile(filepath.Join(shots, name+".png"), shot, 0o644))
}

// setCookie gives the browser a session by its token.
func (b *tab) setCookie(token string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "rekey", Value: token, URL: b.w.url, Path: "/", HTTPOnly: new(true)})
	must(b.t, err)
}

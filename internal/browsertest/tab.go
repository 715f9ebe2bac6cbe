// Package browsertest drives Chromium for tests: it opens pages, waits for what they say, runs axe-core on them and keeps pictures of them. Whatever goes wrong
// fails the test. Only tests import it.
package browsertest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// patience bounds each step and each wait, and is only ever used up by a test that fails. A page that is told of a campaign of everybody hears from
// its server every two minutes at the latest.
const patience = 3 * time.Minute

// Tab is one page of a browser.
type Tab struct {
	T   *testing.T
	Ctx context.Context // for chromedp

	group      string // folder of its pictures
	mu         sync.Mutex
	requests   []*network.Request
	complaints []string
}

// Start gives a Chromium with a profile of its own, until the test is over.
func Start(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WindowSize(1000, 900),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("starting Chromium (to install it: .ci/deps test): %v", err)
	}
	if pictures != "" {
		t.Cleanup(func() { index(t, pictures) })
	}
	return browser
}

// Open gives a tab, open on nothing, until the test is over or shortly before it is out of time. What the browser refuses to do or cannot run on its pages fails
// the test. Pictures go to the folder of the group.
func Open(t *testing.T, browser context.Context, group string) *Tab { //nolint:revive // the test comes first, as in every helper of tests
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	if end, ends := t.Deadline(); ends {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-10*time.Second))
		t.Cleanup(cancel)
	}
	b := &Tab{T: t, Ctx: ctx, group: group}
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context of its first step
		t.Fatalf("opening a tab: %v", err)
	}
	b.watch()
	t.Cleanup(func() {
		for _, c := range b.complained() {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return b
}

func (b *Tab) watch() {
	b.T.Helper()
	Call(b, network.Enable, network.EnableParams{})
	Call(b, log.Enable, cdp.Empty{})
	Call(b, runtime.Enable, cdp.Empty{})
	err := chromedp.Listen(b.Ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			b.requests = append(b.requests, ev.Request)
		case *log.EventEntryAdded:
			if ev.Entry.Source != log.EntrySourceNetwork && ev.Entry.Level != log.EntryLevelVerbose { // a 410 is an answer, and advice is no complaint
				b.complaints = append(b.complaints, ev.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			text := ev.ExceptionDetails.Text
			if e := ev.ExceptionDetails.Exception; e != nil {
				text += " " + e.Description
			}
			b.complaints = append(b.complaints, text)
		}
	})
	if err != nil {
		b.T.Fatal(err)
	}
}

// Requests is all that the tab asked of the network so far, whoever of.
func (b *Tab) Requests() []*network.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

func (b *Tab) complained() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.complaints)
}

// Do takes the steps, of which none may wait for long.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.failed()
		b.T.Fatal(err)
	}
}

// Call gives the browser a command of its protocol.
func Call[P, R any](b *Tab, command cdp.Command[P, R], params P) R {
	b.T.Helper()
	r, err := chromedp.Call(b.Ctx, command, params)
	if err != nil {
		b.T.Fatal(err)
	}
	return r
}

// Eval gives what a JavaScript expression is at the moment, or what it promises.
func Eval[T any](b *Tab, expression string) T {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.T.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Says evaluates an expression again and again, also while pages change under it, until it is what is wanted.
func (b *Tab) Says(expression, want string) {
	b.T.Helper()
	if got, err := b.Until(expression, want); err != nil {
		b.failed()
		b.T.Fatalf("%s is %q, want %q (%v)", expression, got, want, err)
	}
}

// Until is Says where something else is no failure yet.
func (b *Tab) Until(expression, want string) (got string, err error) {
	ctx, cancel := context.WithTimeout(b.Ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
		if err == nil {
			got = is
		}
		if err == nil && got == want {
			return got, nil
		}
		select {
		case <-ctx.Done():
			return got, context.Cause(ctx)
		case <-again.C:
		}
	}
}

// Open goes to a URL.
func (b *Tab) Open(url string) { b.T.Helper(); b.Do(chromedp.Navigate(url)) }

// Type types into the field of the id.
func (b *Tab) Type(id, text string) { b.T.Helper(); b.Do(chromedp.SendKeys(chromedp.ID(id), text)) }

// Click clicks on the first element that fits, once it can be seen.
func (b *Tab) Click(css string) { b.T.Helper(); b.Do(chromedp.Click(chromedp.CSS(css))) }

// Size sets the window, in CSS pixels.
func (b *Tab) Size(width, height int64) {
	b.T.Helper()
	b.Do(chromedp.EmulateViewport(width, height))
}

// Media sets what the reader prefers, given as feature, value, feature, value.
func (b *Tab) Media(features ...string) {
	b.T.Helper()
	var m emulation.SetEmulatedMediaParams
	for i := 0; i < len(features); i += 2 {
		m.Features = append(m.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	Call(b, emulation.SetEmulatedMedia, m)
}

// NoScripts has no page run a script from now on.
func (b *Tab) NoScripts() {
	b.T.Helper()
	Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Authenticator gives the tab one for passkeys that has the finger always on it.
func (b *Tab) Authenticator() {
	b.T.Helper()
	Call(b, webauthn.Enable, webauthn.EnableParams{})
	Call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
}

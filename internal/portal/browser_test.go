package portal_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// journeyDeadline bounds one journey; those that look at every state take the longest.
const journeyDeadline = 5 * time.Minute

// shots is the folder for pictures; none are taken if empty.
var shots = os.Getenv("REKEY_SCREENSHOTS")

// tab is a page of the browser, open on nothing.
type tab struct {
	t    *testing.T
	site *site
	ctx  context.Context
	seen *lockedBuffer // every address asked for, and every complaint of the browser
}

// TestJourneys walks every way through the pages in one Chromium, a tab each. With REKEY_SCREENSHOTS it writes what it sees to that folder.
func TestJourneys(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	journeys := map[string]func(*tab){
		"link":          byLink,
		"expired":       expiredLink,
		"server silent": silentServer,
		"damaged":       damagedLink,
		"another link":  anotherLink,
		"no script":     withoutScript,
		"keyboard":      byKeyboard,
		"double click":  doubleClick,
		"refused":       refusedPassword,
		"advice":        liveAdvice,
		"language":      otherLanguage,
		"typed code":    otherLanguageByCode,
		"theme":         brightTheme,
		"preferences":   preferences,
		"phone light":   func(b *tab) { b.look(phone, "light", everyState) },
		"desktop dark":  func(b *tab) { b.look(desktop, "dark", unlikeStates) },
		"narrow":        narrowScreen,
		"notice":        readNotice,
		"proof":         underProof,
		"proof slow":    slowProof,
		"proof broken":  brokenProof,
		"unproven":      unprovenWithoutScript,
	}
	if shots != "" {
		journeys["phone dark"] = func(b *tab) { b.look(phone, "dark", everyState) }
		journeys["desktop light"] = func(b *tab) { b.look(desktop, "light", everyState) }
		journeys["languages"] = inEveryLanguage
	}
	for name, journey := range journeys {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := chromedp.NewContext(browser)
			defer cancel()
			ctx, cancelTime := context.WithTimeout(ctx, journeyDeadline)
			defer cancelTime()
			b := &tab{t: t, site: open(t), ctx: ctx, seen: &lockedBuffer{}}
			b.watch()
			journey(b)
			b.complainsNot()
		})
	}
}

// startChromium gives a browser until the test is over.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("these tests need Chromium at %s: apt-get install -y chromium", chromium)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return browser
}

// watch keeps the address and Referer of every request, and what the browser refuses or cannot run.
func (b *tab) watch() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, log.Enable, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	err := chromedp.Listen(b.ctx, func(ev any) {
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			fmt.Fprintf(b.seen, "request %s\n", ev.Request.URL)
			for name, value := range ev.Request.Headers {
				if (strings.EqualFold(name, "Referer") || strings.EqualFold(name, "Cookie")) && value != "" {
					fmt.Fprintf(b.seen, "complaint: %s: %v\n", name, value)
				}
			}
		case *log.EventEntryAdded:
			if ev.Entry.Source != log.EntrySourceNetwork && ev.Entry.Level != log.EntryLevelVerbose { // a 410 is an answer, and advice is no complaint
				fmt.Fprintf(b.seen, "complaint: %s\n", ev.Entry.Text)
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

var language = regexp.MustCompile(`\?lang=[A-Za-z-]+$`)

// complainsNot holds of every journey: no policy broken, no script failed, no Referer or cookie sent, nothing asked of anybody else, no token in an address.
func (b *tab) complainsNot() {
	b.t.Helper()
	for line := range strings.Lines(b.seen.String()) {
		url, isRequest := strings.CutPrefix(strings.TrimSpace(line), "request ")
		if !isRequest || !strings.HasPrefix(url, b.site.url+"/") || strings.Contains(url, "eyJ") || strings.Contains(language.ReplaceAllString(url, ""), "?") {
			b.t.Errorf("seen: %s", line)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.site.url + path)) }

// says evaluates an expression again and again, also while pages change under it, until it is what is wanted.
func (b *tab) says(expression, want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
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

func (b *tab) checked(status int) {
	b.t.Helper()
	b.says("document.documentElement.dataset.checked", fmt.Sprint(status))
}

func (b *tab) typeInto(id, text string) { b.t.Helper(); b.do(chromedp.SendKeys(chromedp.ID(id), text)) }

func (b *tab) click(css string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(css))) }

const (
	path    = "location.pathname"
	address = "location.pathname + location.search + location.hash"
	heading = "document.querySelector('h1').textContent"
	focus   = "document.activeElement.id"
)

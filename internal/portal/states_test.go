package portal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

// state is a page in one of its states.
type state struct {
	name, path string
	fields     []string // posted, if any
	err        error
}

func states() []state {
	link := []string{"token", aToken, "password", "x", "confirm", "y"}
	code := []string{"email", "ann@example.com", "code", "4F7K-9QXR-2MTX", "password", "x", "confirm", "y"}
	return []state{
		{name: "home", path: "/"}, {name: "link", path: "/reset#t=" + aToken}, {name: "link-expired", path: "/reset#t=" + oldToken, err: token.ErrExpired},
		{name: "link-damaged", path: "/reset#t=eyJ.cut", err: token.ErrNotOurs}, {name: "code", path: "/code"}, {name: "forgot", path: "/forgot"},
		{name: "sent", path: "/forgot", fields: []string{"email", "ann@example.com"}}, {name: "fresh-sent", path: "/reissue", fields: []string{"token", oldToken}},
		{name: "done", path: "/done"}, {name: "incident", path: "/incidents/spring-2011"}, {name: "not-found", path: "/nowhere"},
		{name: "too-short", path: "/reset", fields: link, err: refused("too_short", "")}, {name: "confirm-differs", path: "/reset", fields: link, err: reset.ErrConfirm},
		{name: "code-wrong", path: "/reset", fields: code, err: reset.ErrNoFit}, {name: "used", path: "/reset", fields: link, err: reset.ErrUsed},
		{name: "not-ours", path: "/reset", fields: link, err: token.ErrNotOurs}, {name: "limited", path: "/reset", fields: link, err: problem.Retry(problem.Limited, "", 40*time.Second)},
		{name: "busy", path: "/reset", fields: link, err: problem.New(problem.Unavailable, "")}, {name: "error", path: "/reset", fields: link, err: fmt.Errorf("a defect")},
		{name: "unreadable", path: "/forgot", fields: []string{"email", "a", "email", "b"}},
		{name: "closed", path: "/reset", fields: link, err: reset.ErrLocked},
	}
}

// visit brings the tab to a state. Forms are sent from a page of the portal itself, as members would.
func (b *tab) visit(s state) {
	b.t.Helper()
	for _, call := range []string{"redeem", "check " + oldToken, "check eyJ.cut"} {
		b.site.cases.fail(call, s.err)
	}
	b.site.cases.mu.Lock()
	b.site.cases.locked = s.name == "closed"
	b.site.cases.mu.Unlock()
	if s.fields == nil {
		b.open("/robots.txt") // else a change of the fragment alone would not load the page
		b.open(s.path)
		if strings.Contains(s.path, "#") {
			b.says("'checked' in document.documentElement.dataset", "true")
		}
		return
	}
	b.open("/done")
	script := fmt.Sprintf(`(() => { const f = document.createElement('form'); f.method = 'post'; f.action = %q; const v = [%s];
		for (let i = 0; i < v.length; i += 2) { const e = document.createElement('input'); e.name = v[i]; e.value = v[i+1]; f.append(e); }
		document.body.append(f); f.submit(); return ''; })()`, s.path, quoted(s.fields))
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script)); err != nil {
		b.t.Fatal(err)
	}
	b.says(path+" + document.readyState", s.path+"complete")
}

func quoted(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(q, ",")
}

// narrowScreen wants every state to fit 320 px (WCAG 2.2 SC 1.4.10), with a long name and texts at twice the size too (SC 1.4.4), in the language
// with the longest words, one that breaks anywhere and one from right to left as well, with the switch open.
func narrowScreen(b *tab) {
	b.site = open(b.t, func(o *portal.Options) { o.Name = "The Extraordinarily Long-Named Example Entertainment Pass" })
	b.do(chromedp.EmulateViewport(320, 640))
	for _, tag := range []string{"en", "de", "ja", "ar"} {
		b.languages(tag)
		b.fits(tag)
	}
}

func (b *tab) fits(tag string) {
	b.t.Helper()
	for _, s := range states() {
		b.visit(s)
		b.says("document.documentElement.lang", tag)
		for _, size := range []string{"", "200%"} {
			width, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](fmt.Sprintf("(document.documentElement.style.fontSize = %q, document.getElementById('languages').open = %q !== '', document.documentElement.scrollWidth)", size, size)))
			if err != nil {
				b.t.Fatal(err)
			}
			if width > 320 {
				b.t.Errorf("%s in %s is %d px wide with text at %q", s.name, tag, width, size)
			}
		}
	}
}

// screenshots writes every state, phone and desktop, light and dark, to the folder REKEY_SCREENSHOTS names, for people to look at.
func screenshots(b *tab) {
	folder := os.Getenv("REKEY_SCREENSHOTS")
	for _, scheme := range []string{"light", "dark"} {
		b.colours(scheme)
		for _, width := range []int64{390, 1280} {
			b.do(chromedp.EmulateViewport(width, 844))
			for _, s := range states() {
				b.visit(s)
				b.shoot(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", s.name, width, scheme)))
			}
		}
	}
	b.do(chromedp.EmulateViewport(390, 844))
	b.colours("light")
	for _, tag := range tags[1:] {
		b.languages(tag)
		for _, s := range states() {
			b.visit(s)
			b.shoot(filepath.Join(folder, fmt.Sprintf("%s-%s.png", s.name, tag)))
		}
	}
	b.languages("en")
	b.open("/code?lang=de")
	b.click("#languages summary")
	b.shoot(filepath.Join(folder, "switch.png"))
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
	b.visit(state{name: "no-script", path: "/code"})
	b.shoot(filepath.Join(folder, "no-script.png"))
}

// languages is what the browser says its reader knows.
func (b *tab) languages(tag string) {
	b.t.Helper()
	headers := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}}
	if _, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, headers); err != nil {
		b.t.Fatal(err)
	}
}

// shoot writes the whole page. It makes the window as high as the page, since Chromium shifts pages from right to left when it is to look beyond the window.
func (b *tab) shoot(file string) {
	b.t.Helper()
	size, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]int64]("[innerWidth, innerHeight, document.documentElement.scrollHeight]"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(size[0], max(size[1], size[2])))
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(size[0], size[1]))
	if err := os.WriteFile(file, shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

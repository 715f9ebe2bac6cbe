package console

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/seed-1c168855/rekey/internal/browsertest"
)

// tab is a page of a browser of its own profile, open on nothing.
type tab struct {
	*browsertest.Tab
	w *world
}

// browse opens a tab on the world in a Chromium of its own, until the test is over. Nothing may be asked of anybody else.
func browse(t *testing.T, w *world) *tab {
	t.Helper()
	b := &tab{browsertest.Open(t, browsertest.Start(t), "console"), w}
	b.BringAxe()
	t.Cleanup(func() {
		for _, r := range b.Requests() {
			if !strings.HasPrefix(r.URL, w.url+"/") && !strings.HasPrefix(r.URL, "data:") { // the browser's own pictures in fields
				t.Errorf("asked for %s", r.URL)
			}
		}
	})
	return b
}

func (b *tab) open(path string) { b.T.Helper(); b.Open(b.w.url + path) }

const (
	place   = "location.pathname"
	heading = "document.querySelector('h1').textContent"
)

// signIn gives the browser somebody's session, whose second factor was just shown.
func (b *tab) signIn(name string) {
	b.T.Helper()
	b.setCookie(b.w.session(b.w.staff[name], true))
}

// setCookie gives the browser a session by its token.
func (b *tab) setCookie(token string) {
	b.T.Helper()
	browsertest.Call(b.Tab, network.SetCookie, network.SetCookieParams{Name: "rekey", Value: token, URL: b.w.url, Path: "/", HTTPOnly: new(true)})
}

// inAllLooks does it on a phone in light and on a desk in dark: both themes and both widths in half the time. Where pictures are wanted it does it at both widths in both.
func (b *tab) inAllLooks(do func()) {
	b.T.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			if browsertest.Shooting() || (width == 390) == (scheme == "light") {
				b.Media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
				b.Size(width, 844)
				do()
			}
		}
	}
}

// look opens a page in all looks and wants it to be fit to be seen.
func (b *tab) look(name, path string) {
	b.T.Helper()
	b.inAllLooks(func() { b.open(path); b.fit(name) })
}

// seen wants what the page shows now, after what was done on it, to be fit to be seen in all looks.
func (b *tab) seen(name string) {
	b.T.Helper()
	b.inAllLooks(func() { b.fit(name) })
}

// fit runs every rule of axe-core on what is shown, wants nothing beyond the edges of the window, and keeps a picture.
func (b *tab) fit(name string) {
	b.T.Helper()
	b.Clean(name)
	if !browsertest.Eval[bool](b.Tab, "document.documentElement.scrollWidth <= innerWidth") {
		b.T.Errorf("%s is wider than its window", name)
	}
	const cut = `[...document.querySelectorAll('button, input, h1, h2, p')].filter(e => e.checkVisibility() && !e.closest('.unseen, .skip, .side, .scroll') && e.getBoundingClientRect().left < 0).map(e => e.outerHTML).join()`
	if gone := browsertest.Eval[string](b.Tab, cut); gone != "" {
		b.T.Errorf("%s: beyond the left edge, where nobody can scroll: %s", name, gone)
	}
	b.Shoot(name)
}

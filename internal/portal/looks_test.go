package portal_test

import (
	"fmt"

	"github.com/chromedp/cdproto/network"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/portal"
)

// screen is the size of a window in CSS pixels.
type screen struct {
	name          string
	width, height int64
}

var (
	phone   = screen{"phone", 390, 844}
	desktop = screen{"desktop", 1280, 800}
)

// look runs every rule of axe-core on the states, and with the language switch open in a right-to-left language and one without spaces.
func (b *tab) look(s screen, scheme string, which func(state) bool) {
	b.Media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
	b.Size(s.width, s.height)
	b.BringAxe()
	where := s.name + "-" + scheme
	for _, st := range states() {
		if !which(st) {
			continue
		}
		b.visit(st)
		b.Clean(st.name + ", " + where)
		b.Shoot(st.name)
	}
	for _, path := range []string{"/code?lang=ar", "/incidents/spring-2011?lang=ja"} {
		b.open(path)
		b.Click("#languages summary")
		b.Clean(path + ", switch open, " + where)
		b.Shoot("switch-" + path[len(path)-2:])
	}
}

// A house's name, logo, colour and contact are on the pages, and the gaudiest colour stays readable, in light and dark.
func brightTheme(b *tab) {
	b.site = open(b.T, func(o *portal.Options) {
		o.Name, o.Contact, o.Colour = "Käsekönig & Söhne", "https://help.example.com/passwords", "#ffee00"
		o.Logo = []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle cx="32" cy="32" r="32" fill="#ff00c8"/></svg>`)
	})
	b.BringAxe()
	b.Size(phone.width, phone.height)
	for scheme, button := range map[string]string{"light": "rgb(122, 114, 0)", "dark": "rgb(255, 238, 0)"} {
		b.Media("prefers-color-scheme", scheme)
		for _, st := range states() {
			if st.name != "link" && st.name != "code-wrong" && st.name != "done" && st.name != "limited" {
				continue
			}
			b.visit(st)
			b.Clean(st.name + ", bright " + scheme)
			b.Shoot(st.name + "-bright")
			b.Says("document.querySelector('.brand').textContent.trim()", "Käsekönig & Söhne")
			b.Says("document.querySelector('.brand img').naturalWidth", "64")
			b.Says("document.querySelector('.foot a').href", "https://help.example.com/passwords")
			b.Says("getComputedStyle(document.querySelector('#submit, .button')).backgroundColor", button)
		}
	}
}

// preferences: nothing moves for those who don't want it, and where the browser takes all colours away, what is a button, a field or a notice still has an edge.
func preferences(b *tab) {
	moves := "[...document.querySelectorAll('*')].some(e => parseFloat(getComputedStyle(e).transitionDuration) > 0 || getComputedStyle(e).animationName !== 'none')"
	b.Media("prefers-reduced-motion", "no-preference")
	b.open("/")
	b.Says(moves, "true")
	b.Media("prefers-reduced-motion", "reduce")
	b.Says(moves, "false")
	b.Media("forced-colors", "active", "prefers-color-scheme", "dark")
	b.Size(phone.width, phone.height)
	for _, st := range states() {
		if st.name != "code-wrong" && st.name != "home" && st.name != "done" {
			continue
		}
		b.visit(st)
		b.Says("matchMedia('(forced-colors: active)').matches", "true")
		b.Says(`[...document.querySelectorAll('button:not([hidden]), .button, input:not([type=hidden]), .notice, .ways li')].filter(e => { const s = getComputedStyle(e);
			return parseFloat(s.borderTopWidth) < 1 || s.borderTopColor === getComputedStyle(document.querySelector('main')).backgroundColor; }).map(e => e.outerHTML).join()`, "")
		b.Shoot(st.name + "-forced-colors")
	}
}

// narrowScreen wants every state to fit 320 px (WCAG 2.2 SC 1.4.10), with a long name and texts at twice the size too (SC 1.4.4), in the language
// with the longest words, one that breaks anywhere and one from right to left as well, with the switch open. A desktop at twice the zoom has 640.
func narrowScreen(b *tab) {
	b.site = open(b.T, func(o *portal.Options) { o.Name = "The Extraordinarily Long-Named Example Entertainment Pass" })
	for _, look := range []struct {
		tag   string
		width int64
		which func(state) bool
	}{{"de", 320, unlikeStates}, {"en", 320, denseStates}, {"ja", 320, denseStates}, {"ar", 320, denseStates}, {"de", 640, denseStates}} {
		b.Size(look.width, 640)
		b.languages(look.tag)
		b.fits(look.tag, look.width, look.which)
	}
}

func (b *tab) fits(tag string, most int64, which func(state) bool) {
	b.T.Helper()
	for _, s := range states() {
		if !which(s) {
			continue
		}
		b.visit(s)
		b.Says("document.documentElement.lang", tag)
		for _, size := range []string{"", "200%"} {
			width := browsertest.Eval[int64](b.Tab, fmt.Sprintf("(document.documentElement.style.fontSize = %q, document.getElementById('languages').open = %q !== '', document.documentElement.scrollWidth)", size, size))
			if width > most {
				b.T.Errorf("%s in %s is %d px wide with text at %q, not %d", s.name, tag, width, size, most)
			}
		}
		if tag == "de" {
			b.Shoot(s.name + "-de")
		}
	}
}

// inEveryLanguage is for people to look at: what it shows is tested without a browser.
func inEveryLanguage(b *tab) {
	b.Size(phone.width, phone.height)
	for _, tag := range tags {
		if tag == "en" {
			continue // seen in every look
		}
		b.languages(tag)
		for _, s := range states() {
			if s.alike && s.name != "weak-same_password" {
				continue
			}
			b.visit(s)
			b.Shoot(s.name + "-" + tag)
		}
	}
}

// languages is what the browser says its reader knows.
func (b *tab) languages(tag string) {
	b.T.Helper()
	browsertest.Call(b.Tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}})
}

package portal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

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

// look runs every rule of axe-core (testdata/axe) on the states, and with the language switch open in a right-to-left language and one without spaces.
func (b *tab) look(s screen, scheme string, which func(state) bool) {
	b.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
	b.do(chromedp.EmulateViewport(s.width, s.height))
	b.bringAxe()
	where := s.name + "-" + scheme
	for _, st := range states() {
		if !which(st) {
			continue
		}
		b.visit(st)
		b.clean(st.name + ", " + where)
		b.shoot(where + "-" + st.name)
	}
	for _, path := range []string{"/code?lang=ar", "/incidents/spring-2011?lang=ja"} {
		b.open(path)
		b.click("#languages summary")
		b.clean(path + ", switch open, " + where)
		b.shoot(where + "-switch-" + path[len(path)-2:])
	}
}

// bringAxe has axe-core in every page from now on. What the browser runs for us before a page's own scripts is not bound by the page's policy.
func (b *tab) bringAxe() {
	b.t.Helper()
	source, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	script := page.AddScriptToEvaluateOnNewDocumentParams{Source: string(source)}
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, script); err != nil {
		b.t.Fatal(err)
	}
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

// media sets what the reader prefers, given as feature, value, feature, value.
func (b *tab) media(features ...string) {
	b.t.Helper()
	var m emulation.SetEmulatedMediaParams
	for i := 0; i < len(features); i += 2 {
		m.Features = append(m.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, m); err != nil {
		b.t.Fatal(err)
	}
}

// A house's name, logo, colour and contact are on the pages, and the gaudiest colour stays readable, in light and dark.
func brightTheme(b *tab) {
	b.site = open(b.t, func(o *portal.Options) {
		o.Name, o.Contact, o.Colour = "Käsekönig & Söhne", "https://help.example.com/passwords", "#ffee00"
		o.Logo = []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle cx="32" cy="32" r="32" fill="#ff00c8"/></svg>`)
	})
	b.bringAxe()
	b.do(chromedp.EmulateViewport(phone.width, phone.height))
	for scheme, button := range map[string]string{"light": "rgb(122, 114, 0)", "dark": "rgb(255, 238, 0)"} {
		b.media("prefers-color-scheme", scheme)
		for _, st := range states() {
			if st.name != "link" && st.name != "code-wrong" && st.name != "done" && st.name != "limited" {
				continue
			}
			b.visit(st)
			b.clean(st.name + ", bright " + scheme)
			b.shoot("theme-" + scheme + "-" + st.name)
			b.says("document.querySelector('.brand').textContent.trim()", "Käsekönig & Söhne")
			b.says("document.querySelector('.brand img').naturalWidth", "64")
			b.says("document.querySelector('.foot a').href", "https://help.example.com/passwords")
			b.says("getComputedStyle(document.querySelector('#submit, .button')).backgroundColor", button)
		}
	}
}

// preferences: nothing moves for those who don't want it, and where the browser takes all colours away, what is a button, a field or a notice still has an edge.
func preferences(b *tab) {
	moves := "[...document.querySelectorAll('*')].some(e => parseFloat(getComputedStyle(e).transitionDuration) > 0 || getComputedStyle(e).animationName !== 'none')"
	b.media("prefers-reduced-motion", "no-preference")
	b.open("/")
	b.says(moves, "true")
	b.media("prefers-reduced-motion", "reduce")
	b.says(moves, "false")
	b.media("forced-colors", "active", "prefers-color-scheme", "dark")
	b.do(chromedp.EmulateViewport(phone.width, phone.height))
	for _, st := range states() {
		if st.name != "code-wrong" && st.name != "home" && st.name != "done" {
			continue
		}
		b.visit(st)
		b.says("matchMedia('(forced-colors: active)').matches", "true")
		b.says(`[...document.querySelectorAll('button:not([hidden]), .button, input:not([type=hidden]), .notice, .ways li')].filter(e => { const s = getComputedStyle(e);
			return parseFloat(s.borderTopWidth) < 1 || s.borderTopColor === getComputedStyle(document.querySelector('main')).backgroundColor; }).map(e => e.outerHTML).join()`, "")
		b.shoot("forced-colors-" + st.name)
	}
}

// narrowScreen wants every state to fit 320 px (WCAG 2.2 SC 1.4.10), with a long name and texts at twice the size too (SC 1.4.4), in the language
// with the longest words, one that breaks anywhere and one from right to left as well, with the switch open. A desktop at twice the zoom has 640.
func narrowScreen(b *tab) {
	b.site = open(b.t, func(o *portal.Options) { o.Name = "The Extraordinarily Long-Named Example Entertainment Pass" })
	for _, look := range []struct {
		tag   string
		width int64
		which func(state) bool
	}{{"de", 320, unlikeStates}, {"en", 320, denseStates}, {"ja", 320, denseStates}, {"ar", 320, denseStates}, {"de", 640, denseStates}} {
		b.do(chromedp.EmulateViewport(look.width, 640))
		b.languages(look.tag)
		b.fits(look.tag, look.width, look.which)
	}
}

func (b *tab) fits(tag string, most int64, which func(state) bool) {
	b.t.Helper()
	for _, s := range states() {
		if !which(s) {
			continue
		}
		b.visit(s)
		b.says("document.documentElement.lang", tag)
		for _, size := range []string{"", "200%"} {
			width, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](fmt.Sprintf("(document.documentElement.style.fontSize = %q, document.getElementById('languages').open = %q !== '', document.documentElement.scrollWidth)", size, size)))
			if err != nil {
				b.t.Fatal(err)
			}
			if width > most {
				b.t.Errorf("%s in %s is %d px wide with text at %q, not %d", s.name, tag, width, size, most)
			}
		}
		if tag == "de" {
			b.shoot(fmt.Sprintf("narrow-%d-%s", most, s.name))
		}
	}
}

// inEveryLanguage is for people to look at: what it shows is tested without a browser.
func inEveryLanguage(b *tab) {
	b.do(chromedp.EmulateViewport(phone.width, phone.height))
	for _, tag := range tags {
		b.languages(tag)
		for _, s := range states() {
			if s.alike && s.name != "weak-same_password" {
				continue
			}
			b.visit(s)
			b.shoot("language-" + tag + "-" + s.name)
		}
	}
}

// languages is what the browser says its reader knows.
func (b *tab) languages(tag string) {
	b.t.Helper()
	headers := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}}
	if _, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, headers); err != nil {
		b.t.Fatal(err)
	}
}

// shoot writes the whole page where pictures are wanted. It makes the window as high as the page, since Chromium shifts pages from right to left when
// it is to look beyond the window.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if shots == "" {
		return
	}
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
	if err := os.MkdirAll(shots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

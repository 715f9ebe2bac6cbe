package portal_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/reset"
)

func axeLight(b *tab) { b.axe("light") }
func axeDark(b *tab)  { b.axe("dark") }

// axe runs every rule of axe-core (testdata/axe) on every state, with the language switch open and closed, and once in a right-to-left language.
func (b *tab) axe(scheme string) {
	b.colours(scheme)
	source, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	// What the browser runs for us before a page's own scripts is not bound by the page's policy.
	script := page.AddScriptToEvaluateOnNewDocumentParams{Source: string(source)}
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, script); err != nil {
		b.t.Fatal(err)
	}
	for _, s := range states() {
		b.visit(s)
		b.clean(s.name + ", " + scheme)
	}
	for _, path := range []string{"/code?lang=ar", "/incidents/spring-2011?lang=ja"} {
		b.open(path)
		b.click("#languages summary")
		b.clean(path + ", switch open, " + scheme)
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

func (b *tab) colours(scheme string) {
	b.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatal(err)
	}
}

// otherLanguage changes the language by hand on the way. The token goes along, in the fragment again, also from pages that answer a form.
func otherLanguage(b *tab) {
	choose := func(tag string) {
		b.t.Helper()
		b.click("#languages summary")
		b.click(fmt.Sprintf("#languages a[hreflang='%s']", tag))
	}
	b.open("/reset#t=" + aToken)
	b.checked(204)
	choose("de")
	b.says("document.documentElement.lang + document.documentElement.dataset.checked", "de204")
	b.says(address, "/reset?lang=de")
	b.says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
	b.site.cases.fail("redeem", refused("common", ""))
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says("document.querySelector('[role=alert] h2')?.textContent", "Ihr neues Passwort ist noch nicht gespeichert")
	b.says(address, "/reset")
	choose("ar")
	b.says("document.documentElement.dir + document.documentElement.dataset.checked", "rtl204")
	b.says(address, "/reset?lang=ar")
	b.site.cases.fail("redeem", reset.ErrUsed)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says(heading, "لم يعد هذا الرابط يعمل")
	b.site.cases.fail("check "+aToken, reset.ErrUsed)
	choose("ja")
	b.checked(410)
	b.says(heading, "このリンクはもう使えません")
	b.click("#gone button")
	b.says(path+" + document.documentElement.lang", "/reissueja")
	b.site.cases.fail("check "+aToken, nil)
	b.site.cases.fail("redeem", nil)
	b.open("/reset?lang=fr#t=" + aToken)
	b.checked(204)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says(address, "/done?lang=fr")
}

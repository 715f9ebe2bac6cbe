package browsertest

import (
	_ "embed"
	"strings"

	"github.com/chromedp/cdproto/page"
)

// axe is axe-core as released (axe/LICENSE).
//
//go:embed axe/axe.min.js
var axe string

// BringAxe has axe-core in every page from now on. What the browser runs for us before a page's own scripts is not bound by the page's policy.
func (b *Tab) BringAxe() {
	b.T.Helper()
	Call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: axe})
}

// Clean runs every rule of axe-core on what the page shows now, and fails on any violation. BringAxe comes before the page.
func (b *Tab) Clean(where string) {
	b.T.Helper()
	if found := b.violations(); found != "" {
		b.T.Errorf("axe on %s: %s", where, found)
	}
}

func (b *Tab) violations() string {
	b.T.Helper()
	says := Eval[string](b, `axe.run(document, {resultTypes: ['violations']}).then(
		r => 'ran ' + r.passes.length + r.violations.map(v => '\n' + v.id + ': ' + v.help + v.nodes.map(n => '\n  ' + n.html).join('')).join(''))`)
	if first, found, _ := strings.Cut(says, "\n"); found != "" || first == "ran 0" {
		return says
	}
	return ""
}

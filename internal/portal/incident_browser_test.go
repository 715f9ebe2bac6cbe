package portal_test

import (
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// readNotice looks at the notice on every kind of screen, in a language of long words and one from right to left, and follows its links by keyboard.
func readNotice(b *tab) {
	b.BringAxe()
	for _, s := range []screen{phone, desktop} {
		b.Size(s.width, s.height)
		for _, scheme := range []string{"light", "dark"} {
			b.Media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
			for _, tag := range []string{"en", "de", "ar"} {
				where := "notice-" + tag
				b.open(notice + "?lang=" + tag)
				b.Clean(where)
				b.Says("document.documentElement.scrollWidth <= innerWidth", "true")
				b.Shoot(where)
			}
		}
	}
	b.Size(320, 640)
	b.open(notice + "?lang=de")
	b.Says("(document.documentElement.style.fontSize = '200%', document.documentElement.scrollWidth)", "320")
	b.open(notice)
	b.Says("document.querySelectorAll('.timeline > li').length", "6")
	b.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('a[href=\"#update-4\"]').focus()"))
	b.Do(chromedp.KeyEvent(kb.Enter))
	b.Says("document.querySelector(':target').id", "update-4")
	b.Says("(() => { const r = document.querySelector(':target').getBoundingClientRect(); return r.top > -2 && r.top < innerHeight; })()", "true")
}

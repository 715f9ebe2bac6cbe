package portal_test

import (
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// readNotice looks at the notice on every kind of screen, in a language of long words and one from right to left, and follows its links by keyboard.
func readNotice(b *tab) {
	b.bringAxe()
	for _, s := range []screen{phone, desktop} {
		b.do(chromedp.EmulateViewport(s.width, s.height))
		for _, scheme := range []string{"light", "dark"} {
			b.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
			for _, tag := range []string{"en", "de", "ar"} {
				where := fmt.Sprintf("notice-%s-%s-%s", s.name, scheme, tag)
				b.open(notice + "?lang=" + tag)
				b.clean(where)
				b.says("document.documentElement.scrollWidth <= innerWidth", "true")
				b.shoot(where)
			}
		}
	}
	b.do(chromedp.EmulateViewport(320, 640))
	b.open(notice + "?lang=de")
	b.says("(document.documentElement.style.fontSize = '200%', document.documentElement.scrollWidth)", "320")
	b.open(notice)
	b.says("document.querySelectorAll('.timeline > li').length", "6")
	b.do(chromedp.Evaluate[chromedp.Void]("document.querySelector('a[href=\"#update-4\"]').focus()"))
	b.do(chromedp.KeyEvent(kb.Enter))
	b.says("document.querySelector(':target').id", "update-4")
	b.says("(() => { const r = document.querySelector(':target').getBoundingClientRect(); return r.top > -2 && r.top < innerHeight; })()", "true")
}

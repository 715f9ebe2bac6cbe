package portal_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/browsertest"
)

// tab is a page of the browser, open on nothing.
type tab struct {
	*browsertest.Tab
	site *site
}

// TestJourneys walks every way through the pages in one Chromium, a tab each.
func TestJourneys(t *testing.T) {
	t.Parallel()
	browser := browsertest.Start(t)
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
	if browsertest.Shooting() {
		journeys["phone dark"] = func(b *tab) { b.look(phone, "dark", everyState) }
		journeys["desktop light"] = func(b *tab) { b.look(desktop, "light", everyState) }
		journeys["languages"] = inEveryLanguage
	}
	for name, journey := range journeys {
		t.Run(name, func(t *testing.T) {
			b := &tab{browsertest.Open(t, browser, "member"), open(t)}
			journey(b)
			b.complainsNot()
		})
	}
}

var language = regexp.MustCompile(`\?lang=[A-Za-z-]+$`)

// complainsNot holds of every journey: no Referer or cookie sent, nothing asked of anybody else, no token in an address.
func (b *tab) complainsNot() {
	b.T.Helper()
	for _, r := range b.Requests() {
		if !strings.HasPrefix(r.URL, b.site.url+"/") || strings.Contains(r.URL, "eyJ") || strings.Contains(language.ReplaceAllString(r.URL, ""), "?") {
			b.T.Errorf("asked for %s", r.URL)
		}
		for name, value := range r.Headers {
			if (strings.EqualFold(name, "Referer") || strings.EqualFold(name, "Cookie")) && value != "" {
				b.T.Errorf("asked for %s with %s: %v", r.URL, name, value)
			}
		}
	}
}

// addresses is every one asked for.
func (b *tab) addresses() string {
	var all strings.Builder
	for _, r := range b.Requests() {
		fmt.Fprintln(&all, r.URL)
	}
	return all.String()
}

func (b *tab) open(path string) { b.T.Helper(); b.Open(b.site.url + path) }

func (b *tab) checked(status int) {
	b.T.Helper()
	b.Says("document.documentElement.dataset.checked", fmt.Sprint(status))
}

const (
	path    = "location.pathname"
	address = "location.pathname + location.search + location.hash"
	heading = "document.querySelector('h1').textContent"
	focus   = "document.activeElement.id"
)

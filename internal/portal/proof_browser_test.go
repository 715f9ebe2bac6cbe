package portal_test

import (
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

// underPressure gives the tab a site that asks for proofs of the work that is asked for by default.
func underPressure(b *tab) *pressed {
	p := pressWith(b.T, pow.Always, 16)
	b.site = p.site
	return p
}

// underProof resets, sends a second form after a refused password, asks for a message and for a fresh link: each time the page's worker does what is
// asked for, the member does nothing, and the form goes as proven.
func underProof(b *tab) {
	p := underPressure(b)
	wantsProven := func(n int) {
		b.T.Helper()
		if diff := cmp.Diff(map[string]int{"ok": n}, p.counted()); diff != "" {
			b.T.Error(diff)
		}
	}
	p.cases.fail("redeem", reset.ErrConfirm)
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.Type("password", aPassword)
	b.Type("confirm", "something else"+kb.Enter)
	b.Says("document.querySelector('[role=alert] h2').textContent", "Your new password is not saved yet")
	wantsProven(1)
	p.cases.fail("redeem", nil)
	b.Type("password", aPassword)
	b.Type("confirm", aPassword+kb.Enter)
	b.Says(path, "/done")
	wantsProven(1)
	if got := p.cases.submission(); got.Token != aToken || got.Password != aPassword {
		b.T.Errorf("sent: %+v", got)
	}

	b.open("/forgot")
	b.Type("email", "ann@example.com")
	b.Click("main button")
	b.Says(heading, "Please look into your mailbox")
	p.cases.fail("check "+oldToken, token.ErrExpired)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	b.Click("#gone button")
	b.Says(path, "/reissue")
	wantsProven(2)
}

// slowProof holds the answer to what is asked for: the form waits and says so, a second press sends nothing more, and then it goes.
func slowProof(b *tab) {
	p := underPressure(b)
	asked, release := make(chan struct{}, 10), make(chan struct{})
	hold := func() {
		asked <- struct{}{}
		select {
		case <-release:
		case <-b.Ctx.Done():
		}
	}
	p.look.Store(&hold)
	b.open("/forgot")
	b.Type("email", "ann@example.com")
	select {
	case <-asked:
	case <-b.Ctx.Done():
		b.T.Fatal("the page did not ask while the member types")
	}
	b.Click("main button")
	b.Says("document.querySelector('form [role=status]').textContent.includes('small calculation')", "true")
	b.Says("document.querySelector('main button').getAttribute('aria-disabled')", "true")
	b.Click("main button")
	close(release)
	b.Says(heading, "Please look into your mailbox")
	if diff := cmp.Diff([]string{"request ann@example.com"}, p.cases.take()); diff != "" {
		b.T.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"ok": 1}, p.counted()); diff != "" {
		b.T.Error(diff)
	}
}

// brokenProof has a browser whose workers fail: the form goes without.
func brokenProof(b *tab) {
	p := underPressure(b)
	b.open("/forgot")
	browsertest.Eval[string](b.Tab, "window.Worker = class { constructor() { throw new Error('none'); } }, ''")
	b.Type("email", "ann@example.com"+kb.Enter)
	b.Says(heading, "Please look into your mailbox")
	if diff := cmp.Diff(map[string]int{"missing": 1}, p.counted()); diff != "" {
		b.T.Error(diff)
	}
}

// unprovenWithoutScript is told to wait, waits, presses again, and is through.
func unprovenWithoutScript(b *tab) {
	p := underPressure(b)
	for range ratelimit.UnprovenAddress.Burst {
		p.post("/forgot", "email", "mallory@example.com")
	}
	b.NoScripts()
	b.open("/code")
	b.Type("email", "ann@example.com")
	b.Type("code", "4F7K-9QXR-2MTD")
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says("document.querySelector('.notice h2').textContent", "One moment, please")
	b.Says("document.querySelector('.notice').textContent.includes('in 10 seconds')", "true")
	b.Says("document.getElementById('email').value + document.getElementById('code').value", "ann@example.com4F7K-9QXR-2MTD")
	p.clock.Add(int64(ratelimit.UnprovenAddress.Every))
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says(path, "/done")
}

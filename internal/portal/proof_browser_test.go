package portal_test

import (
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

// underPressure gives the tab a site that asks for proofs of the work that is asked for by default.
func underPressure(b *tab) *pressed {
	p := pressWith(b.t, pow.Always, 16)
	b.site = p.site
	return p
}

// underProof resets, sends a second form after a refused password, asks for a message and for a fresh link: each time the page's worker does what is
// asked for, the member does nothing, and the form goes as proven.
func underProof(b *tab) {
	p := underPressure(b)
	wantsProven := func(n int) {
		b.t.Helper()
		if diff := cmp.Diff(map[string]int{"ok": n}, p.counted()); diff != "" {
			b.t.Error(diff)
		}
	}
	p.cases.fail("redeem", reset.ErrConfirm)
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", "something else"+kb.Enter)
	b.says("document.querySelector('[role=alert] h2').textContent", "Your new password is not saved yet")
	wantsProven(1)
	p.cases.fail("redeem", nil)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword+kb.Enter)
	b.says(path, "/done")
	wantsProven(1)
	if got := p.cases.submission(); got.Token != aToken || got.Password != aPassword {
		b.t.Errorf("sent: %+v", got)
	}

	b.open("/forgot")
	b.typeInto("email", "ann@example.com")
	b.click("main button")
	b.says(heading, "Please look into your mailbox")
	p.cases.fail("check "+oldToken, token.ErrExpired)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	b.click("#gone button")
	b.says(path, "/reissue")
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
		case <-b.ctx.Done():
		}
	}
	p.look.Store(&hold)
	b.open("/forgot")
	b.typeInto("email", "ann@example.com")
	select {
	case <-asked:
	case <-b.ctx.Done():
		b.t.Fatal("the page did not ask while the member types")
	}
	b.click("main button")
	b.says("document.querySelector('form [role=status]').textContent.includes('small calculation')", "true")
	b.says("document.querySelector('main button').getAttribute('aria-disabled')", "true")
	b.click("main button")
	close(release)
	b.says(heading, "Please look into your mailbox")
	if diff := cmp.Diff([]string{"request ann@example.com"}, p.cases.take()); diff != "" {
		b.t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"ok": 1}, p.counted()); diff != "" {
		b.t.Error(diff)
	}
}

// brokenProof has a browser whose workers fail: the form goes without.
func brokenProof(b *tab) {
	p := underPressure(b)
	b.open("/forgot")
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("window.Worker = class { constructor() { throw new Error('none'); } }, ''")); err != nil {
		b.t.Fatal(err)
	}
	b.typeInto("email", "ann@example.com"+kb.Enter)
	b.says(heading, "Please look into your mailbox")
	if diff := cmp.Diff(map[string]int{"missing": 1}, p.counted()); diff != "" {
		b.t.Error(diff)
	}
}

// unprovenWithoutScript is told to wait, waits, presses again, and is through.
func unprovenWithoutScript(b *tab) {
	p := underPressure(b)
	for range ratelimit.UnprovenAddress.Burst {
		p.post("/forgot", "email", "mallory@example.com")
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
	b.open("/code")
	b.typeInto("email", "ann@example.com")
	b.typeInto("code", "4F7K-9QXR-2MTD")
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says("document.querySelector('.notice h2').textContent", "One moment, please")
	b.says("document.querySelector('.notice').textContent.includes('in 10 seconds')", "true")
	b.says("document.getElementById('email').value + document.getElementById('code').value", "ann@example.com4F7K-9QXR-2MTD")
	p.clock.Add(int64(ratelimit.UnprovenAddress.Every))
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says(path, "/done")
}

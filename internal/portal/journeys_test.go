package portal_test

import (
	"context"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

func byLink(b *tab) {
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.says(address, "/reset")
	b.says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
	b.says("document.getElementById('email').checkVisibility()", "false")
	b.says("document.cookie.length + localStorage.length + sessionStorage.length", "0")
	if diff := cmp.Diff([]string{"check " + aToken}, b.site.cases.take()); diff != "" {
		b.t.Errorf("opening a link does nothing but ask:\n%s", diff)
	}
	b.typeInto("password", "fourteen chars")
	b.says("document.getElementById('count').textContent", "14 / 15")
	b.says("document.getElementById('length-says').textContent", "")
	b.typeInto("password", "🦆")
	b.says("document.getElementById('count').textContent", "15 / 15")
	b.says("document.getElementById('length-says').textContent", "Long enough")
	b.typeInto("confirm", "fourteen")
	b.says("document.getElementById('same').textContent", "Not the same yet")
	b.typeInto("confirm", " chars🦆")
	b.says("document.getElementById('same').textContent", "Both are the same")
	b.shoot("link-typed")
	b.click("#submit")
	b.says(path, "/done")
	got := b.site.cases.submission()
	if got.Token != aToken || got.Password != "fourteen chars🦆" || got.Confirm != got.Password || got.Email != "" || got.Code != "" {
		b.t.Errorf("sent: %+v", got)
	}
	b.do(chromedp.NavigateBack()) // attack 31: Back shows neither token nor password
	b.says(address, "/reset")
	b.says("document.querySelectorAll('[name=token]').length + document.getElementById('password').value.length", "0")
}

func expiredLink(b *tab) {
	b.site.cases.fail("check "+oldToken, token.ErrExpired)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	b.says(heading, "This link no longer works")
	b.says(focus, "heading")
	b.says("document.getElementById('reset').checkVisibility()", "false")
	b.click("#gone button")
	b.says(path, "/reissue")
	b.says(heading, "Please look into your mailbox")
	if diff := cmp.Diff([]string{"check " + oldToken, "reissue " + oldToken}, b.site.cases.take()); diff != "" {
		b.t.Error(diff)
	}
}

// Where the server cannot say, the token's own time does; a good one stays usable.
func silentServer(b *tab) {
	busy := problem.New(problem.Unavailable, "")
	b.site.cases.fail("check "+oldToken, busy)
	b.site.cases.fail("check "+aToken, busy)
	b.open("/reset#t=" + oldToken)
	b.checked(503)
	b.says(heading, "This link no longer works")
	b.open("/done")
	b.open("/reset#t=" + aToken)
	b.checked(503)
	b.says(heading, "Set a new password")
	b.says("document.getElementById('password').checkVisibility()", "true")
}

func damagedLink(b *tab) {
	b.site.cases.fail("check eyJ.cut", token.ErrNotOurs)
	b.open("/reset#t=eyJ.cut")
	b.checked(400)
	b.says(heading, "This link is damaged")
	b.says("document.getElementById('reset').checkVisibility()", "false")
	b.click("#damaged a[href='/code']")
	b.says(path, "/code")
	b.says("document.getElementById('code').checkVisibility()", "true")
}

func anotherLink(b *tab) {
	b.site.cases.fail("check "+oldToken, reset.ErrUsed)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	b.open("/reset#t=" + aToken) // same document: the fragment alone changes
	b.checked(204)
	b.says(heading, "Set a new password")
	b.says(address, "/reset")
	b.says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
}

func withoutScript(b *tab) {
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
	b.site.cases.fail("redeem", reset.ErrNoFit)
	b.open("/reset#t=" + aToken)
	b.typeInto("email", "ann@example.com")
	b.typeInto("code", "4f7k 9qxr 2mtx")
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword+kb.Enter)
	b.says(heading+" + document.querySelector('.notice h2').textContent", "Set a new passwordThis address and code don’t fit together")
	b.says(focus, "code")
	b.shoot("no-script")
	b.site.cases.fail("redeem", nil)
	b.do(chromedp.Clear(chromedp.ID("code")))
	b.typeInto("code", "4f7k 9qxr 2mtd")
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says(path, "/done")
	got := b.site.cases.submission()
	if got.Email != "ann@example.com" || got.Code != "4f7k 9qxr 2mtd" || got.Password != aPassword || got.Token != "" {
		b.t.Errorf("sent: %+v", got)
	}
}

// byKeyboard goes the whole way, from an old link to a new password, without a mouse.
func byKeyboard(b *tab) {
	press := func(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }
	b.site.cases.fail("check "+oldToken, token.ErrExpired)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	press(kb.Tab)
	b.says("document.activeElement.textContent", "Send me a fresh link")
	press(kb.Enter)
	b.says(path, "/reissue")

	b.open("/reset#t=" + aToken)
	b.checked(204)
	press(kb.Tab)
	b.says("document.activeElement.textContent", "Skip to the content")
	press(kb.Enter)
	b.says("location.hash", "#main")
	press(kb.Tab)
	b.says(focus, "password")
	press(aPassword)
	press(kb.Tab)
	b.says(focus, "confirm")
	press(aPassword)
	press(kb.Tab)
	b.says(focus, "reveal")
	press(" ")
	b.says("document.getElementById('password').type + document.getElementById('reveal').getAttribute('aria-pressed')", "texttrue")
	b.says("getComputedStyle(document.activeElement).outlineStyle", "solid")
	b.shoot("keyboard")
	press(kb.Tab)
	b.says(focus, "submit")
	press(kb.Enter)
	b.says(path, "/done")
	if got := b.site.cases.submission(); got.Token != aToken || got.Password != aPassword {
		b.t.Errorf("sent: %+v", got)
	}
}

// A second answer would say that the link is used, and frighten somebody who is done.
func doubleClick(b *tab) {
	clicked, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	b.site.cases.hook = func(_ context.Context, call string) {
		switch call {
		case "redeem":
			<-release
		case "check clicked":
			close(clicked)
		}
	}
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	// The page clicks for us and says when it has: the browser takes no commands while the first answer is on its way.
	twice := `(s => { s.click(); setTimeout(() => s.click(), 100);
		setTimeout(() => fetch('/reset/check', { method: 'POST', body: new URLSearchParams({ token: 'clicked' }) }), 200); return ''; })(document.getElementById('submit'))`
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](twice)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case <-clicked:
	case <-b.ctx.Done():
		b.t.Fatal("the second click never came")
	}
	letGo()
	b.says(path, "/done")
	if diff := cmp.Diff([]string{"check " + aToken, "redeem", "check clicked"}, b.site.cases.take()); diff != "" {
		b.t.Error(diff)
	}
}

func refusedPassword(b *tab) {
	b.site.cases.fail("redeem", reset.ErrConfirm)
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", "something else"+kb.Enter)
	b.says("document.querySelector('[role=alert] h2').textContent", "Your new password is not saved yet")
	b.says(focus, "confirm")
	b.says("document.getElementById('password').value + document.getElementById('confirm').value", "")
	b.site.cases.fail("redeem", nil)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword+kb.Enter)
	b.says(path, "/done")
	if got := b.site.cases.submission(); got.Token != aToken {
		b.t.Error("the token was not carried on")
	}
}

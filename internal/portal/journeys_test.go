package portal_test

import (
	"context"
	"sync"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

func byLink(b *tab) {
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.Says(address, "/reset")
	b.Says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
	b.Says("document.getElementById('email').checkVisibility()", "false")
	b.Says("document.cookie.length + localStorage.length + sessionStorage.length", "0")
	if diff := cmp.Diff([]string{"check " + aToken}, b.site.cases.take()); diff != "" {
		b.T.Errorf("opening a link does nothing but ask:\n%s", diff)
	}
	b.Type("password", "fourteen chars")
	b.Says("document.getElementById('count').textContent", "14 / 15")
	b.Says("document.getElementById('length-says').textContent", "")
	b.Type("password", "🦆")
	b.Says("document.getElementById('count').textContent", "15 / 15")
	b.Says("document.getElementById('length-says').textContent", "Long enough")
	b.Type("confirm", "fourteen")
	b.Says("document.getElementById('same').textContent", "Not the same yet")
	b.Type("confirm", " chars🦆")
	b.Says("document.getElementById('same').textContent", "Both are the same")
	b.Shoot("link-typed")
	b.Click("#submit")
	b.Says(path, "/done")
	got := b.site.cases.submission()
	if got.Token != aToken || got.Password != "fourteen chars🦆" || got.Confirm != got.Password || got.Email != "" || got.Code != "" {
		b.T.Errorf("sent: %+v", got)
	}
	b.Do(chromedp.NavigateBack()) // attack 31: Back shows neither token nor password
	b.Says(address, "/reset")
	b.Says("document.querySelectorAll('[name=token]').length + document.getElementById('password').value.length", "0")
}

func expiredLink(b *tab) {
	b.site.cases.fail("check "+oldToken, token.ErrExpired)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	b.Says(heading, "This link no longer works")
	b.Says(focus, "heading")
	b.Says("document.getElementById('reset').checkVisibility()", "false")
	b.Click("#gone button")
	b.Says(path, "/reissue")
	b.Says(heading, "Please look into your mailbox")
	if diff := cmp.Diff([]string{"check " + oldToken, "reissue " + oldToken}, b.site.cases.take()); diff != "" {
		b.T.Error(diff)
	}
}

// Where the server cannot say, the token's own time does; a good one stays usable.
func silentServer(b *tab) {
	busy := problem.New(problem.Unavailable, "")
	b.site.cases.fail("check "+oldToken, busy)
	b.site.cases.fail("check "+aToken, busy)
	b.open("/reset#t=" + oldToken)
	b.checked(503)
	b.Says(heading, "This link no longer works")
	b.open("/done")
	b.open("/reset#t=" + aToken)
	b.checked(503)
	b.Says(heading, "Set a new password")
	b.Says("document.getElementById('password').checkVisibility()", "true")
}

func damagedLink(b *tab) {
	b.site.cases.fail("check eyJ.cut", token.ErrNotOurs)
	b.open("/reset#t=eyJ.cut")
	b.checked(400)
	b.Says(heading, "This link is damaged")
	b.Says("document.getElementById('reset').checkVisibility()", "false")
	b.Click("#damaged a[href='/code']")
	b.Says(path, "/code")
	b.Says("document.getElementById('code').checkVisibility()", "true")
}

func anotherLink(b *tab) {
	b.site.cases.fail("check "+oldToken, reset.ErrUsed)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	b.open("/reset#t=" + aToken) // same document: the fragment alone changes
	b.checked(204)
	b.Says(heading, "Set a new password")
	b.Says(address, "/reset")
	b.Says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
}

func withoutScript(b *tab) {
	b.NoScripts()
	b.site.cases.fail("redeem", reset.ErrNoFit)
	b.open("/reset#t=" + aToken)
	b.Type("email", "ann@example.com")
	b.Type("code", "4f7k 9qxr 2mtx")
	b.Type("password", aPassword)
	b.Type("confirm", aPassword+kb.Enter)
	b.Says(heading+" + document.querySelector('.notice h2').textContent", "Set a new passwordThis address and code don’t fit together")
	b.Says(focus, "code")
	b.Shoot("code-wrong-no-script")
	b.site.cases.fail("redeem", nil)
	b.Do(chromedp.Clear(chromedp.ID("code")))
	b.Type("code", "4f7k 9qxr 2mtd")
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says(path, "/done")
	got := b.site.cases.submission()
	if got.Email != "ann@example.com" || got.Code != "4f7k 9qxr 2mtd" || got.Password != aPassword || got.Token != "" {
		b.T.Errorf("sent: %+v", got)
	}
}

// byKeyboard goes the whole way, from an old link to a new password, without a mouse.
func byKeyboard(b *tab) {
	press := func(keys string) { b.T.Helper(); b.Do(chromedp.KeyEvent(keys)) }
	b.site.cases.fail("check "+oldToken, token.ErrExpired)
	b.open("/reset#t=" + oldToken)
	b.checked(410)
	press(kb.Tab)
	b.Says("document.activeElement.textContent", "Send me a fresh link")
	press(kb.Enter)
	b.Says(path, "/reissue")

	b.open("/reset#t=" + aToken)
	b.checked(204)
	press(kb.Tab)
	b.Says("document.activeElement.textContent", "Skip to the content")
	press(kb.Enter)
	b.Says("location.hash", "#main")
	press(kb.Tab)
	b.Says(focus, "password")
	press(aPassword)
	press(kb.Tab)
	b.Says(focus, "confirm")
	press(aPassword)
	press(kb.Tab)
	b.Says(focus, "reveal")
	press(" ")
	b.Says("document.getElementById('password').type + document.getElementById('reveal').getAttribute('aria-pressed')", "texttrue")
	b.Says("getComputedStyle(document.activeElement).outlineStyle", "solid")
	b.Shoot("link-keyboard")
	press(kb.Tab)
	b.Says(focus, "submit")
	press(kb.Enter)
	b.Says(path, "/done")
	if got := b.site.cases.submission(); got.Token != aToken || got.Password != aPassword {
		b.T.Errorf("sent: %+v", got)
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
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	// The page clicks for us and says when it has: the browser takes no commands while the first answer is on its way.
	twice := `(s => { s.click(); setTimeout(() => s.click(), 100);
		setTimeout(() => fetch('/reset/check', { method: 'POST', body: new URLSearchParams({ token: 'clicked' }) }), 200); return ''; })(document.getElementById('submit'))`
	browsertest.Eval[string](b.Tab, twice)
	select {
	case <-clicked:
	case <-b.Ctx.Done():
		b.T.Fatal("the second click never came")
	}
	letGo()
	b.Says(path, "/done")
	if diff := cmp.Diff([]string{"check " + aToken, "redeem", "check clicked"}, b.site.cases.take()); diff != "" {
		b.T.Error(diff)
	}
}

func refusedPassword(b *tab) {
	b.site.cases.fail("redeem", reset.ErrConfirm)
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.Type("password", aPassword)
	b.Type("confirm", "something else"+kb.Enter)
	b.Says("document.querySelector('[role=alert] h2').textContent", "Your new password is not saved yet")
	b.Says(focus, "confirm")
	b.Says("document.getElementById('password').value + document.getElementById('confirm').value", "")
	b.site.cases.fail("redeem", nil)
	b.Type("password", aPassword)
	b.Type("confirm", aPassword+kb.Enter)
	b.Says(path, "/done")
	if got := b.site.cases.submission(); got.Token != aToken {
		b.T.Error("the token was not carried on")
	}
}

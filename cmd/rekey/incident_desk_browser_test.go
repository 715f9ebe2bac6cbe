package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/demo"
)

// finds has the support desk look for the member who calls, by address and by subject, read what happened to them, and send a fresh link.
func (b *bureau) finds(ada *browser) {
	b.t.Helper()
	for _, typed := range []string{strings.ToUpper(b.caller.Email), b.caller.Subject} {
		ada.Open(b.url + "/members")
		ada.typeInto("member", typed)
		ada.click("main form button")
		ada.Says(heading, "Member "+b.caller.Subject)
		ada.Says("location.search", "")
	}
	ada.Says("document.querySelector('.head .state').textContent", "dead")
	ada.Says("document.querySelector('.plan .effect').textContent", "The password does not work.")
	ada.Says("document.querySelector('.timeline').textContent.includes('Campaign 1 of incident sega-2011 came into force and killed the password.')", "true")
	ada.click(`form[action$="/link"] button`)
	ada.Says("document.querySelector('.notice.good').textContent.includes('A fresh link is on its way')", "true")
	b.comes(ada.Ctx, "your fresh link")
	ada.Open(ada.where())
	ada.Says("document.querySelector('.timeline').textContent.includes('ada')", "true")
	ada.Shoot("incident-05-member")
}

// comes waits until the caller is sent a mail whose subject ends so.
func (b *bureau) comes(ctx context.Context, subject string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var mail demo.Mail
	for !strings.HasSuffix(mail.Subject, subject) {
		var err error
		if mail, err = b.sink.Next(ctx, b.caller.Email, mail.ID); err != nil {
			b.t.Fatalf("the mail %q did not come: %v", subject, err)
		}
	}
}

func (b *browser) where() string {
	b.T.Helper()
	return browsertest.Eval[string](b.Tab, "location.href")
}

// speaks has a code approved by the second person and shown once to the first one, with which the member is done.
func (b *bureau) speaks(ada, grace *browser) {
	b.t.Helper()
	member := ada.where()
	ada.confirm(b.url, browsertest.Eval[string](ada.Tab, "location.pathname")+"/code")
	ada.click("input[value=callback]")
	ada.typeInto("note", "ticket 4711")
	ada.typeInto("reason", "the mailbox is lost")
	ada.click("main form button")
	b.waits(ada, 3)
	if status := ada.posted("/approvals/3/code"); status != 409 {
		b.t.Errorf("a code that nobody approved: %d", status)
	}
	grace.confirm(b.url, "/approvals/3")
	grace.Says("document.querySelector('.plan').textContent.includes('"+b.caller.Subject+"')", "true")
	grace.click(`form[action$="/approve"] .danger`)
	grace.Says("document.querySelector('.head .state').textContent", "approved")
	if status := grace.posted("/approvals/3/code"); status != 403 {
		b.t.Errorf("a code for who approved it: %d", status)
	}
	ada.Open(b.url + "/approvals/3")
	ada.click(`form[action$="/code"] button`)
	ada.Says(heading, "Read this to the member")
	ada.Shoot("incident-06-spoken")
	code := browsertest.Eval[string](ada.Tab, "document.querySelector('.spoken').textContent")
	if status := ada.posted("/approvals/3/code"); status != 409 {
		b.t.Errorf("a code shown twice: %d", status)
	}
	b.obeys(openBrowser(ada.T, "journey"), code)
	ada.Open(member)
	ada.Says("document.querySelector('.head .state').textContent", "live")
}

// obeys types on the members' page what the member heard.
func (b *bureau) obeys(member *browser, code string) {
	b.t.Helper()
	const next = "quartz lantern moving sideways"
	member.Open(b.site + "/code")
	member.typeInto("email", b.caller.Email)
	member.typeInto("code", strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	member.typeInto("password", next)
	member.typeInto("confirm", next)
	member.click("#submit")
	member.Says("location.pathname", "/done")
}

// reports makes the evidence of all that.
func (b *bureau) reports(ada *browser) {
	b.t.Helper()
	ada.Open(b.url + "/incidents/sega-2011/reports")
	ada.click("main form button")
	ada.Says(`!!document.querySelector('main a[href$="/reports/1"]')`, "true")
	ada.Open(b.url + "/incidents/sega-2011/reports/1")
	ada.Says("document.title.startsWith('Evidence report 1, sega-2011')", "true")
	for _, row := range [][2]string{{"campaign.activate", "grace"}, {"campaign.cancel", "It was none: the list is real."}, {"approval.reject", "grace"}} {
		found := fmt.Sprintf(`[...document.querySelectorAll('tbody tr')].some(r => r.textContent.includes(%q) && r.textContent.includes(%q))`, row[0], row[1])
		ada.Says(found, "true")
	}
	ada.Says(`[...document.querySelectorAll('tbody tr')].find(r => r.textContent.startsWith('Set a new password since')).lastElementChild.textContent`, "1")
	ada.Shoot("incident-07-report")
}

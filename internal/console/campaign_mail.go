package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
)

// letter is a mail of a campaign as its members get it, to be looked at before any goes out.
type letter struct {
	Campaign campaign.Campaign
	Kind     string
	Locale   string
	Mail     desk.Mail
	To       string // as typed
}

// letterPolicy lets a mail's HTML style itself as mails do, and do nothing else: no script, no form, no picture from anywhere, in an origin of its own.
const letterPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"

// framing is the policy of the page around it.
const framing = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func (c *Console) campaignMail(r *call) error {
	page, err := c.letter(r, r.Query("kind"), r.Query("locale"))
	if err != nil {
		return err
	}
	r.Header("Content-Security-Policy", framing)
	return r.page("campaign-mail", page)
}

// campaignMailHTML is what the frame of that page shows.
func (c *Console) campaignMailHTML(r *call) error {
	page, err := c.letter(r, r.Query("kind"), r.Query("locale"))
	if err != nil {
		return err
	}
	r.Header("Content-Security-Policy", letterPolicy)
	r.Header("X-Frame-Options", "SAMEORIGIN")
	r.Data(http.StatusOK, "text/html; charset=utf-8", []byte(page.Mail.HTML))
	return nil
}

func (c *Console) letter(r *call, kind, locale string) (*letter, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	page := &letter{Kind: kind, Locale: locale, To: strings.TrimSpace(r.PostForm("to"))}
	if page.Kind == "" {
		page.Kind = "reset"
	}
	if page.Campaign, err = c.o.Desk.Campaign(r.Request.Context(), r.who, id); err != nil {
		return nil, err
	}
	page.Mail, err = c.o.Desk.TestMail(r.Request.Context(), r.who, id, desk.TestMail{Kind: page.Kind, Locale: locale})
	if err == nil && locale == "" {
		page.Locale = page.Mail.Languages[0]
	}
	return page, err
}

// sendTestMail sends it to whoever wants to see it arrive.
func (c *Console) sendTestMail(r *call) error {
	page, err := c.letter(r, r.PostForm("kind"), r.PostForm("locale"))
	if err != nil {
		return err
	}
	if err := c.o.Desk.SendTestMail(r.work(), r.who, page.Campaign.ID, desk.TestMail{Kind: page.Kind, Locale: page.Locale, To: page.To}); err != nil {
		r.Header("Content-Security-Policy", framing)
		return r.refuseOn("campaign-mail", page, err)
	}
	r.say("A test mail went to " + page.To + ". Its link and code open nothing.")
	r.see("/campaigns/" + strconv.FormatInt(page.Campaign.ID, 10) + "/mail?kind=" + page.Kind + "&locale=" + page.Locale)
	return nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type campaignPreviewCmd struct {
	campaignID
	MailTo   string `placeholder:"ADDRESS" help:"Also send one mail of the campaign here, marked as a test. Its link and code open nothing."`
	ShowMail bool   `help:"Also show the mail as its reader sees it. Its link and code open nothing."`
	Mail     string `enum:"reset,notice,reminder" default:"reset" placeholder:"reset|notice|reminder" help:"Which mail: to those who must reset, to those who need not, or the reminder. Unless given: reset."`
	Locale   string `placeholder:"TAG" help:"The language of the mail, as en or pt-BR."`
}

func (campaignPreviewCmd) Help() string {
	return `Counts over the very views that judge passwords after the activation, and shows a few accounts that would die. With --json the mail that is shown has its HTML too, and says in which languages there are mails.

Examples:

    rekey campaign preview 3
    rekey campaign preview 3 --show-mail --locale de
    rekey campaign preview 3 --mail-to me@example.org
    rekey campaign preview 3 --mail-to me@example.org --mail reminder --locale de`
}

// previewed is the result of preview.
type previewed struct {
	campaign.Preview
	Mail     *mailRow `json:"mail,omitempty"`
	MailedTo string   `json:"mailed_to,omitempty"`
}

// mailRow is a mail as programs read it.
type mailRow struct {
	From      string   `json:"from"`
	Subject   string   `json:"subject"`
	Text      string   `json:"text"`
	HTML      string   `json:"html"`
	Languages []string `json:"languages"`
}

func (*campaignPreviewCmd) deed() deed { return does(operator.CampaignPreview) }

func (c *campaignPreviewCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	preview, err := o.PreviewCampaign(ctx, c.ID)
	if err != nil {
		return err
	}
	result := previewed{Preview: preview, MailedTo: c.MailTo}
	if c.ShowMail {
		mail, err := o.TestMail(ctx, c.ID, desk.TestMail{Kind: c.Mail, Locale: c.Locale})
		if err != nil {
			return err
		}
		result.Mail = new(mailRow(mail))
	}
	if c.MailTo != "" {
		if err := sendTo(ctx, o, c.ID, desk.TestMail{Kind: c.Mail, To: c.MailTo, Locale: c.Locale}); err != nil {
			return err
		}
	}
	return s.show(result, func(p *page) {
		previewText(p, preview)
		if result.Mail != nil {
			result.Mail.print(p)
		}
		if c.MailTo != "" {
			p.line("A test mail went to %s.", c.MailTo)
		}
		p.line("Next: rekey campaign activate %d --expect %d --yes", c.ID, preview.WouldDie)
	})
}

// print shows the mail's lines as lines.
func (m *mailRow) print(p *page) {
	p.row("languages", strings.Join(m.Languages, ", "))
	p.row("from", m.From)
	p.row("subject", m.Subject)
	p.row()
	for line := range strings.Lines(m.Text) {
		p.line("%s", strings.TrimRight(line, "\r\n"))
	}
	p.row()
}

func previewText(p *page, v campaign.Preview) {
	p.row("would die", v.WouldDie)
	p.row("covered", v.Covered)
	p.row("already dead", v.AlreadyDead)
	for _, a := range v.Sample {
		p.row("for instance", a.Subject, a.Email, a.PasswordSetAt)
	}
	for _, w := range v.Warnings {
		p.row("warning", w)
	}
}

// smtpSession is the longest that handing over one mail may take; leases are a multiple of it.
const smtpSession = time.Minute

// sendTo has a mail of the campaign sent by the real mail server.
func sendTo(ctx context.Context, o office, id int64, m desk.TestMail) error {
	if err := o.SendTestMail(ctx, id, m); err != nil {
		return fmt.Errorf("sending the test mail: %w", usageOf("mail-to", err))
	}
	return nil
}

func mailOf(k campaign.Campaign, i incident.Incident) queue.Campaign {
	return queue.Campaign{
		ID: k.ID, Mailing: string(k.Mailing), Everyone: k.Scope == campaign.Everyone,
		Slug: i.Slug, Title: i.Title, Classes: i.Classes, Unexposed: i.Unexposed, OccurredAt: i.OccurredAt, Published: i.PublishedAt != nil,
	}
}

// letterhead is what all mails have in common, from the settings.
func letterhead(settings *config.Settings) (delivery.Letterhead, error) {
	l := delivery.Letterhead{
		From: settings.MailFrom, ReplyTo: settings.MailReplyTo, PublicURL: settings.PublicURL, Service: settings.ServiceName,
		Contact: settings.Contact, CampaignLife: settings.CampaignLife, AskedLife: settings.AskedLife,
	}
	if settings.MailTemplates == "" {
		return l, nil
	}
	if info, err := os.Stat(settings.MailTemplates); err != nil || !info.IsDir() {
		return l, usagef("REKEY_MAIL_TEMPLATES: must be a directory")
	}
	l.Templates = os.DirFS(settings.MailTemplates)
	return l, nil
}

func mailServer(settings *config.Settings) (*delivery.SMTP, error) {
	where, err := delivery.ParseSMTPURL(settings.SMTPURL.Reveal())
	if err != nil {
		return nil, usage(fmt.Errorf("REKEY_SMTP_URL: %w", err))
	}
	return delivery.NewSMTP(where, smtpSession), nil
}

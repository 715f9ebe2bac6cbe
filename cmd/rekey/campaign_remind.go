package main

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type campaignRemindCmd struct {
	campaignID
	AgainAfter time.Duration `default:"72h" placeholder:"DURATION" help:"Only members whose last mail is at least so old, and only if no reminder was ordered for so long. Unless given: 72h."`
	MailTo     string        `placeholder:"ADDRESS" help:"Without --yes: also send one reminder here, marked as a test. Its link and code open nothing."`
	Locale     string        `placeholder:"TAG" help:"The language of the test mail, as en or pt-BR."`
}

func (campaignRemindCmd) Help() string {
	return `Sends a second mail, with a fresh link and code, to members of an active campaign who were written to, have not set a new password, and whose password is still dead. Without --yes it says how many. Who sets one meanwhile gets no mail. Links of the first mail go on working as long as they live.
The order is one commit: mailing runs again, at the same pace and by the same rules as the first mails, which go before it; pause, close and cancel stop it.

Examples:

    rekey campaign remind 3
    rekey campaign remind 3 --mail-to me@example.org
    rekey campaign remind 3 --yes
    rekey campaign remind 3 --again-after 168h --yes`
}

// remindPlan is the result of a dry remind.
type remindPlan struct {
	campaign.Plan
	MailedTo string `json:"mailed_to,omitempty"`
}

func (*campaignRemindCmd) deed() deed {
	return deed{place: inOffice, act: operator.CampaignRemind, dry: operator.CampaignRemind}
}

func (c *campaignRemindCmd) Run(ctx context.Context, s *session) error {
	if s.yes && c.MailTo != "" {
		return usagef("--mail-to: goes without --yes: look at the test mail first")
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		return c.plan(ctx, s, o)
	}
	done, err := o.RemindCampaign(ctx, c.ID, c.AgainAfter)
	if err != nil {
		return err
	}
	return s.show(done, func(p *page) {
		p.row("campaign", done.ID)
		p.row("mailing", done.Mailing)
		p.row("reminders", done.Reminders)
		p.row("ordered", done.RemindedAt)
		p.row("members", done.Members)
	})
}

func (c *campaignRemindCmd) plan(ctx context.Context, s *session, o office) error {
	would, err := o.PlanReminder(ctx, c.ID, c.AgainAfter)
	if err != nil {
		return err
	}
	if c.MailTo != "" {
		if err := sendTo(ctx, o, c.ID, desk.TestMail{Kind: string(queue.Reminder), To: c.MailTo, Locale: c.Locale}); err != nil {
			return err
		}
	}
	return s.dry(remindPlan{would, c.MailTo}, func(p *page) {
		p.line("To remind in campaign %d: %d %s.", would.ID, would.Accounts, would.Effect)
		if c.MailTo != "" {
			p.line("A test mail went to %s.", c.MailTo)
		}
	})
}

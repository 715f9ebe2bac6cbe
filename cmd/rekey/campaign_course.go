package main

import (
	"context"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type campaignActivateCmd struct {
	campaignID
	Expect    *int64 `placeholder:"N" help:"How many live passwords should die, from the preview. Needed with --yes."`
	Tolerance *int64 `placeholder:"N" help:"How far off the count may be. Unless given: 10, or 1 % of N if that is more."`
	Reason    string `placeholder:"TEXT" help:"Why, for the second person. Needed where one is."`
}

func (campaignActivateCmd) Help() string {
	return `From the commit on no covered password set before the cutoff works, on any replica; mailing begins. It is refused if the count differs from --expect, which guards against the wrong list.

Examples:

    rekey campaign activate 3
    rekey campaign activate 3 --expect 1290775 --yes
    rekey campaign activate 3 --expect 1290775 --reason "the leak is confirmed" --yes --server https://rekey-admin.example.org`
}

func (c *campaignActivateCmd) deed() deed {
	return destroys(operator.CampaignActivate, operator.CampaignActivate, campaign.Object(c.ID))
}

func (c *campaignActivateCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		preview, err := o.PlanActivation(ctx, c.ID)
		if err != nil {
			return err
		}
		return s.dry(preview, func(p *page) {
			previewText(p, preview)
			p.line("To do it: rekey campaign activate %d --expect %d --yes", c.ID, preview.WouldDie)
		})
	}
	if c.Expect == nil {
		return usagef("--expect: say how many live passwords should die; the preview counts them")
	}
	came, err := o.Activate(ctx, c.ID, campaign.ActivateRequest{Expect: c.Expect, Tolerance: c.Tolerance}, c.Reason)
	if err != nil {
		return err
	}
	return finish(s, came, func(p *page, done campaign.Activated) {
		p.row("campaign", done.ID)
		p.row("state", done.State)
		p.row("activated", done.ActivatedAt)
		p.row("cutoff", done.Cutoff)
		p.row("died", done.Died)
	})
}

type campaignStatusCmd struct {
	campaignID
	By string `enum:",hour,locale" default:"" placeholder:"hour|locale" help:"Also count by hour of UTC, or by language. Counts every member: not more than twice a minute."`
}

func (campaignStatusCmd) Help() string {
	return `Mails by what came of them (pending counts those on their way), members who have set a new password since, and the rates of the last minute and hour.
Sent counts members who were written to; they stay counted there while a reminder waits, which has numbers of its own. One whose reminder the mail server refuses moves from sent to failed.

With --by also how many opened their page (a mail scanner may have done it), and when everybody will have been written to.

Examples:

    rekey campaign status 3
    rekey campaign status 3 --by hour
    rekey campaign status 3 --by locale --json`
}

func (*campaignStatusCmd) deed() deed { return reads(operator.ReadProgress) }

func (c *campaignStatusCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if c.By != "" {
		return c.progress(ctx, s, o)
	}
	status, err := o.Status(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(status, func(p *page) { statusText(p, status) })
}

func (c *campaignStatusCmd) progress(ctx context.Context, s *session, o office) error {
	counts, err := o.Progress(ctx, c.ID)
	if err != nil {
		return err
	}
	counts.Hours, counts.Locales = notNil(counts.Hours), notNil(counts.Locales)
	return s.show(counts, func(p *page) {
		statusText(p, counts.Status)
		p.row("opened", share(counts.Opened, counts.Members))
		if counts.Ends != nil {
			p.row("everybody written to", counts.Ends.At)
		}
		p.row()
		if c.By == "locale" {
			localesText(p, counts.Locales)
			return
		}
		p.row("HOUR", "SENT", "OPENED", "RESET")
		for _, h := range counts.Hours {
			p.row(h.Start, h.Sent, h.Opened, h.Reset)
		}
	})
}

func localesText(p *page, all []campaign.Locale) {
	p.row("LANGUAGE", "MEMBERS", "SENT", "RESET")
	for _, l := range all {
		p.row(l.Locale, l.Members, l.Sent, share(l.Reset, l.Members))
	}
}

func statusText(p *page, st campaign.Status) {
	p.row("campaign", st.ID)
	p.row("state", st.State)
	p.row("mailing", st.Mailing)
	p.row("activated", st.ActivatedAt)
	p.row("died", st.Died)
	p.row("members", st.Members)
	p.row("mail pending", st.Delivery.Pending)
	p.row("mail sent", st.Delivery.Sent)
	p.row("mail skipped", st.Delivery.Skipped)
	p.row("mail failed", st.Delivery.Failed)
	p.row("mail bounced", st.Delivery.Bounced)
	if st.Reminders.Ordered > 0 {
		p.row("reminders ordered", st.Reminders.Ordered)
		p.row("last reminder", st.Reminders.LastAt)
		p.row("reminders waiting", st.Reminders.Waiting)
		p.row("members reminded", st.Reminders.Sent)
	}
	p.row("reset", share(st.Reset, st.Members))
	p.row("sent in the last minute", st.SentLastMinute)
	p.row("sent in the last hour", st.SentLastHour)
	p.row("reset in the last hour", st.ResetLastHour)
}

func share(part, whole int64) string {
	if whole == 0 {
		return fmt.Sprint(part)
	}
	return fmt.Sprintf("%d (%.1f %%)", part, 100*float64(part)/float64(whole))
}

type campaignPauseCmd struct{ campaignID }

func (campaignPauseCmd) Help() string {
	return `Acts within a second, also before the activation. Links that are out go on working.

Example:

    rekey campaign pause 3`
}

func (*campaignPauseCmd) deed() deed { return does(operator.CampaignPause) }

func (c *campaignPauseCmd) Run(ctx context.Context, s *session) error {
	return s.onCampaign(ctx, operator.CampaignPause, c.ID)
}

type campaignResumeCmd struct{ campaignID }

func (campaignResumeCmd) Help() string {
	return `Whoever was not written to yet is written to now.

Example:

    rekey campaign resume 3`
}

func (*campaignResumeCmd) deed() deed { return does(operator.CampaignResume) }

func (c *campaignResumeCmd) Run(ctx context.Context, s *session) error {
	return s.onCampaign(ctx, operator.CampaignResume, c.ID)
}

// onCampaign acts on a campaign and shows it.
func (s *session) onCampaign(ctx context.Context, act operator.Act, id int64) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	k, err := o.DoOn(ctx, act, id)
	if err != nil {
		return err
	}
	return s.show(k, func(p *page) { campaignText(p, k) })
}

// planned shows what a destructive act would do.
func (s *session) planned(ctx context.Context, act operator.Act, id int64) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	would, err := o.PlanOn(ctx, act, id)
	if err != nil {
		return err
	}
	return s.dry(would, func(p *page) {
		p.line("To %s campaign %d, which is %s: %d %s.", would.Act, would.ID, would.State, would.Accounts, would.Effect)
	})
}

// plannedOn is onCampaign for a destructive act: without --yes it shows the plan.
func (s *session) plannedOn(ctx context.Context, act operator.Act, id int64) error {
	if !s.yes {
		return s.planned(ctx, act, id)
	}
	return s.onCampaign(ctx, act, id)
}

type campaignCloseCmd struct{ campaignID }

func (campaignCloseCmd) Help() string {
	return `For a campaign whose mailing has done what it can. Members can still reset; without --yes it says how many mails would not go.

Example:

    rekey campaign close 3 --yes`
}

func (c *campaignCloseCmd) deed() deed {
	return destroys(operator.CampaignClose, operator.CampaignClose, campaign.Object(c.ID))
}

func (c *campaignCloseCmd) Run(ctx context.Context, s *session) error {
	return s.plannedOn(ctx, operator.CampaignClose, c.ID)
}

type campaignDiscardCmd struct{ campaignID }

func (campaignDiscardCmd) Help() string {
	return `Forgets list and members of a draft. No password was touched by it, and none is now.

Example:

    rekey campaign discard 3 --yes`
}

func (c *campaignDiscardCmd) deed() deed {
	return destroys(operator.CampaignDiscard, operator.CampaignDiscard, campaign.Object(c.ID))
}

func (c *campaignDiscardCmd) Run(ctx context.Context, s *session) error {
	return s.plannedOn(ctx, operator.CampaignDiscard, c.ID)
}

type campaignCancelCmd struct {
	campaignID
	Reason string `placeholder:"TEXT" help:"Why, for the audit log. Needed with --yes."`
}

func (campaignCancelCmd) Help() string {
	return `Exposed passwords that no other campaign kills work again. Without --yes it says how many. To end the mailing alone, use close.

Example:

    rekey campaign cancel 3 --reason "wrong list" --yes`
}

func (c *campaignCancelCmd) deed() deed {
	return destroys(operator.CampaignCancel, operator.CampaignCancel, campaign.Object(c.ID))
}

func (c *campaignCancelCmd) Run(ctx context.Context, s *session) error {
	if s.yes && c.Reason == "" {
		return usagef("--reason: say why, for the audit log")
	}
	if !s.yes {
		return s.planned(ctx, operator.CampaignCancel, c.ID)
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	came, err := o.CancelCampaign(ctx, c.ID, c.Reason)
	if err != nil {
		return err
	}
	return finish(s, came, campaignText)
}

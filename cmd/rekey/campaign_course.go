package main

import (
	"context"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
)

type campaignActivateCmd struct {
	campaignID
	Expect    *int64 `placeholder:"N" help:"How many live passwords should die, from the preview. Needed with --yes."`
	Tolerance *int64 `placeholder:"N" help:"How far off the count may be. Unless given: 10, or 1 % of N if that is more."`
}

func (campaignActivateCmd) Help() string {
	return `From the commit on no covered password set before the cutoff works, on any replica; mailing begins. It is refused if the count differs from --expect, which guards against the wrong list.

Examples:

    rekey campaign activate 3
    rekey campaign activate 3 --expect 1290775 --yes`
}

func (c *campaignActivateCmd) Run(ctx context.Context, s *session) error {
	campaigns, err := s.campaigns(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		preview, err := campaigns.Preview(ctx, c.ID)
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
	done, err := campaigns.Activate(ctx, c.ID, campaign.ActivateRequest{Expect: c.Expect, Tolerance: c.Tolerance}, s.actor())
	if err != nil {
		return err
	}
	return s.show(done, func(p *page) {
		p.row("campaign", done.ID)
		p.row("state", done.State)
		p.row("activated", done.ActivatedAt)
		p.row("cutoff", done.Cutoff)
		p.row("died", done.Died)
	})
}

type campaignStatusCmd struct{ campaignID }

func (c *campaignStatusCmd) Run(ctx context.Context, s *session) error {
	campaigns, err := s.campaigns(ctx)
	if err != nil {
		return err
	}
	status, err := campaigns.Status(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(status, func(p *page) { statusText(p, status) })
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

func (c *campaignPauseCmd) Run(ctx context.Context, s *session) error {
	return s.onCampaign(ctx, c.ID, (*campaign.Campaigns).Pause)
}

type campaignResumeCmd struct{ campaignID }

func (c *campaignResumeCmd) Run(ctx context.Context, s *session) error {
	return s.onCampaign(ctx, c.ID, (*campaign.Campaigns).Resume)
}

// onCampaign acts on a campaign and shows it.
func (s *session) onCampaign(ctx context.Context, id int64, act func(*campaign.Campaigns, context.Context, int64, audit.Actor) error) error {
	campaigns, err := s.campaigns(ctx)
	if err != nil {
		return err
	}
	if err := act(campaigns, ctx, id, s.actor()); err != nil {
		return err
	}
	return s.showCampaign(ctx, campaigns, id)
}

// planned is onCampaign for a destructive act: without --yes it shows the plan.
func (s *session) planned(ctx context.Context, id int64, plan func(*campaign.Campaigns, context.Context, int64) (campaign.Plan, error),
	act func(*campaign.Campaigns, context.Context, int64, audit.Actor) error) error {
	if s.yes {
		return s.onCampaign(ctx, id, act)
	}
	campaigns, err := s.campaigns(ctx)
	if err != nil {
		return err
	}
	would, err := plan(campaigns, ctx, id)
	if err != nil {
		return err
	}
	return s.dry(would, func(p *page) {
		p.line("To %s campaign %d, which is %s: %d %s.", would.Act, would.ID, would.State, would.Accounts, would.Effect)
	})
}

type campaignCloseCmd struct{ campaignID }

func (c *campaignCloseCmd) Run(ctx context.Context, s *session) error {
	return s.planned(ctx, c.ID, (*campaign.Campaigns).PlanClose, (*campaign.Campaigns).Close)
}

type campaignDiscardCmd struct{ campaignID }

func (c *campaignDiscardCmd) Run(ctx context.Context, s *session) error {
	return s.planned(ctx, c.ID, (*campaign.Campaigns).PlanDiscard, (*campaign.Campaigns).Discard)
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

func (c *campaignCancelCmd) Run(ctx context.Context, s *session) error {
	if s.yes && c.Reason == "" {
		return usagef("--reason: say why, for the audit log")
	}
	return s.planned(ctx, c.ID, (*campaign.Campaigns).PlanCancel, func(k *campaign.Campaigns, ctx context.Context, id int64, actor audit.Actor) error {
		return k.Cancel(ctx, id, c.Reason, actor)
	})
}

type campaignPreviewCmd struct {
	campaignID
	MailTo string `placeholder:"ADDRESS" help:"Also send one mail of the campaign here, marked as a test. Its link and code open nothing."`
	Locale string `placeholder:"TAG" help:"The language of the test mail, as en or pt-BR."`
}

func (campaignPreviewCmd) Help() string {
	return `Counts over the very views that judge passwords after the activation, and shows a few accounts that would die.

Examples:

    rekey campaign preview 3
    rekey campaign preview 3 --mail-to me@example.org`
}

// previewed is the result of preview.
type previewed struct {
	campaign.Preview
	MailedTo string `json:"mailed_to,omitempty"`
}

func (c *campaignPreviewCmd) Run(ctx context.Context, s *session) error {
	campaigns, err := s.campaigns(ctx)
	if err != nil {
		return err
	}
	preview, err := campaigns.Preview(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.MailTo != "" {
		if err := s.sendSample(ctx, campaigns, c); err != nil {
			return fmt.Errorf("sending the test mail: %w", err)
		}
	}
	return s.show(previewed{preview, c.MailTo}, func(p *page) {
		previewText(p, preview)
		if c.MailTo != "" {
			p.line("A test mail went to %s.", c.MailTo)
		}
		p.line("Next: rekey campaign activate %d --expect %d --yes", c.ID, preview.WouldDie)
	})
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

// usageOf makes a refused argument a usage error.
func usageOf(flag string, err error) error {
	if problem.Is(err, problem.Invalid) {
		return usagef("--%s: %w", flag, err)
	}
	return err
}

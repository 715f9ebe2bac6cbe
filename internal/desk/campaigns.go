package desk

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// CreateCampaign drafts a campaign and stages its list.
func (d *Desk) CreateCampaign(ctx context.Context, p operator.Principal, r campaign.CreateRequest) (campaign.Campaign, error) {
	if err := d.allow(ctx, p, operator.CampaignCreate, incident.Object(r.Incident)); err != nil {
		return campaign.Campaign{}, err
	}
	return d.o.Campaigns.Create(ctx, r, p.Actor())
}

// PrepareCampaign finds the members of a campaign.
func (d *Desk) PrepareCampaign(ctx context.Context, p operator.Principal, id int64) (campaign.Report, error) {
	if err := d.allow(ctx, p, operator.CampaignPrepare, campaign.Object(id)); err != nil {
		return campaign.Report{}, err
	}
	return d.o.Campaigns.Prepare(ctx, id, p.Actor())
}

// PreviewCampaign says what an activation now would do.
func (d *Desk) PreviewCampaign(ctx context.Context, p operator.Principal, id int64) (campaign.Preview, error) {
	if err := d.allow(ctx, p, operator.CampaignPreview, campaign.Object(id)); err != nil {
		return campaign.Preview{}, err
	}
	preview, err := d.o.Campaigns.Preview(ctx, id)
	if err != nil {
		return preview, err
	}
	preview.Warnings, err = d.warnOfOwn(ctx, id, preview.Warnings)
	return preview, err
}

// warnOfOwn puts before the warnings whose of the operators have member accounts that would die: they reset first, or are kept from what they watch over.
func (d *Desk) warnOfOwn(ctx context.Context, id int64, warnings []string) ([]string, error) {
	people, err := d.o.People.List(ctx)
	if err != nil {
		return nil, err
	}
	names, addresses := map[string]string{}, []string{}
	for _, o := range people {
		if o.DisabledAt == nil {
			names[o.Email], addresses = o.Name, append(addresses, o.Email)
		}
	}
	found, err := d.o.Campaigns.Covered(ctx, id, addresses)
	if err != nil || len(found) == 0 {
		return warnings, err
	}
	for i, address := range found {
		found[i] = names[address]
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return slices.Insert(warnings, 0, fmt.Sprintf("operators' own member accounts are among them, and have to be reset first: %s", strings.Join(found, ", "))), nil
}

// PlanActivation is what both people are shown before an activation.
func (d *Desk) PlanActivation(ctx context.Context, p operator.Principal, id int64) (Plan, error) {
	return d.show(ctx, p, &activation{Campaign: id})
}

// Activate kills, or has the activation wait for a second person. r.Expect is required: what whoever asks saw in the preview.
func (d *Desk) Activate(ctx context.Context, p operator.Principal, id int64, r campaign.ActivateRequest, reason string) (Outcome, error) {
	return d.run(ctx, p, &activation{Campaign: id, Expect: r.Expect, Tolerance: r.Tolerance, Prepared: r.Prepared}, reason)
}

// PauseCampaign keeps mail from going out.
func (d *Desk) PauseCampaign(ctx context.Context, p operator.Principal, id int64) error {
	return d.onCampaign(ctx, p, operator.CampaignPause, id, d.o.Campaigns.Pause)
}

// ResumeCampaign lets mail go out again.
func (d *Desk) ResumeCampaign(ctx context.Context, p operator.Principal, id int64) error {
	return d.onCampaign(ctx, p, operator.CampaignResume, id, d.o.Campaigns.Resume)
}

// PlanClose says how many mails would not go.
func (d *Desk) PlanClose(ctx context.Context, p operator.Principal, id int64) (campaign.Plan, error) {
	return d.planned(ctx, p, operator.CampaignClose, id, d.o.Campaigns.PlanClose)
}

// CloseCampaign ends the mailing for good.
func (d *Desk) CloseCampaign(ctx context.Context, p operator.Principal, id int64) error {
	return d.onCampaign(ctx, p, operator.CampaignClose, id, d.o.Campaigns.Close)
}

// PlanDiscard says how many members would be forgotten.
func (d *Desk) PlanDiscard(ctx context.Context, p operator.Principal, id int64) (campaign.Plan, error) {
	return d.planned(ctx, p, operator.CampaignDiscard, id, d.o.Campaigns.PlanDiscard)
}

// DiscardCampaign ends a campaign that never was active.
func (d *Desk) DiscardCampaign(ctx context.Context, p operator.Principal, id int64) error {
	return d.onCampaign(ctx, p, operator.CampaignDiscard, id, d.o.Campaigns.Discard)
}

// PlanCancel is what both people are shown before a cancellation.
func (d *Desk) PlanCancel(ctx context.Context, p operator.Principal, id int64) (Plan, error) {
	return d.show(ctx, p, &cancellation{Campaign: id})
}

// CancelCampaign revives passwords, or has that wait for a second person.
func (d *Desk) CancelCampaign(ctx context.Context, p operator.Principal, id int64, reason string) (Outcome, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Outcome{}, err
	}
	return d.run(ctx, p, &cancellation{Campaign: id, Reason: reason}, reason)
}

// CampaignLines writes the list's lines that named no account of their own.
func (d *Desk) CampaignLines(ctx context.Context, p operator.Principal, id int64, outcome string, w io.Writer) error {
	if err := d.allow(ctx, p, operator.CampaignLines, campaign.Object(id)); err != nil {
		return err
	}
	return d.o.Campaigns.Lines(ctx, id, outcome, w)
}

// FirstCampaignLines gives the first of them.
func (d *Desk) FirstCampaignLines(ctx context.Context, p operator.Principal, id int64, outcome string, limit int) ([]campaign.Line, error) {
	if err := d.allow(ctx, p, operator.CampaignLines, campaign.Object(id)); err != nil {
		return nil, err
	}
	return d.o.Campaigns.FirstLines(ctx, id, outcome, limit)
}

func (d *Desk) onCampaign(ctx context.Context, p operator.Principal, a operator.Act, id int64, act func(context.Context, int64, audit.Actor) error) error {
	if err := d.allow(ctx, p, a, campaign.Object(id)); err != nil {
		return err
	}
	ctx, alone, err := d.alone(ctx, p, false, "")
	if err != nil {
		return err
	}
	if err := act(ctx, id, p.Actor()); err != nil {
		return err
	}
	if alone {
		d.loud(ctx, p, a, campaign.Object(id), p.BreakGlass)
	}
	return nil
}

func (d *Desk) planned(ctx context.Context, p operator.Principal, a operator.Act, id int64, plan func(context.Context, int64) (campaign.Plan, error)) (campaign.Plan, error) {
	if err := d.allow(ctx, p, a, campaign.Object(id)); err != nil {
		return campaign.Plan{}, err
	}
	return plan(ctx, id)
}

// Campaign, Campaigns and Status are for everybody who may sign in.

// Campaign gives one campaign.
func (d *Desk) Campaign(ctx context.Context, p operator.Principal, id int64) (campaign.Campaign, error) {
	if err := d.allow(ctx, p, operator.ReadCampaigns, campaign.Object(id)); err != nil {
		return campaign.Campaign{}, err
	}
	return d.o.Campaigns.Show(ctx, id)
}

// Campaigns gives all, the newest first.
func (d *Desk) Campaigns(ctx context.Context, p operator.Principal) ([]campaign.Campaign, error) {
	if err := d.allow(ctx, p, operator.ReadCampaigns, "campaigns"); err != nil {
		return nil, err
	}
	return d.o.Campaigns.List(ctx)
}

// CampaignPage gives what the query picks, the newest first, and the Before of the next page; 0: this was the last.
func (d *Desk) CampaignPage(ctx context.Context, p operator.Principal, q campaign.Query) (page []campaign.Campaign, next int64, err error) {
	if err := d.allow(ctx, p, operator.ReadCampaigns, "campaigns"); err != nil {
		return nil, 0, err
	}
	return d.o.Campaigns.Page(ctx, q)
}

// Status counts mail and resets.
func (d *Desk) Status(ctx context.Context, p operator.Principal, id int64) (campaign.Status, error) {
	if err := d.allow(ctx, p, operator.ReadProgress, campaign.Object(id)); err != nil {
		return campaign.Status{}, err
	}
	return d.o.Campaigns.Status(ctx, id)
}

// Progress counts a campaign by hour and language too: the latest count, which At dates, shared by all who look.
func (d *Desk) Progress(ctx context.Context, p operator.Principal, id int64) (campaign.Progress, error) {
	if err := d.allow(ctx, p, operator.ReadProgress, campaign.Object(id)); err != nil {
		return campaign.Progress{}, err
	}
	if d.o.Progress == nil {
		return campaign.Progress{}, errNotHere
	}
	return d.counted(ctx, id)
}

// Lockdown says what holds now.
func (d *Desk) Lockdown(ctx context.Context, p operator.Principal) (campaign.Lockdown, error) {
	if err := d.allow(ctx, p, operator.ReadStatus, "lockdown"); err != nil {
		return campaign.Lockdown{}, err
	}
	return d.o.Campaigns.Lockdown(ctx)
}

// LockdownOn stops all logins and resets: one press, one person.
func (d *Desk) LockdownOn(ctx context.Context, p operator.Principal, reason string) (campaign.Lockdown, error) {
	if err := d.allow(ctx, p, operator.LockdownOn, "lockdown"); err != nil {
		return campaign.Lockdown{}, err
	}
	return d.o.Campaigns.LockdownOn(ctx, reason, p.Actor())
}

// PlanLockdownOff is what both people are shown before a lockdown ends.
func (d *Desk) PlanLockdownOff(ctx context.Context, p operator.Principal) (Plan, error) {
	return d.show(ctx, p, &lifting{})
}

// LockdownOff lets logins and resets go on, or has that wait for a second person.
func (d *Desk) LockdownOff(ctx context.Context, p operator.Principal, reason string) (Outcome, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return Outcome{}, err
	}
	return d.run(ctx, p, &lifting{Reason: reason}, reason)
}

// SetIncident makes or changes an incident, published or not.
func (d *Desk) SetIncident(ctx context.Context, p operator.Principal, c incident.Change) (incident.Incident, error) {
	if err := d.allow(ctx, p, operator.IncidentSet, incident.Object(c.Slug)); err != nil {
		return incident.Incident{}, err
	}
	return incident.Set(ctx, d.o.Incidents, c, p.Actor())
}

// Incident gives one incident.
func (d *Desk) Incident(ctx context.Context, p operator.Principal, slug string) (incident.Incident, error) {
	if err := d.allow(ctx, p, operator.ReadIncidents, incident.Object(slug)); err != nil {
		return incident.Incident{}, err
	}
	return incident.Show(ctx, d.o.Incidents, slug)
}

// Incidents gives all, the newest first.
func (d *Desk) Incidents(ctx context.Context, p operator.Principal) ([]incident.Incident, error) {
	if err := d.allow(ctx, p, operator.ReadIncidents, "incidents"); err != nil {
		return nil, err
	}
	return incident.List(ctx, d.o.Incidents)
}

// IncidentPage gives up to limit of those made before the one with the number (0: from the newest), and the before of the next page; 0: this was the last.
func (d *Desk) IncidentPage(ctx context.Context, p operator.Principal, before int64, limit int) (page []incident.Incident, next int64, err error) {
	if err := d.allow(ctx, p, operator.ReadIncidents, "incidents"); err != nil {
		return nil, 0, err
	}
	return incident.Page(ctx, d.o.Incidents, before, limit)
}

// PublishIncident makes the notice public, or takes it back.
func (d *Desk) PublishIncident(ctx context.Context, p operator.Principal, slug string, public bool) (incident.Incident, error) {
	if err := d.allow(ctx, p, operator.IncidentPublish, incident.Object(slug)); err != nil {
		return incident.Incident{}, err
	}
	if _, err := incident.Show(ctx, d.o.Incidents, slug); err != nil { // setting would make a missing one
		return incident.Incident{}, err
	}
	return incident.Set(ctx, d.o.Incidents, incident.Change{Slug: slug, Publish: &public}, p.Actor())
}

package console

import (
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
)

// overview is what is true now, the most urgent first.
type overview struct {
	Lockdown  campaign.Lockdown
	Waiting   []approval.Request
	Active    []campaign.Status
	More      int // campaigns in force that are not shown
	Drafts    []campaign.Campaign
	Incidents []incident.Incident
}

// shown bounds the lists on the overview.
const shown = 5

func (c *Console) overview(r *call) error {
	ctx := r.Request.Context()
	var page overview
	var err error
	if page.Lockdown, err = c.o.Desk.Lockdown(ctx, r.who); err != nil {
		return err
	}
	if page.Waiting, err = c.o.Desk.Approvals(ctx, r.who, approval.Pending); err != nil {
		return err
	}
	campaigns, err := c.o.Desk.Campaigns(ctx, r.who)
	if err != nil {
		return err
	}
	for _, k := range campaigns {
		if (k.State == campaign.Draft || k.State == campaign.Prepared) && len(page.Drafts) < shown {
			page.Drafts = append(page.Drafts, k)
		}
		if k.State != campaign.Active {
			continue
		}
		if len(page.Active) == shown {
			page.More++
			continue
		}
		st, err := c.o.Desk.Status(ctx, r.who, k.ID)
		if err != nil {
			return err
		}
		page.Active = append(page.Active, st)
	}
	if page.Incidents, err = c.o.Desk.Incidents(ctx, r.who); err != nil {
		return err
	}
	page.Incidents = page.Incidents[:min(shown, len(page.Incidents))]
	return r.page("overview", page)
}

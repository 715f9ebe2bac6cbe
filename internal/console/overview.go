package console

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
)

// overview is what is true now, the most urgent first.
type overview struct {
	Due       []pressing // deadlines that ran out, and those that soon will
	MoreDue   bool
	Overdue   bool // one ran out
	Lockdown  campaign.Lockdown
	Waiting   []approval.Request
	Active    []counted
	More      bool // there are more campaigns in force
	Drafts    []campaign.Campaign
	Incidents []incident.Incident
}

// pressing is a deadline with its incident.
type pressing struct {
	ticking
	Slug, Title string
}

// shown bounds the lists on the overview, shownDue that of its deadlines.
const (
	shown    = 5
	shownDue = 10
)

func (c *Console) overview(r *call) error {
	page := &overview{}
	for _, part := range []func(*call, *overview) error{c.due, c.standing, c.inForce, c.drafts} {
		if err := part(r, page); err != nil {
			return err
		}
	}
	return r.page("overview", page)
}

func (c *Console) due(r *call, page *overview) error {
	now := time.Now()
	due, err := c.o.Desk.DueClocks(r.Request.Context(), r.who, now.Add(soon), shownDue+1)
	if err != nil {
		return err
	}
	if page.MoreDue = len(due) > shownDue; page.MoreDue {
		due = due[:shownDue]
	}
	for _, d := range due {
		t := tick(d.Clock, now)
		page.Due = append(page.Due, pressing{t, d.Slug, d.Title})
		page.Overdue = page.Overdue || t.State == "overdue"
	}
	return nil
}

// standing is what holds, what waits, and the incidents.
func (c *Console) standing(r *call, page *overview) (err error) {
	ctx := r.Request.Context()
	if page.Lockdown, err = c.o.Desk.Lockdown(ctx, r.who); err != nil {
		return err
	}
	if page.Waiting, err = c.waiting(ctx, r.who); err != nil {
		return err
	}
	page.Incidents, _, err = c.o.Desk.IncidentPage(ctx, r.who, 0, shown)
	return err
}

func (c *Console) inForce(r *call, page *overview) error {
	list, next, err := c.o.Desk.CampaignPage(r.Request.Context(), r.who, campaign.Query{State: campaign.Active, Limit: shown})
	if err != nil {
		return err
	}
	page.More = next != 0
	page.Active, err = c.glances(r, list)
	return err
}

func (c *Console) drafts(r *call, page *overview) error {
	for _, state := range []campaign.State{campaign.Draft, campaign.Prepared} {
		list, _, err := c.o.Desk.CampaignPage(r.Request.Context(), r.who, campaign.Query{State: state, Limit: shown})
		if err != nil {
			return err
		}
		page.Drafts = append(page.Drafts, list...)
	}
	slices.SortFunc(page.Drafts, func(a, b campaign.Campaign) int { return cmp.Compare(b.ID, a.ID) })
	page.Drafts = page.Drafts[:min(shown, len(page.Drafts))]
	return nil
}

// overviewEvents streams the counts of the campaigns that the overview shows. Where none is in force the browser is told not to ask again.
func (c *Console) overviewEvents(r *call) error {
	ctx := r.Request.Context()
	list, _, err := c.o.Desk.CampaignPage(ctx, r.who, campaign.Query{State: campaign.Active, Limit: shown})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		r.Status(http.StatusNoContent)
		return nil
	}
	return c.events(r, numbers(list))
}

package console

import (
	"net/url"
	"strconv"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// rows is how many lines a page of a list has.
const rows = 50

// listing is a page of a list, however long that is.
type listing[Row any] struct {
	Rows     []Row
	State    string   // the one that was asked for; "" all
	States   []string // to choose from
	Incident string   // the one whose campaigns these are; "" every one's
	First    string   // where the list begins, as it was asked for
	Older    string   // where it goes on; "" nowhere
	Later    bool     // it is not the first page
}

// Filtered tells whether there may be lines that were not asked for.
func (l listing[Row]) Filtered() bool { return l.State != "" || l.Incident != "" }

// begin reads from the address where a list goes on, and what is asked for.
func begin[Row any, State ~string](r *call, states []State) (l listing[Row], before int64, err error) {
	l = listing[Row]{State: r.Query("state"), Incident: r.Query("incident")}
	for _, s := range states {
		l.States = append(l.States, string(s))
	}
	l.First = l.at(r, 0)
	if text := r.Query("before"); text != "" {
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return l, 0, problem.New(problem.NotFound, "There is nothing at this address.")
		}
		l.Later = true
	}
	return l, before, nil
}

// end keeps the lines, and where the list goes on.
func (l *listing[Row]) end(r *call, list []Row, next int64) {
	if l.Rows = list; next != 0 {
		l.Older = l.at(r, next)
	}
}

// at is the address of the page that goes on after the line with a number; 0: of the first.
func (l listing[Row]) at(r *call, before int64) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": l.State, "incident": l.Incident} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if before != 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if len(q) == 0 {
		return r.Request.URL.Path
	}
	return r.Request.URL.Path + "?" + q.Encode()
}

func (c *Console) campaigns(r *call) error {
	l, before, err := begin[campaign.Campaign](r, campaign.States())
	if err != nil {
		return err
	}
	list, next, err := c.o.Desk.CampaignPage(r.Request.Context(), r.who, campaign.Query{State: campaign.State(l.State), Incident: l.Incident, Before: before, Limit: rows})
	if err != nil {
		return err
	}
	l.end(r, list, next)
	return r.page("campaigns", l)
}

func (c *Console) incidents(r *call) error {
	l, before, err := begin[incident.Incident](r, []string(nil))
	if err != nil {
		return err
	}
	list, next, err := c.o.Desk.IncidentPage(r.Request.Context(), r.who, before, rows)
	if err != nil {
		return err
	}
	l.end(r, list, next)
	return r.page("incidents", l)
}

func (c *Console) approvals(r *call) error {
	l, before, err := begin[approval.Request](r, approval.States())
	if err != nil {
		return err
	}
	list, next, err := c.o.Desk.ApprovalPage(r.Request.Context(), r.who, approval.Query{State: approval.State(l.State), Before: before, Limit: rows})
	if err != nil {
		return err
	}
	l.end(r, list, next)
	return r.page("approvals", l)
}

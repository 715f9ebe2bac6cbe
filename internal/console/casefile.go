package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// ticking is a deadline as its page shows it.
type ticking struct {
	incident.Clock
	Left  string // in words
	State string // met, late, overdue, soon, open
}

// soon is when a deadline that still runs begins to be pressing.
const soon = 24 * time.Hour

func tick(c incident.Clock, now time.Time) ticking {
	t := ticking{Clock: c, State: "open"}
	left := c.DueAt.Sub(now)
	switch {
	case c.Late():
		t.State, t.Left = "late", "met "+span(c.DoneAt.Sub(c.DueAt))+" too late"
	case c.DoneAt != nil:
		t.State, t.Left = "met", "met "+span(c.DueAt.Sub(*c.DoneAt))+" before it ran out"
	case c.Overdue(now):
		t.State, t.Left = "overdue", "overdue by "+span(-left)
	default:
		t.Left = span(left) + " left"
		if left < soon {
			t.State = "soon"
		}
	}
	return t
}

// span is a duration as people say it, in its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d%(24*time.Hour)/time.Hour), int64(d%time.Hour/time.Minute)
	n := func(v int64, unit string) string { return strconv.FormatInt(v, 10) + "\u00a0" + unit }
	switch {
	case days > 0 && hours > 0:
		return n(days, "d") + " " + n(hours, "h")
	case days > 0:
		return n(days, "d")
	case hours > 0 && minutes > 0:
		return n(hours, "h") + " " + n(minutes, "min")
	case hours > 0:
		return n(hours, "h")
	}
	return n(minutes, "min")
}

// clocks are an incident's deadlines, and those that laws may add.
func (c *Console) clocks(r *call, i incident.Incident) ([]ticking, []incident.Suggestion, error) {
	all, err := c.o.Desk.Clocks(r.Request.Context(), r.who, i.Slug)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	list := make([]ticking, len(all))
	for n, clock := range all {
		list[n] = tick(clock, now)
	}
	return list, incident.Suggest(i, all), nil
}

// deadlines is the page of an incident's deadlines.
type deadlines struct {
	Incident  incident.Incident
	Clocks    []ticking
	Suggested []incident.Suggestion
	Name, Due string // as typed
}

func (c *Console) deadlines(r *call) (*deadlines, error) {
	i, err := c.o.Desk.Incident(r.Request.Context(), r.who, r.Param("slug"))
	if err != nil {
		return nil, err
	}
	page := &deadlines{Incident: i, Name: r.PostForm("name"), Due: r.PostForm("due")}
	page.Clocks, page.Suggested, err = c.clocks(r, i)
	return page, err
}

func (c *Console) showClocks(r *call) error {
	page, err := c.deadlines(r)
	if err != nil {
		return err
	}
	return r.page("clocks", page)
}

// changeClock takes the form of one deadline: a new one without a number, else the one with it.
func (c *Console) changeClock(r *call) error {
	change, err := clockForm(r)
	if err == nil {
		_, err = c.o.Desk.ChangeClock(r.work(), r.who, change)
	}
	if err != nil {
		page, looking := c.deadlines(r)
		if looking != nil {
			return err
		}
		return r.again("clocks", page, err)
	}
	r.say("Saved.")
	r.see("/incidents/" + r.Param("slug") + "/clocks")
	return nil
}

func clockForm(r *call) (incident.ClockChange, error) {
	change := incident.ClockChange{Slug: r.Param("slug")}
	if text := r.PostForm("id"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return change, problem.New(problem.NotFound, "There is nothing at this address.")
		}
		change.ID = id
	}
	if name, sent := r.GetPostForm("name"); sent {
		name = strings.TrimSpace(name)
		change.Name = &name
	}
	if note, sent := r.GetPostForm("note"); sent {
		change.Note = plain(note)
	}
	if done := r.PostForm("done"); done != "" {
		met := done == "yes"
		change.Done = &met
	}
	var err error
	change.DueAt, err = moment(r.PostForm("due"))
	return change, err
}

// stated is the form of what the evidence report says.
type stated struct {
	Incident incident.Incident
	Fields   []statedField
	Counts   []counted // live, to take numbers from
}

type statedField struct {
	incident.Field
	Value     string
	UpdatedAt *time.Time
}

func (c *Console) showFacts(r *call) error {
	page, err := c.facts(r, nil)
	if err != nil {
		return err
	}
	return r.page("facts", page)
}

func (c *Console) facts(r *call, typed map[string]string) (*stated, error) {
	ctx, slug := r.Request.Context(), r.Param("slug")
	i, err := c.o.Desk.Incident(ctx, r.who, slug)
	if err != nil {
		return nil, err
	}
	facts, err := c.o.Desk.Facts(ctx, r.who, slug)
	if err != nil {
		return nil, err
	}
	page := &stated{Incident: i}
	for _, f := range incident.Fields() {
		field := statedField{Field: f, Value: facts[f.Name].Value}
		if at := facts[f.Name].UpdatedAt; !at.IsZero() {
			field.UpdatedAt = &at
		}
		if value, sent := typed[f.Name]; sent {
			field.Value = value
		}
		page.Fields = append(page.Fields, field)
	}
	page.Counts, err = c.counts(ctx, r, slug)
	return page, err
}

// counts are those of an incident's campaigns that came into force.
func (c *Console) counts(ctx context.Context, r *call, slug string) ([]counted, error) {
	all, _, err := c.o.Desk.CampaignPage(ctx, r.who, campaign.Query{Incident: slug, Limit: rows})
	if err != nil {
		return nil, err
	}
	return c.glances(r, slices.DeleteFunc(all, func(k campaign.Campaign) bool { return k.ActivatedAt == nil }))
}

func (c *Console) setFacts(r *call) error {
	values := map[string]string{}
	for _, f := range incident.Fields() {
		if text, sent := r.GetPostForm(f.Name); sent {
			values[f.Name] = strings.TrimSpace(*plain(text))
		}
	}
	if err := c.o.Desk.SetFacts(r.work(), r.who, r.Param("slug"), values); err != nil {
		page, looking := c.facts(r, values)
		if looking != nil {
			return err
		}
		return r.again("facts", page, err)
	}
	r.say("Saved. The next report says so.")
	r.see("/incidents/" + r.Param("slug") + "/reports")
	return nil
}

// reportList is the page of an incident's evidence reports.
type reportList struct {
	Incident incident.Incident
	Reports  []incident.Report
	Missing  []incident.Field // what Art. 33(3) asks for and nobody has written yet
}

func (c *Console) reports(r *call) error {
	page, err := c.reportList(r)
	if err != nil {
		return err
	}
	return r.page("reports", page)
}

func (c *Console) reportList(r *call) (*reportList, error) {
	ctx, slug := r.Request.Context(), r.Param("slug")
	i, err := c.o.Desk.Incident(ctx, r.who, slug)
	if err != nil {
		return nil, err
	}
	page := &reportList{Incident: i}
	if page.Reports, err = c.o.Desk.Reports(ctx, r.who, slug); err != nil {
		return nil, err
	}
	facts, err := c.o.Desk.Facts(ctx, r.who, slug)
	if err != nil {
		return nil, err
	}
	for _, f := range incident.Fields() {
		if strings.HasPrefix(f.Law, "GDPR Art. 33(3)") && facts[f.Name].Value == "" {
			page.Missing = append(page.Missing, f)
		}
	}
	return page, nil
}

func (c *Console) makeReport(r *call) error {
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	made, err := c.o.Desk.MakeReport(r.work(), r.who, r.Param("slug"))
	if err != nil {
		return err
	}
	r.say("Version " + strconv.Itoa(made.Version) + " is made and kept. Its SHA-256 stands in the audit log.")
	r.see("/incidents/" + r.Param("slug") + "/reports")
	return nil
}

// reportPolicy lets a stored report load nothing and run nothing: its text is people's, and it is shown for years.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// report shows one version, byte for byte as it was made.
func (c *Console) report(r *call) error {
	version, err := strconv.Atoi(r.Param("version"))
	if err != nil || version < 1 {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	_, page, err := c.o.Desk.Report(r.Request.Context(), r.who, r.Param("slug"), version)
	if err != nil {
		return err
	}
	r.Header("Content-Security-Policy", reportPolicy)
	r.Data(http.StatusOK, "text/html; charset=utf-8", page)
	return nil
}

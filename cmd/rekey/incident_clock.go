package main

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type incidentClockCmd struct {
	List clockListCmd `cmd:"" help:"List its deadlines, and those that laws may add."`
	Set  clockSetCmd  `cmd:"" help:"Add a deadline, change one, or mark it met."`
}

type clockListCmd struct {
	Slug string `arg:"" help:"The incident."`
}

func (clockListCmd) Help() string {
	return `The next due first. What laws may add is no advice, but a list to go through with somebody who knows.

Example:

    rekey incident clock list spring-2026`
}

// suggested is a deadline that nobody has set.
type suggested struct {
	Name  string    `json:"name"`
	Text  string    `json:"text"`
	DueAt time.Time `json:"due_at"`
}

func (*clockListCmd) deed() deed { return reads(operator.ReadIncidents) }

func (c *clockListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	clocks, laws, err := o.Clocks(ctx, c.Slug)
	if err != nil {
		return err
	}
	may := make([]suggested, len(laws))
	for i, l := range laws {
		may[i] = suggested(l)
	}
	return s.show(map[string]any{"clocks": notNil(clocks), "suggested": may}, func(p *page) {
		p.row("NUMBER", "DUE", "MET", "NAME", "NOTE")
		for _, k := range clocks {
			p.row(k.ID, k.DueAt, k.DoneAt, k.Name, k.Note)
		}
		for _, l := range may {
			p.row("not set", l.DueAt, "", l.Name, l.Text)
		}
	})
}

type clockSetCmd struct {
	Slug   string  `arg:"" help:"The incident."`
	Number int64   `arg:"" optional:"" help:"The deadline to change, by its number; unless given, a new one."`
	Name   *string `help:"Its name, such as the law and who is told."`
	Due    string  `placeholder:"TIME" help:"When it runs out."`
	Note   *string `help:"What was filed, where, under which number; or why not."`
	Done   *bool   `negatable:"" help:"It is met, now; --no-done lets it run again."`
}

func (clockSetCmd) Help() string {
	return `What is not given stays as it is. A new deadline needs a name and a time.

Examples:

    rekey incident clock set spring-2026 --name "GDPR Art. 33: supervisory authority" --due 2026-03-04T09:00:00Z
    rekey incident clock set spring-2026 1 --done --note "filed as 2026-0417"`
}

func (*clockSetCmd) deed() deed { return does(operator.IncidentClock) }

func (c *clockSetCmd) Run(ctx context.Context, s *session) error {
	due, err := parseTime("due", c.Due)
	if err != nil {
		return err
	}
	switch {
	case c.Number < 0:
		return usagef("a deadline's number is 1 or more")
	case c.Number == 0 && (c.Name == nil || due == nil):
		return usagef("a new deadline needs --name and --due")
	case c.Number == 0 && c.Done != nil:
		return usagef("--done: give the number of the deadline")
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	k, err := o.ChangeClock(ctx, incident.ClockChange{Slug: c.Slug, ID: c.Number, Name: c.Name, DueAt: due, Note: c.Note, Done: c.Done})
	if err != nil {
		return err
	}
	return s.show(k, func(p *page) {
		p.row("deadline", k.ID)
		p.row("name", k.Name)
		p.row("due", k.DueAt)
		p.row("met", k.DoneAt)
		p.row("note", k.Note)
	})
}

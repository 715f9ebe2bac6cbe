package main

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type incidentFactCmd struct {
	List factListCmd `cmd:"" help:"List the fields of its evidence report."`
	Set  factSetCmd  `cmd:"" help:"Write a field of its evidence report."`
}

type factListCmd struct {
	Slug string `arg:"" help:"The incident."`
}

func (factListCmd) Help() string {
	return `Every field that an authority asks for (GDPR Art. 33), with what was written into it.

Example:

    rekey incident fact list spring-2026`
}

// factRow is a field with what was written into it.
type factRow struct {
	Name      string     `json:"name"`
	Label     string     `json:"label"`
	Law       string     `json:"law"`
	Value     string     `json:"value"`
	UpdatedAt *time.Time `json:"updated_at"`
}

func (*factListCmd) deed() deed { return reads(operator.ReadIncidents) }

func (c *factListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	return s.showFacts(ctx, o, c.Slug)
}

func (s *session) showFacts(ctx context.Context, o office, slug string) error {
	facts, err := o.Facts(ctx, slug)
	if err != nil {
		return err
	}
	rows := []factRow{}
	for _, f := range incident.Fields() {
		row := factRow{Name: f.Name, Label: f.Label, Law: f.Law}
		if fact, written := facts[f.Name]; written {
			row.Value, row.UpdatedAt = fact.Value, &fact.UpdatedAt
		}
		rows = append(rows, row)
	}
	return s.show(map[string]any{"facts": rows}, func(p *page) {
		p.row("FIELD", "LAW", "LABEL", "TEXT")
		for _, r := range rows {
			p.row(r.Name, r.Law, r.Label, firstWords(r.Value))
		}
	})
}

type factSetCmd struct {
	Slug  string `arg:"" help:"The incident."`
	Field string `arg:"" help:"The field, as fact list names it."`
	Text  string `arg:"" help:"Plain text; - for standard input; an empty one clears the field."`
}

func (factSetCmd) Help() string {
	return `The next report says it.

Examples:

    rekey incident fact set spring-2026 nature "A backup of the member base was copied."
    rekey incident fact set spring-2026 measures_taken - < measures.txt`
}

func (*factSetCmd) deed() deed { return does(operator.IncidentFact) }

func (c *factSetCmd) Run(ctx context.Context, s *session) error {
	text := &c.Text
	if c.Text == "-" {
		var err error
		if text, err = s.textOf("text", c.Text); err != nil {
			return err
		}
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if err := o.SetFacts(ctx, c.Slug, map[string]string{c.Field: *text}); err != nil {
		return err
	}
	return s.showFacts(ctx, o, c.Slug)
}

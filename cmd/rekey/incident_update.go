package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type incidentUpdateCmd struct {
	Slug    string `arg:"" help:"The incident."`
	Text    string `placeholder:"FILE" help:"What became known, as plain text with blank lines between paragraphs; - for standard input." xor:"act"`
	At      string `placeholder:"TIME" help:"The date it carries, by which updates are ordered; now unless told."`
	Correct int64  `placeholder:"N" help:"Put the text in place of update N, which then says that it was corrected."`
	Retract int64  `placeholder:"N" help:"Take update N off the page and the feed." xor:"act"`
}

func (incidentUpdateCmd) Help() string {
	return `An update is public at once where the notice is, on the page and in its feed. The numbers are those of "incident show".
A retracted update stays in the database, so that one can say later what was public.

Examples:

    rekey incident update spring-2026 --text update.txt
    rekey incident update spring-2026 --text better.txt --correct 3
    rekey incident update spring-2026 --retract 3`
}

func (*incidentUpdateCmd) deed() deed { return does(operator.IncidentUpdate) }

func (c *incidentUpdateCmd) Run(ctx context.Context, s *session) error {
	change, err := c.change(s)
	if err != nil {
		return err
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	i, err := o.UpdateIncident(ctx, change)
	if err != nil {
		return err
	}
	return s.show(i, func(p *page) { incidentText(p, i) })
}

func (c *incidentUpdateCmd) change(s *session) (change incident.UpdateChange, err error) {
	change = incident.UpdateChange{Slug: c.Slug, ID: c.Correct}
	if c.Correct < 0 || c.Retract < 0 {
		return change, usagef("an update's number is 1 or more")
	}
	if change.At, err = parseTime("at", c.At); err != nil {
		return change, err
	}
	if c.Retract != 0 {
		if c.Correct != 0 {
			return change, usagef("an update is either corrected or retracted")
		}
		change.ID, change.Retract = c.Retract, true
		return change, nil
	}
	if c.Text == "" {
		return change, usagef("--text or --retract is needed")
	}
	text, err := s.textOf("text", c.Text)
	if err != nil {
		return change, err
	}
	change.Text = *text
	return change, nil
}

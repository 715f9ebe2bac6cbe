package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

type incidentCmd struct {
	Set    incidentSetCmd    `cmd:"" help:"Describe an incident, new or known."`
	Update incidentUpdateCmd `cmd:"" help:"Add to the notice what became known; correct or retract it."`
	Show   incidentShowCmd   `cmd:"" help:"Show one incident."`
	List   incidentListCmd   `cmd:"" help:"List all incidents."`
	Clock  incidentClockCmd  `cmd:"" help:"Its deadlines."`
	Fact   incidentFactCmd   `cmd:"" help:"What its evidence report says in your words."`
	Report incidentReportCmd `cmd:"" help:"Its evidence report."`
}

type incidentSetCmd struct {
	Slug      string   `arg:"" help:"Its name in commands and URLs: a-z, 0-9 and hyphens."`
	Title     *string  `help:"What members read first."`
	Occurred  string   `placeholder:"TIME" help:"When it happened."`
	Found     string   `placeholder:"TIME" help:"When it was found; legal clocks start here."`
	Contained string   `placeholder:"TIME" help:"When the way in was closed."`
	Classes   []string `placeholder:"TEXT,…" help:"What was exposed, in your words: names,e-mail addresses."`
	Unexposed []string `placeholder:"TEXT,…" help:"What was not exposed, in your words: payment data."`
	Notice    string   `placeholder:"FILE" help:"The public notice as plain text; - for standard input."`
	Advice    string   `placeholder:"FILE" help:"What members should do beyond a new password, as plain text, a step a paragraph; - for standard input."`
	Publish   *bool    `negatable:"" help:"Publish the notice at /incidents/SLUG; --no-publish takes it back."`
}

func (incidentSetCmd) Help() string {
	return `What is not given stays as it is. Until it is published, nothing of an incident shows.
Common classes of data, such as names, e-mail addresses, dates of birth, passwords, postal addresses, phone numbers, payment
data, identity numbers or health data, are said in the reader's language on the page and in mails; others as you typed them.

Examples:

    rekey incident set spring-2026 --title "Member data was copied" --occurred 2026-02-27 --found 2026-03-01
    rekey incident set spring-2026 --classes "names,e-mail addresses,passwords" --notice notice.txt --publish
    rekey incident set spring-2026 --unexposed "payment data,postal addresses" --contained 2026-03-02T18:00:00Z`
}

// maxNotice is more than any text of an incident may have: what is longer is refused there, in words of its own.
const maxNotice = 256 << 10

func (*incidentSetCmd) deed() deed { return does(operator.IncidentSet) }

func (c *incidentSetCmd) Run(ctx context.Context, s *session) error {
	change, err := c.change(s)
	if err != nil {
		return err
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	i, err := o.SetIncident(ctx, change)
	if err != nil {
		return err
	}
	return s.show(i, func(p *page) { incidentText(p, i) })
}

func (c *incidentSetCmd) change(s *session) (change incident.Change, err error) {
	change = incident.Change{Slug: c.Slug, Title: c.Title, Classes: c.Classes, Unexposed: c.Unexposed, Publish: c.Publish}
	if change.OccurredAt, err = parseTime("occurred", c.Occurred); err != nil {
		return change, err
	}
	if change.FoundAt, err = parseTime("found", c.Found); err != nil {
		return change, err
	}
	if change.ContainedAt, err = parseTime("contained", c.Contained); err != nil {
		return change, err
	}
	if c.Notice == "-" && c.Advice == "-" {
		return change, usagef("--notice and --advice cannot both be standard input")
	}
	if change.Notice, err = s.textOf("notice", c.Notice); err != nil {
		return change, err
	}
	change.Advice, err = s.textOf("advice", c.Advice)
	return change, err
}

// textOf reads a text from the file that a flag names; nil if it names none.
func (s *session) textOf(flag, name string) (*string, error) {
	if name == "" {
		return nil, nil
	}
	file, err := s.source(name)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	defer file.Close() // only read
	data, err := io.ReadAll(io.LimitReader(file, maxNotice+1))
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	if len(data) > maxNotice {
		return nil, problem.Newf(problem.Invalid, "--%s: a text has at most %d bytes", flag, maxNotice)
	}
	text := string(data)
	return &text, nil
}

func incidentText(p *page, i incident.Incident) {
	p.row("incident", i.Slug)
	p.row("title", i.Title)
	p.row("occurred", i.OccurredAt)
	p.row("found", i.FoundAt)
	p.row("contained", i.ContainedAt)
	for _, class := range i.Classes {
		p.row("exposed", class)
	}
	for _, class := range i.Unexposed {
		p.row("not exposed", class)
	}
	p.row("notice", fmt.Sprintf("%d bytes", len(i.Notice)))
	p.row("advice", fmt.Sprintf("%d bytes", len(i.Advice)))
	p.row("published", i.PublishedAt)
	for _, u := range i.Updates {
		p.row(fmt.Sprintf("update %d", u.ID), updateText(u))
	}
}

// updateText is the date and the beginning of an update.
func updateText(u incident.Update) string {
	text := u.At.UTC().Format(time.DateOnly) + " " + firstWords(u.Text)
	switch {
	case u.RetractedAt != nil:
		return text + " (retracted)"
	case u.Corrected():
		return text + " (corrected)"
	}
	return text
}

// firstWords is the beginning of a text, on one line.
func firstWords(text string) string {
	words := []rune(strings.Join(strings.Fields(text), " "))
	if len(words) > 60 {
		words = append(words[:60], '…')
	}
	return string(words)
}

type incidentShowCmd struct {
	Slug string `arg:"" help:"The incident."`
}

func (incidentShowCmd) Help() string {
	return `Published or not.

Example:

    rekey incident show spring-2026`
}

func (*incidentShowCmd) deed() deed { return reads(operator.ReadIncidents) }

func (c *incidentShowCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	i, err := o.Incident(ctx, c.Slug)
	if err != nil {
		return err
	}
	return s.show(i, func(p *page) { incidentText(p, i) })
}

type incidentListCmd struct{}

func (incidentListCmd) Help() string {
	return `The newest first.

Example:

    rekey incident list`
}

func (*incidentListCmd) deed() deed { return reads(operator.ReadIncidents) }

func (c *incidentListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	list, err := o.Incidents(ctx)
	if err != nil {
		return err
	}
	return s.show(map[string]any{"incidents": notNil(list)}, func(p *page) {
		p.row("INCIDENT", "OCCURRED", "PUBLISHED", "UPDATES", "TITLE")
		for _, i := range list {
			standing := slices.DeleteFunc(slices.Clone(i.Updates), func(u incident.Update) bool { return u.RetractedAt != nil })
			p.row(i.Slug, i.OccurredAt, i.PublishedAt, len(standing), i.Title)
		}
	})
}

// notNil makes an empty list [] in JSON, not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

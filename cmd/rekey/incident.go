package main

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

type incidentCmd struct {
	Set  incidentSetCmd  `cmd:"" help:"Describe an incident, new or known."`
	Show incidentShowCmd `cmd:"" help:"Show one incident."`
	List incidentListCmd `cmd:"" help:"List all incidents."`
}

type incidentSetCmd struct {
	Slug     string   `arg:"" help:"Its name in commands and URLs: a-z, 0-9 and hyphens."`
	Title    *string  `help:"What members read first."`
	Occurred string   `placeholder:"TIME" help:"When it happened."`
	Found    string   `placeholder:"TIME" help:"When it was found; legal clocks start here."`
	Classes  []string `placeholder:"TEXT,…" help:"What was exposed, in your words: names,e-mail addresses."`
	Notice   string   `placeholder:"FILE" help:"The public notice as plain text; - for standard input."`
	Publish  *bool    `negatable:"" help:"Publish the notice at /incidents/SLUG; --no-publish takes it back."`
}

func (incidentSetCmd) Help() string {
	return `What is not given stays as it is. Until it is published, nothing of an incident shows.

Examples:

    rekey incident set spring-2026 --title "Member data was copied" --occurred 2026-02-27 --found 2026-03-01
    rekey incident set spring-2026 --classes "names,e-mail addresses,passwords" --notice notice.txt --publish`
}

const maxNotice = 256 << 10

func (c *incidentSetCmd) Run(ctx context.Context, s *session) error {
	change, err := c.change(s)
	if err != nil {
		return err
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	i, err := incident.Set(ctx, db, change, s.actor())
	if err != nil {
		return err
	}
	return s.show(i, func(p *page) { incidentText(p, i) })
}

func (c *incidentSetCmd) change(s *session) (change incident.Change, err error) {
	change = incident.Change{Slug: c.Slug, Title: c.Title, Classes: c.Classes, Publish: c.Publish}
	if change.OccurredAt, err = parseTime("occurred", c.Occurred); err != nil {
		return change, err
	}
	if change.FoundAt, err = parseTime("found", c.Found); err != nil {
		return change, err
	}
	if c.Notice == "" {
		return change, nil
	}
	file, err := s.source(c.Notice)
	if err != nil {
		return change, fmt.Errorf("--notice: %w", err)
	}
	defer file.Close() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxNotice+1))
	if err != nil {
		return change, fmt.Errorf("--notice: %w", err)
	}
	if len(text) > maxNotice {
		return change, problem.Newf(problem.Invalid, "--notice: a notice has at most %d bytes", maxNotice)
	}
	notice := string(text)
	change.Notice = &notice
	return change, nil
}

func incidentText(p *page, i incident.Incident) {
	p.row("incident", i.Slug)
	p.row("title", i.Title)
	p.row("occurred", i.OccurredAt)
	p.row("found", i.FoundAt)
	for _, class := range i.Classes {
		p.row("exposed", class)
	}
	p.row("notice", fmt.Sprintf("%d bytes", len(i.Notice)))
	p.row("published", i.PublishedAt)
}

type incidentShowCmd struct {
	Slug string `arg:"" help:"The incident."`
}

func (incidentShowCmd) Help() string {
	return `Published or not.

Example:

    rekey incident show spring-2026`
}

func (c *incidentShowCmd) Run(ctx context.Context, s *session) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	i, err := incident.Show(ctx, db, c.Slug)
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

func (c *incidentListCmd) Run(ctx context.Context, s *session) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	list, err := incident.List(ctx, db)
	if err != nil {
		return err
	}
	return s.show(map[string]any{"incidents": notNil(list)}, func(p *page) {
		p.row("INCIDENT", "OCCURRED", "PUBLISHED", "TITLE")
		for _, i := range list {
			p.row(i.Slug, i.OccurredAt, i.PublishedAt, i.Title)
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

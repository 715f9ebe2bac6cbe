package main

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-1c168855/rekey/internal/operator"
)

type incidentReportCmd struct {
	Make reportMakeCmd `cmd:"" help:"Keep a new version."`
	List reportListCmd `cmd:"" help:"List the versions."`
	Show reportShowCmd `cmd:"" help:"Write one version, byte for byte as it was made."`
}

type reportMakeCmd struct {
	Slug string `arg:"" help:"The incident."`
}

func (reportMakeCmd) Help() string {
	return `A page that stands alone: facts, deadlines, counts of every campaign, and the timeline of the audit log with what proves it. Its SHA-256 stands in the audit log. None is ever changed.

Example:

    rekey incident report make spring-2026`
}

func (*reportMakeCmd) deed() deed { return does(operator.ReportMake) }

func (c *reportMakeCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	made, err := o.MakeReport(ctx, c.Slug)
	if err != nil {
		return err
	}
	return s.show(made, func(p *page) {
		p.row("version", made.Version)
		p.row("sha256", made.SHA256)
		p.row("made", made.MadeAt)
		p.row("by", made.MadeBy)
	})
}

type reportListCmd struct {
	Slug string `arg:"" help:"The incident."`
}

func (reportListCmd) Help() string {
	return `The newest first.

Example:

    rekey incident report list spring-2026`
}

func (*reportListCmd) deed() deed { return reads(operator.ReadReports) }

func (c *reportListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	list, err := o.Reports(ctx, c.Slug)
	if err != nil {
		return err
	}
	return s.show(map[string]any{"reports": notNil(list)}, func(p *page) {
		p.row("VERSION", "MADE", "BY", "SHA256")
		for _, r := range list {
			p.row(r.Version, r.MadeAt, r.MadeBy, r.SHA256)
		}
	})
}

type reportShowCmd struct {
	Slug    string `arg:"" help:"The incident."`
	Version int    `arg:"" help:"The version."`
	Output  string `placeholder:"FILE" help:"Write it to a new file, for its owner alone, instead of standard output."`
}

func (reportShowCmd) Help() string {
	return `A page of HTML. Its SHA-256 is what the list and the audit log say.

Example:

    rekey incident report show spring-2026 1 --output report.html`
}

func (*reportShowCmd) deed() deed { return reads(operator.ReadReports) }

func (c *reportShowCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	page, err := o.Report(ctx, c.Slug, c.Version)
	if err != nil {
		return err
	}
	return s.sink(c.Output, func(w io.Writer) error {
		if _, err := w.Write(page); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		return nil
	})
}

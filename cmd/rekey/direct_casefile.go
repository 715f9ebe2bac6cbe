package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/incident"
)

func (x *direct) Clocks(ctx context.Context, slug string) ([]incident.Clock, []incident.Suggestion, error) {
	i, err := x.Incident(ctx, slug)
	if err != nil {
		return nil, nil, err
	}
	clocks, err := x.desk.Clocks(ctx, x.looks(), slug)
	return clocks, incident.Suggest(i, clocks), err
}

func (x *direct) ChangeClock(ctx context.Context, c incident.ClockChange) (incident.Clock, error) {
	return x.desk.ChangeClock(ctx, x.acts(), c)
}

func (x *direct) Facts(ctx context.Context, slug string) (map[string]incident.Fact, error) {
	if _, err := x.Incident(ctx, slug); err != nil {
		return nil, err
	}
	return x.desk.Facts(ctx, x.looks(), slug)
}

func (x *direct) SetFacts(ctx context.Context, slug string, values map[string]string) error {
	return x.desk.SetFacts(ctx, x.acts(), slug, values)
}

func (x *direct) Reports(ctx context.Context, slug string) ([]incident.Report, error) {
	if _, err := x.Incident(ctx, slug); err != nil {
		return nil, err
	}
	return x.desk.Reports(ctx, x.looks(), slug)
}

func (x *direct) MakeReport(ctx context.Context, slug string) (incident.Report, error) {
	return x.desk.MakeReport(ctx, x.acts(), slug)
}

func (x *direct) Report(ctx context.Context, slug string, version int) ([]byte, error) {
	_, page, err := x.desk.Report(ctx, x.looks(), slug, version)
	return page, err
}

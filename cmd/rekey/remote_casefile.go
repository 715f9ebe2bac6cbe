package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/incident"
)

func incidentPath(slug, rest string) string { return "/incidents/" + url.PathEscape(slug) + rest }

func (r *remote) Clocks(ctx context.Context, slug string) ([]incident.Clock, []incident.Suggestion, error) {
	answer, _, err := send[api.IncidentClocks](ctx, r, http.MethodGet, incidentPath(slug, "/clocks"), nil)
	return nouns[incident.Clock](answer.Clocks), nouns[incident.Suggestion](answer.Suggested), err
}

func (r *remote) ChangeClock(ctx context.Context, c incident.ClockChange) (incident.Clock, error) {
	if err := wholeSeconds(c.DueAt); err != nil {
		return incident.Clock{}, err
	}
	if c.ID != 0 {
		return fetch[api.IncidentClock, incident.Clock](ctx, r, http.MethodPut, incidentPath(c.Slug, fmt.Sprintf("/clocks/%d", c.ID)), api.Mirror[api.ClockChange](c))
	}
	return fetch[api.IncidentClock, incident.Clock](ctx, r, http.MethodPost, incidentPath(c.Slug, "/clocks"), api.Mirror[api.ClockRequest](c))
}

func (r *remote) Facts(ctx context.Context, slug string) (map[string]incident.Fact, error) {
	answer, _, err := send[api.IncidentFacts](ctx, r, http.MethodGet, incidentPath(slug, "/facts"), nil)
	facts := map[string]incident.Fact{}
	for _, f := range answer.Facts {
		if f.UpdatedAt != nil {
			facts[f.Name] = incident.Fact{Value: f.Value, UpdatedAt: time.Unix(*f.UpdatedAt, 0).UTC()}
		}
	}
	return facts, err
}

func (r *remote) SetFacts(ctx context.Context, slug string, values map[string]string) error {
	_, _, err := send[api.IncidentFacts](ctx, r, http.MethodPut, incidentPath(slug, "/facts"), values)
	return err
}

func (r *remote) Reports(ctx context.Context, slug string) ([]incident.Report, error) {
	answer, _, err := send[api.IncidentReports](ctx, r, http.MethodGet, incidentPath(slug, "/reports"), nil)
	return nouns[incident.Report](answer.Reports), err
}

func (r *remote) MakeReport(ctx context.Context, slug string) (incident.Report, error) {
	return fetch[api.IncidentReport, incident.Report](ctx, r, http.MethodPost, incidentPath(slug, "/reports"), nil)
}

// Report gives nothing that is not the page the server named the digest of: a proxy may have written into it, or cut it off.
func (r *remote) Report(ctx context.Context, slug string, version int) ([]byte, error) {
	response, err := r.open(ctx, http.MethodGet, incidentPath(slug, fmt.Sprintf("/reports/%d", version)), "", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // read to its end
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("downloading the report: %w", err)
	}
	if incident.Digest(page) != response.Header.Get(api.HeaderSHA256) {
		return nil, errors.New("downloading the report: what came is not what was made")
	}
	return page, nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

func (r *remote) Incidents(ctx context.Context) ([]incident.Incident, error) {
	answer, _, err := send[api.Incidents](ctx, r, http.MethodGet, "/incidents", nil)
	return nouns[incident.Incident](answer.Incidents), err
}

func (r *remote) Incident(ctx context.Context, slug string) (incident.Incident, error) {
	return fetch[api.Incident, incident.Incident](ctx, r, http.MethodGet, "/incidents/"+url.PathEscape(slug), nil)
}

func (r *remote) SetIncident(ctx context.Context, c incident.Change) (incident.Incident, error) {
	if err := wholeSeconds(c.OccurredAt, c.FoundAt, c.ContainedAt); err != nil {
		return incident.Incident{}, err
	}
	return fetch[api.Incident, incident.Incident](ctx, r, http.MethodPut, "/incidents/"+url.PathEscape(c.Slug), api.Mirror[api.IncidentRequest](c))
}

func (r *remote) UpdateIncident(ctx context.Context, c incident.UpdateChange) (incident.Incident, error) {
	if err := wholeSeconds(c.At); err != nil {
		return incident.Incident{}, err
	}
	path := "/incidents/" + url.PathEscape(c.Slug) + "/updates"
	method, body := http.MethodPost, any(api.Mirror[api.IncidentUpdateRequest](c))
	switch {
	case c.Retract:
		method, path, body = http.MethodDelete, path+"/"+strconv.FormatInt(c.ID, 10), nil
	case c.ID != 0:
		method, path = http.MethodPut, path+"/"+strconv.FormatInt(c.ID, 10)
	}
	return fetch[api.Incident, incident.Incident](ctx, r, method, path, body)
}

func (r *remote) Campaigns(ctx context.Context) ([]campaign.Campaign, error) {
	return throughout(func(before int64) ([]campaign.Campaign, int64, error) {
		page, _, err := send[api.Campaigns](ctx, r, http.MethodGet, "/campaigns?"+pageOf(before, url.Values{}), nil)
		return nouns[campaign.Campaign](page.Campaigns), following(page.Next), err
	})
}

func campaignPath(id int64, rest string) string { return fmt.Sprintf("/campaigns/%d%s", id, rest) }

func (r *remote) Campaign(ctx context.Context, id int64) (campaign.Campaign, error) {
	return fetch[api.Campaign, campaign.Campaign](ctx, r, http.MethodGet, campaignPath(id, ""), nil)
}

func (r *remote) Status(ctx context.Context, id int64) (campaign.Status, error) {
	return fetch[api.CampaignStatus, campaign.Status](ctx, r, http.MethodGet, campaignPath(id, "/status"), nil)
}

func (r *remote) Progress(ctx context.Context, id int64) (campaign.Progress, error) {
	return fetch[api.CampaignProgress, campaign.Progress](ctx, r, http.MethodGet, campaignPath(id, "/progress"), nil)
}

// CreateCampaign sends a list as it is read.
func (r *remote) CreateCampaign(ctx context.Context, c campaign.CreateRequest) (campaign.Campaign, error) {
	if err := wholeSeconds(c.Cutoff, c.Filter.CreatedBefore, c.Filter.PasswordSetBefore); err != nil {
		return campaign.Campaign{}, err
	}
	if c.List == nil {
		body := api.CampaignRequest{Incident: c.Incident, Scope: string(c.Scope), KeepSessions: c.KeepSessions, Cutoff: unix(c.Cutoff)}
		if !c.Filter.IsZero() {
			filter := api.Mirror[api.CampaignFilter](c.Filter)
			body.Filter = &filter
		}
		return fetch[api.Campaign, campaign.Campaign](ctx, r, http.MethodPost, "/campaigns", body)
	}
	if c.Scope != campaign.Listed || !c.Filter.IsZero() {
		return campaign.Campaign{}, usagef("--list: goes with --scope list, and without --filter")
	}
	query := url.Values{"incident": {c.Incident}, "keep_sessions": {strconv.FormatBool(c.KeepSessions)}}
	if c.Cutoff != nil {
		query.Set("cutoff", strconv.FormatInt(c.Cutoff.Unix(), 10))
	}
	response, err := r.open(ctx, http.MethodPost, "/campaigns/upload?"+query.Encode(), "text/csv", io.NopCloser(c.List)) //nolint:bodyclose // readAnswer closes it
	if err != nil {
		return campaign.Campaign{}, err
	}
	answer, _, err := readAnswer[api.Campaign](response)
	return api.Mirror[campaign.Campaign](answer), err
}

func unix(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	s := t.Unix()
	return &s
}

func (r *remote) PrepareCampaign(ctx context.Context, id int64) (campaign.Report, error) {
	return fetch[api.CampaignReport, campaign.Report](ctx, r, http.MethodPost, campaignPath(id, "/prepare"), nil)
}

func (r *remote) PreviewCampaign(ctx context.Context, id int64) (campaign.Preview, error) {
	return fetch[api.CampaignPreview, campaign.Preview](ctx, r, http.MethodGet, campaignPath(id, "/preview"), nil)
}

func (r *remote) SendTestMail(ctx context.Context, id int64, m desk.TestMail) error {
	_, _, err := send[api.Mailed](ctx, r, http.MethodPost, campaignPath(id, "/test-mail"), api.TestMailRequest{To: m.To, Mail: m.Kind, Locale: m.Locale})
	return err
}

func (r *remote) TestMail(ctx context.Context, id int64, m desk.TestMail) (desk.Mail, error) {
	path := withQuery(campaignPath(id, "/mail"), url.Values{"mail": {m.Kind}, "locale": {m.Locale}})
	return fetch[api.CampaignMail, desk.Mail](ctx, r, http.MethodGet, path, nil)
}

func (r *remote) CampaignLines(ctx context.Context, id int64, outcome string, w io.Writer) error {
	path := campaignPath(id, "/lines")
	if outcome != "" {
		path += "?outcome=" + url.QueryEscape(outcome)
	}
	_, err := r.download(ctx, path, w)
	return err
}

func (r *remote) PlanActivation(ctx context.Context, id int64) (campaign.Preview, error) {
	answer, _, err := send[api.ActivationPlan](ctx, r, http.MethodGet, campaignPath(id, "/activate"), nil)
	return api.Mirror[campaign.Preview](answer.Preview), err
}

func (r *remote) Activate(ctx context.Context, id int64, a campaign.ActivateRequest, reason string) (outcome[campaign.Activated], error) {
	return act[api.CampaignActivated, campaign.Activated](ctx, r, http.MethodPost, campaignPath(id, "/activate"),
		api.ActivateRequest{Expect: *a.Expect, Tolerance: a.Tolerance, Reason: reason})
}

func (r *remote) PlanReminder(ctx context.Context, id int64, age time.Duration) (campaign.Plan, error) {
	s, err := ageSeconds(age)
	if err != nil {
		return campaign.Plan{}, err
	}
	return fetch[api.CampaignPlan, campaign.Plan](ctx, r, http.MethodGet, campaignPath(id, fmt.Sprintf("/remind?again_after=%d", s)), nil)
}

func (r *remote) RemindCampaign(ctx context.Context, id int64, age time.Duration) (campaign.Reminded, error) {
	s, err := ageSeconds(age)
	if err != nil {
		return campaign.Reminded{}, err
	}
	return fetch[api.CampaignReminded, campaign.Reminded](ctx, r, http.MethodPost, campaignPath(id, "/remind"), api.RemindRequest{AgainAfter: &s})
}

func ageSeconds(age time.Duration) (int64, error) {
	if age%time.Second != 0 {
		return 0, usagef("--again-after: whole seconds")
	}
	return int64(age / time.Second), nil
}

// verb is the last part of an act's name, which its path has too.
func verb(a operator.Act) string {
	_, verb, _ := strings.Cut(string(a), ".")
	return "/" + verb
}

func (r *remote) PlanOn(ctx context.Context, a operator.Act, id int64) (campaign.Plan, error) {
	return fetch[api.CampaignPlan, campaign.Plan](ctx, r, http.MethodGet, campaignPath(id, verb(a)), nil)
}

func (r *remote) DoOn(ctx context.Context, a operator.Act, id int64) (campaign.Campaign, error) {
	return fetch[api.Campaign, campaign.Campaign](ctx, r, http.MethodPost, campaignPath(id, verb(a)), nil)
}

func (r *remote) CancelCampaign(ctx context.Context, id int64, reason string) (outcome[campaign.Campaign], error) {
	return act[api.Campaign, campaign.Campaign](ctx, r, http.MethodPost, campaignPath(id, "/cancel"), api.Reasoned{Reason: reason})
}

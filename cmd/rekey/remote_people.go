package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
)

func (r *remote) Lockdown(ctx context.Context) (campaign.Lockdown, error) {
	return fetch[api.Lockdown, campaign.Lockdown](ctx, r, http.MethodGet, "/lockdown", nil)
}

func (r *remote) LockdownOn(ctx context.Context, reason string) (campaign.Lockdown, error) {
	return fetch[api.Lockdown, campaign.Lockdown](ctx, r, http.MethodPost, "/lockdown/on", api.Reasoned{Reason: reason})
}

func (r *remote) LockdownOff(ctx context.Context, reason string) (outcome[campaign.Lockdown], error) {
	return act[api.Lockdown, campaign.Lockdown](ctx, r, http.MethodPost, "/lockdown/off", api.Reasoned{Reason: reason})
}

func (r *remote) Approvals(ctx context.Context, state approval.State) ([]approval.Request, error) {
	return throughout(func(before int64) ([]approval.Request, int64, error) {
		page, _, err := send[api.Approvals](ctx, r, http.MethodGet, "/approvals?"+pageOf(before, url.Values{"state": {string(state)}}), nil)
		return nouns[approval.Request](page.Approvals), following(page.Next), err
	})
}

func approvalPath(id int64, rest string) string { return fmt.Sprintf("/approvals/%d%s", id, rest) }

func (r *remote) Approval(ctx context.Context, id int64) (approval.Request, error) {
	return fetch[api.Approval, approval.Request](ctx, r, http.MethodGet, approvalPath(id, ""), nil)
}

func (r *remote) Approve(ctx context.Context, id int64, note string) (approval.Request, error) {
	return fetch[api.Approval, approval.Request](ctx, r, http.MethodPost, approvalPath(id, "/approve"), api.DecisionRequest{Note: note})
}

func (r *remote) Reject(ctx context.Context, id int64, note string) (approval.Request, error) {
	return fetch[api.Approval, approval.Request](ctx, r, http.MethodPost, approvalPath(id, "/reject"), api.DecisionRequest{Note: note})
}

func (r *remote) Withdraw(ctx context.Context, id int64) (approval.Request, error) {
	return fetch[api.Approval, approval.Request](ctx, r, http.MethodPost, approvalPath(id, "/withdraw"), nil)
}

func (r *remote) Operators(ctx context.Context) ([]operator.Operator, error) {
	answer, _, err := send[api.Operators](ctx, r, http.MethodGet, "/operators", nil)
	return nouns[operator.Operator](answer.Operators), err
}

func operatorPath(o operator.Operator, rest string) string {
	return fmt.Sprintf("/operators/%d%s", o.ID, rest)
}

func (r *remote) CreateOperator(ctx context.Context, c operator.CreateRequest) (operator.Operator, string, error) {
	made, _, err := send[api.Invited](ctx, r, http.MethodPost, "/operators", api.OperatorRequest{Name: c.Name, Email: c.Email, Roles: c.Roles.Names()})
	return api.Mirror[operator.Operator](made.Operator), made.URL, err
}

func (r *remote) InviteOperator(ctx context.Context, o operator.Operator) (string, error) {
	invited, _, err := send[api.Invited](ctx, r, http.MethodPost, operatorPath(o, "/invite"), nil)
	return invited.URL, err
}

func (r *remote) SetRoles(ctx context.Context, o operator.Operator, roles operator.Roles, reason string) (outcome[operator.Operator], error) {
	return act[api.Operator, operator.Operator](ctx, r, http.MethodPut, operatorPath(o, "/roles"), api.RolesRequest{Roles: roles.Names(), Reason: reason})
}

func (r *remote) DisableOperator(ctx context.Context, o operator.Operator) (operator.Operator, error) {
	return fetch[api.Operator, operator.Operator](ctx, r, http.MethodPost, operatorPath(o, "/disable"), nil)
}

func (r *remote) Clients(ctx context.Context) ([]client.Client, error) {
	answer, _, err := send[api.Clients](ctx, r, http.MethodGet, "/clients", nil)
	return nouns[client.Client](answer.Clients), err
}

func (r *remote) CreateClient(ctx context.Context, name, scope string, expires *time.Time) (client.Client, string, error) {
	if err := wholeSeconds(expires); err != nil {
		return client.Client{}, "", err
	}
	made, _, err := send[api.ClientMade](ctx, r, http.MethodPost, "/clients", api.ClientRequest{Name: name, Scope: scope, ExpiresAt: unix(expires)})
	return api.Mirror[client.Client](made.Client), made.Key, err
}

func (r *remote) RevokeClient(ctx context.Context, name string) (client.Client, error) {
	return fetch[api.Client, client.Client](ctx, r, http.MethodDelete, "/clients/"+url.PathEscape(name), nil)
}

func (r *remote) Keys(ctx context.Context) ([]keyRow, error) {
	answer, _, err := send[api.SigningKeys](ctx, r, http.MethodGet, "/keys", nil)
	return nouns[keyRow](answer.Keys), err
}

func (r *remote) RotateKey(ctx context.Context, revoke bool, reason string) (outcome[[]keyRow], error) {
	return r.keysAfter(ctx, "/keys/rotate", api.RotateRequest{Revoke: revoke, Reason: reason})
}

func (r *remote) RevokeKey(ctx context.Context, kid, reason string) (outcome[[]keyRow], error) {
	return r.keysAfter(ctx, "/keys/"+url.PathEscape(kid)+"/revoke", api.Reasoned{Reason: reason})
}

func (r *remote) keysAfter(ctx context.Context, path string, body any) (outcome[[]keyRow], error) {
	answer, pending, err := send[api.SigningKeys](ctx, r, http.MethodPost, path, body)
	return outcome[[]keyRow]{nouns[keyRow](answer.Keys), pending}, err
}

// auditQuery are the filters as the API takes them.
func auditQuery(q audit.Query) (url.Values, error) {
	values := url.Values{}
	for name, value := range map[string]string{"actor": q.Actor, "action": q.Action, "object": q.Object, "outcome": q.Outcome} {
		if value != "" {
			values.Set(name, value)
		}
	}
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if err := wholeSeconds(&t); err != nil {
			return nil, err
		}
		if !t.IsZero() {
			values.Set(name, strconv.FormatInt(t.Unix(), 10))
		}
	}
	return values, nil
}

func (r *remote) Audit(ctx context.Context, q audit.Query, before *int64) ([]auditRow, *int64, error) {
	search := api.AuditSearch{Actor: q.Actor, Action: q.Action, Object: q.Object, Outcome: q.Outcome, Before: before, Limit: new(int64)}
	*search.Limit = int64(q.Limit)
	if err := wholeSeconds(&q.Since, &q.Until); err != nil {
		return nil, nil, err
	}
	for to, t := range map[**int64]time.Time{&search.Since: q.Since, &search.Until: q.Until} {
		if seconds := t.Unix(); !t.IsZero() {
			*to = &seconds
		}
	}
	page, _, err := send[api.AuditPage](ctx, r, http.MethodPost, "/audit/search", search)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]auditRow, 0, len(page.Entries))
	for _, e := range page.Entries {
		row := auditRow{Index: e.Index, At: time.Unix(e.At, 0).UTC(), Actor: e.Actor, Action: e.Action, Object: e.Object, Outcome: e.Outcome}
		if err := json.Unmarshal(e.Detail, &row.Detail); err != nil {
			return nil, nil, fmt.Errorf("reading the server's answer: %w", err)
		}
		rows = append(rows, row)
	}
	return rows, page.Next, nil
}

func (r *remote) ExportAudit(ctx context.Context, t auditTake, w io.Writer) error {
	values, err := auditQuery(t.query)
	if err != nil {
		return err
	}
	if t.csv {
		values.Set("format", account.FormatCSV)
	}
	_, err = r.download(ctx, withQuery("/exports/audit", values), w)
	return err
}

func (r *remote) ShowAccount(ctx context.Context, subject string) (account.Profile, error) {
	return fetch[api.Account, account.Profile](ctx, r, http.MethodGet, "/accounts/"+url.PathEscape(subject), nil)
}

func (r *remote) ExportAccounts(ctx context.Context, e account.ExportRequest, w io.Writer) (report account.ExportReport, err error) {
	values := url.Values{}
	if e.Format != "" {
		values.Set("format", e.Format)
	}
	if !e.Since.IsZero() {
		values.Set("changed_since", e.Since.UTC().Format(time.RFC3339Nano))
	}
	after, err := r.download(ctx, withQuery("/exports/accounts", values), w)
	if err != nil {
		return report, err
	}
	if report.Rows, err = strconv.ParseInt(after.Get(api.TrailerRows), 10, 64); err == nil {
		report.Until, err = time.Parse(time.RFC3339Nano, after.Get(api.TrailerUntil))
	}
	if err != nil {
		return report, fmt.Errorf("the export was cut off: its end does not say how it ended: %w", err)
	}
	return report, nil
}

func (r *remote) AskExport(ctx context.Context, log bool, reason string) (*approval.Request, error) {
	path := "/exports/accounts"
	if log {
		path = strings.Replace(path, "accounts", "audit", 1)
	}
	_, pending, err := send[api.Granted](ctx, r, http.MethodPost, path, api.Reasoned{Reason: reason})
	return pending, err
}

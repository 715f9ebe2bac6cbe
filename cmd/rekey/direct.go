package main

import (
	"context"
	"io"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

// direct is the office beside the database: the same desk as the console's, in the name of the system's user.
type direct struct {
	s    *session
	db   *store.Store
	desk *desk.Desk
}

// beside opens the database. The master key is not read for it: whoever must stop everything at once may not have it at hand.
func (s *session) beside(ctx context.Context) (*direct, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return s.deskOn(db, reset.NewKeys(db, secret.Master{}, s.settings.PublicURL), nil)
}

// deskOn puts the desk of the command line together; help is nil but for what helps single members. What one person does alone the runner tells of, see do.
func (s *session) deskOn(db *store.Store, keys *reset.Keys, help *support.Service) (*direct, error) {
	o := deskOptions(db, keys, s.settings, s.logger)
	o.Records = s.records(db)
	o.SendTestMail = func(ctx context.Context, k campaign.Campaign, i incident.Incident, m desk.TestMail) error {
		master, err := s.settings.Master()
		if err != nil {
			return usage(err)
		}
		return sendTestMail(ctx, s.settings, token.NewCoder(master), k, i, m)
	}
	o.WriteTestMail = func(k campaign.Campaign, i incident.Incident, m desk.TestMail) (desk.Mail, error) {
		master, err := s.settings.Master()
		if err != nil {
			return desk.Mail{}, usage(err)
		}
		return writeTestMail(s.settings, token.NewCoder(master), k, i, m)
	}
	o.Progress, o.Support = campaign.NewCounter(db).Read, help
	d, err := desk.New(o)
	return &direct{s, db, d}, err
}

// keyed is the office with the keys that sign, which need the master key.
func (x *direct) keyed(ctx context.Context) (*direct, error) {
	keys, err := x.s.keys(ctx)
	if err != nil {
		return nil, err
	}
	return x.s.deskOn(x.db, keys, nil)
}

// principal is who acts on the command line. It is the one place that makes one. What is done past the approvers the runner marks, see do.
func (s *session) principal() operator.Principal { return operator.CommandLine(s.who().Name, "") }

// looks is the principal of what only reads, acts of what leaves entries that are to be sealed when the command ends.
func (x *direct) looks() operator.Principal { return x.s.principal() }

func (x *direct) acts() operator.Principal {
	x.s.acted = true
	return x.s.principal()
}

func (x *direct) Incidents(ctx context.Context) ([]incident.Incident, error) {
	return x.desk.Incidents(ctx, x.looks())
}

func (x *direct) Incident(ctx context.Context, slug string) (incident.Incident, error) {
	return x.desk.Incident(ctx, x.looks(), slug)
}

func (x *direct) SetIncident(ctx context.Context, c incident.Change) (incident.Incident, error) {
	return x.desk.SetIncident(ctx, x.acts(), c)
}

func (x *direct) UpdateIncident(ctx context.Context, c incident.UpdateChange) (incident.Incident, error) {
	return x.desk.UpdateIncident(ctx, x.acts(), c)
}

func (x *direct) Campaigns(ctx context.Context) ([]campaign.Campaign, error) {
	return x.desk.Campaigns(ctx, x.looks())
}

func (x *direct) Campaign(ctx context.Context, id int64) (campaign.Campaign, error) {
	return x.desk.Campaign(ctx, x.looks(), id)
}

func (x *direct) Status(ctx context.Context, id int64) (campaign.Status, error) {
	return x.desk.Status(ctx, x.looks(), id)
}

func (x *direct) Progress(ctx context.Context, id int64) (campaign.Progress, error) {
	return x.desk.Progress(ctx, x.looks(), id)
}

func (x *direct) CreateCampaign(ctx context.Context, r campaign.CreateRequest) (campaign.Campaign, error) {
	return x.desk.CreateCampaign(ctx, x.acts(), r)
}

func (x *direct) PrepareCampaign(ctx context.Context, id int64) (campaign.Report, error) {
	return x.desk.PrepareCampaign(ctx, x.acts(), id)
}

func (x *direct) PreviewCampaign(ctx context.Context, id int64) (campaign.Preview, error) {
	return x.desk.PreviewCampaign(ctx, x.looks(), id)
}

func (x *direct) SendTestMail(ctx context.Context, id int64, m desk.TestMail) error {
	return x.desk.SendTestMail(ctx, x.acts(), id, m)
}

func (x *direct) TestMail(ctx context.Context, id int64, m desk.TestMail) (desk.Mail, error) {
	return x.desk.TestMail(ctx, x.looks(), id, m)
}

func (x *direct) CampaignLines(ctx context.Context, id int64, outcome string, w io.Writer) error {
	if _, err := x.desk.Campaign(ctx, x.looks(), id); err != nil {
		return err
	}
	return x.desk.CampaignLines(ctx, x.looks(), id, outcome, w)
}

func (x *direct) PlanActivation(ctx context.Context, id int64) (campaign.Preview, error) {
	plan, err := x.desk.PlanActivation(ctx, x.looks(), id)
	return plan.Preview(), err
}

func (x *direct) Activate(ctx context.Context, id int64, r campaign.ActivateRequest, reason string) (outcome[campaign.Activated], error) {
	return came[campaign.Activated](x.desk.Activate(ctx, x.acts(), id, r, reason))
}

// came reads what the desk says of an act whose use case gives a T.
func came[T any](d desk.Outcome, err error) (o outcome[T], _ error) {
	o.Done, _ = d.Done.(T)
	o.Pending = d.Pending
	return o, err
}

func (x *direct) PlanReminder(ctx context.Context, id int64, age time.Duration) (campaign.Plan, error) {
	return x.desk.PlanReminder(ctx, x.looks(), id, age)
}

func (x *direct) RemindCampaign(ctx context.Context, id int64, age time.Duration) (campaign.Reminded, error) {
	return x.desk.RemindCampaign(ctx, x.acts(), id, age)
}

func (x *direct) PlanOn(ctx context.Context, act operator.Act, id int64) (campaign.Plan, error) {
	switch act {
	case operator.CampaignClose:
		return x.desk.PlanClose(ctx, x.looks(), id)
	case operator.CampaignDiscard:
		return x.desk.PlanDiscard(ctx, x.looks(), id)
	case operator.CampaignCancel:
		return x.desk.EffectOfCancel(ctx, x.looks(), id)
	}
	return campaign.Plan{}, problem.Newf(problem.Internal, "%s has no plan", act)
}

func (x *direct) DoOn(ctx context.Context, act operator.Act, id int64) (campaign.Campaign, error) {
	do := map[operator.Act]func(context.Context, operator.Principal, int64) error{
		operator.CampaignPause: x.desk.PauseCampaign, operator.CampaignResume: x.desk.ResumeCampaign,
		operator.CampaignClose: x.desk.CloseCampaign, operator.CampaignDiscard: x.desk.DiscardCampaign,
	}[act]
	if err := do(ctx, x.acts(), id); err != nil {
		return campaign.Campaign{}, err
	}
	return x.Campaign(ctx, id)
}

func (x *direct) CancelCampaign(ctx context.Context, id int64, reason string) (outcome[campaign.Campaign], error) {
	return came[campaign.Campaign](x.desk.CancelCampaign(ctx, x.acts(), id, reason))
}

func (x *direct) Lockdown(ctx context.Context) (campaign.Lockdown, error) {
	return x.desk.Lockdown(ctx, x.looks())
}

func (x *direct) LockdownOn(ctx context.Context, reason string) (campaign.Lockdown, error) {
	return x.desk.LockdownOn(ctx, x.acts(), reason)
}

func (x *direct) LockdownOff(ctx context.Context, reason string) (outcome[campaign.Lockdown], error) {
	return came[campaign.Lockdown](x.desk.LockdownOff(ctx, x.acts(), reason))
}

func (x *direct) Approvals(ctx context.Context, state approval.State) ([]approval.Request, error) {
	return throughout(func(before int64) ([]approval.Request, int64, error) {
		return x.desk.ApprovalPage(ctx, x.looks(), approval.Query{State: state, Before: before, Limit: approval.MaxPage})
	})
}

func (x *direct) Approval(ctx context.Context, id int64) (approval.Request, error) {
	return x.desk.Approval(ctx, x.looks(), id)
}

// Approve and the two after it are refused by the desk: the command line is nobody's second person. That is recorded.
func (x *direct) Approve(ctx context.Context, id int64, note string) (approval.Request, error) {
	_, err := x.desk.Approve(ctx, x.acts(), id, note)
	return approval.Request{}, err
}

func (x *direct) Reject(ctx context.Context, id int64, note string) (approval.Request, error) {
	return approval.Request{}, x.desk.Reject(ctx, x.acts(), id, note)
}

func (x *direct) Withdraw(ctx context.Context, id int64) (approval.Request, error) {
	return approval.Request{}, x.desk.Withdraw(ctx, x.acts(), id)
}

func (x *direct) Clients(ctx context.Context) ([]client.Client, error) {
	return x.desk.ListClients(ctx, x.looks())
}

func (x *direct) CreateClient(ctx context.Context, name, scope string, expires *time.Time) (client.Client, string, error) {
	return x.desk.CreateClient(ctx, x.acts(), name, scope, expires)
}

func (x *direct) RevokeClient(ctx context.Context, name string) (client.Client, error) {
	return x.desk.RevokeClient(ctx, x.acts(), name)
}

func (x *direct) Audit(ctx context.Context, q audit.Query, before *int64) ([]auditRow, *int64, error) {
	x.s.seal(ctx, x.db)
	entries, next, err := x.desk.AuditBefore(ctx, x.looks(), q, before)
	rows := make([]auditRow, 0, len(entries))
	for _, e := range entries {
		rows = append(rows, auditRow{e.Index, e.At, e.Actor.String(), string(e.Action), e.Object, e.Outcome, e.Detail})
	}
	return rows, next, err
}

func (x *direct) ExportAudit(ctx context.Context, t auditTake, w io.Writer) error {
	return x.desk.TakeAudit(ctx, x.acts(), desk.AuditTake{Query: t.query, CSV: t.csv, Detail: t.detail, End: t.end}, w)
}

func (x *direct) ShowAccount(ctx context.Context, subject string) (account.Profile, error) {
	return x.desk.ShowAccount(ctx, x.acts(), subject)
}

func (x *direct) ExportAccounts(ctx context.Context, r account.ExportRequest, w io.Writer) (account.ExportReport, error) {
	return x.desk.ExportAccounts(ctx, x.acts(), r, w)
}

func (x *direct) AskExport(ctx context.Context, log bool, reason string) (*approval.Request, error) {
	o, err := x.desk.AskExport(ctx, x.acts(), log, reason)
	return o.Pending, err
}

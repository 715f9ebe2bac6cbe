package main

import (
	"context"
	"io"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/audit/outside"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/support"
)

// office is where the commands of operators act: beside the database (direct), or through the API of a running Rekey (remote). A command does not
// know which it is, so what it prints is the same.
type office interface {
	Incidents(ctx context.Context) ([]incident.Incident, error)
	Incident(ctx context.Context, slug string) (incident.Incident, error)
	SetIncident(ctx context.Context, c incident.Change) (incident.Incident, error)
	UpdateIncident(ctx context.Context, c incident.UpdateChange) (incident.Incident, error)

	// Clocks gives the deadlines, and those that laws may add.
	Clocks(ctx context.Context, slug string) ([]incident.Clock, []incident.Suggestion, error)
	ChangeClock(ctx context.Context, c incident.ClockChange) (incident.Clock, error)
	Facts(ctx context.Context, slug string) (map[string]incident.Fact, error)
	SetFacts(ctx context.Context, slug string, values map[string]string) error
	Reports(ctx context.Context, slug string) ([]incident.Report, error)
	MakeReport(ctx context.Context, slug string) (incident.Report, error)
	// Report gives one version, byte for byte as it was made.
	Report(ctx context.Context, slug string, version int) ([]byte, error)

	Campaigns(ctx context.Context) ([]campaign.Campaign, error)
	Campaign(ctx context.Context, id int64) (campaign.Campaign, error)
	Status(ctx context.Context, id int64) (campaign.Status, error)
	// Progress is Status by hour and language too.
	Progress(ctx context.Context, id int64) (campaign.Progress, error)
	CreateCampaign(ctx context.Context, r campaign.CreateRequest) (campaign.Campaign, error)
	PrepareCampaign(ctx context.Context, id int64) (campaign.Report, error)
	PreviewCampaign(ctx context.Context, id int64) (campaign.Preview, error)
	SendTestMail(ctx context.Context, id int64, m desk.TestMail) error
	// TestMail gives what SendTestMail sends.
	TestMail(ctx context.Context, id int64, m desk.TestMail) (desk.Mail, error)
	CampaignLines(ctx context.Context, id int64, outcome string, w io.Writer) error
	PlanActivation(ctx context.Context, id int64) (campaign.Preview, error)
	Activate(ctx context.Context, id int64, r campaign.ActivateRequest, reason string) (outcome[campaign.Activated], error)
	PlanReminder(ctx context.Context, id int64, age time.Duration) (campaign.Plan, error)
	RemindCampaign(ctx context.Context, id int64, age time.Duration) (campaign.Reminded, error)
	// PlanOn says what closing, discarding or cancelling would do.
	PlanOn(ctx context.Context, act operator.Act, id int64) (campaign.Plan, error)
	// DoOn pauses, resumes, closes or discards, and gives the campaign as it is then.
	DoOn(ctx context.Context, act operator.Act, id int64) (campaign.Campaign, error)
	CancelCampaign(ctx context.Context, id int64, reason string) (outcome[campaign.Campaign], error)

	Lockdown(ctx context.Context) (campaign.Lockdown, error)
	LockdownOn(ctx context.Context, reason string) (campaign.Lockdown, error)
	LockdownOff(ctx context.Context, reason string) (outcome[campaign.Lockdown], error)

	Approvals(ctx context.Context, state approval.State) ([]approval.Request, error) // "": all states
	Approval(ctx context.Context, id int64) (approval.Request, error)
	Approve(ctx context.Context, id int64, note string) (approval.Request, error)
	Reject(ctx context.Context, id int64, note string) (approval.Request, error)
	Withdraw(ctx context.Context, id int64) (approval.Request, error)

	Operators(ctx context.Context) ([]operator.Operator, error)
	CreateOperator(ctx context.Context, r operator.CreateRequest) (o operator.Operator, link string, err error)
	InviteOperator(ctx context.Context, o operator.Operator) (link string, err error)
	SetRoles(ctx context.Context, o operator.Operator, roles operator.Roles, reason string) (outcome[operator.Operator], error)
	DisableOperator(ctx context.Context, o operator.Operator) (operator.Operator, error)

	Clients(ctx context.Context) ([]client.Client, error)
	CreateClient(ctx context.Context, name, scope string, expires *time.Time) (c client.Client, key string, err error)
	RevokeClient(ctx context.Context, name string) (client.Client, error)

	Keys(ctx context.Context) ([]keyRow, error)
	// RotateKey lets a new key sign; revoke refuses everything that older ones signed.
	RotateKey(ctx context.Context, revoke bool, reason string) (outcome[[]keyRow], error)
	RevokeKey(ctx context.Context, kid, reason string) (outcome[[]keyRow], error)

	// Audit gives a page before the entry with the index, or of the newest, and where the next begins; nil after the last.
	Audit(ctx context.Context, q audit.Query, before *int64) (page []auditRow, next *int64, err error)
	ExportAudit(ctx context.Context, t auditTake, w io.Writer) error
	MakeCheckpoint(ctx context.Context) (audit.Checkpoint, error)
	// Checkpoints gives up to limit, the newest first, and how far each place outside is.
	Checkpoints(ctx context.Context, limit int) ([]audit.Checkpoint, []outside.State, error)
	// ProveInclusion and ProveConsistency prove against the checkpoint over size entries, 0 for the newest.
	ProveInclusion(ctx context.Context, index, size int64) (audit.Inclusion, error)
	ProveConsistency(ctx context.Context, old, size int64) (audit.Consistency, error)

	FindMembers(ctx context.Context, text string) ([]support.Found, error)
	Member(ctx context.Context, id int64) (memberRow, error)
	// SendLink says how long the link waits for the cap of mails to one address.
	SendLink(ctx context.Context, id int64) (time.Duration, error)
	SpeakCode(ctx context.Context, id int64, i support.Identity, reason string) (outcome[support.Code], error)
	// TakeCode shows the code of a request that was approved.
	TakeCode(ctx context.Context, request int64) (support.Code, error)
	MarkAddress(ctx context.Context, id int64, dead bool) error

	ShowAccount(ctx context.Context, subject string) (account.Profile, error)
	ExportAccounts(ctx context.Context, r account.ExportRequest, w io.Writer) (account.ExportReport, error)
	// AskExport asks a second person for an export of the audit log, or else of the accounts; nil where none is needed.
	AskExport(ctx context.Context, log bool, reason string) (*approval.Request, error)
}

// outcome is what came of an act: done, or waiting for a second person.
type outcome[T any] struct {
	Done    T
	Pending *approval.Request // nil: it is done
}

// auditTake is an export of the audit log.
type auditTake struct {
	query  audit.Query
	csv    bool
	detail audit.Detail
	// end gives how far it goes once it is recorded; beside the database alone.
	end func(ctx context.Context) (int64, error)
}

// office opens where this run acts.
func (s *session) office(ctx context.Context) (office, error) {
	if s.remote != nil {
		return s.remote, nil
	}
	return s.beside(ctx)
}

// finish shows what came of an act, or that it waits.
func finish[T any](s *session, o outcome[T], text func(*page, T)) error {
	if o.Pending != nil {
		return s.showPending(*o.Pending)
	}
	return s.show(o.Done, func(p *page) { text(p, o.Done) })
}

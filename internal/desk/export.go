package desk

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Audit gives a page of the log, the newest first, and where the next begins.
func (d *Desk) Audit(ctx context.Context, p operator.Principal, q audit.Query) ([]audit.Entry, int64, error) {
	if err := d.allow(ctx, p, operator.ReadAudit, "audit"); err != nil {
		return nil, 0, err
	}
	return d.o.Log.AuditSearch(ctx, q)
}

// exportTime is how long after the second person's yes who asked may take an export out.
const exportTime = time.Hour

// export takes a whole log, or every new password hash, out. Carrying it out is a permission: who asked downloads within exportTime.
type export struct {
	Log bool `json:"log"` // the audit log, else the accounts
}

func (e *export) act() operator.Act {
	if e.Log {
		return operator.AuditExport
	}
	return operator.AccountExport
}

func (e *export) object() string {
	if e.Log {
		return "audit"
	}
	return "accounts"
}

func (e *export) plan(context.Context, *Desk) (Plan, error) {
	what := "Every password hash that members set here, with its account"
	if e.Log {
		what = "The whole audit log"
	}
	return Plan{
		Text:     fmt.Sprintf("%s can be downloaded by who asks, for %g minutes after the second person's yes.", what, exportTime.Minutes()),
		Accounts: NoAccounts, Basis: basis(e.object()),
	}, nil
}

func (e *export) carry(context.Context, *Desk, audit.Actor) (any, error) { return nil, nil }

// PlanExport is what both people are shown before an export; log means the audit log, else the accounts.
func (d *Desk) PlanExport(ctx context.Context, p operator.Principal, log bool) (Plan, error) {
	return d.show(ctx, p, &export{Log: log})
}

// AskExport asks for an export. Done means that it may be downloaded at once.
func (d *Desk) AskExport(ctx context.Context, p operator.Principal, log bool, reason string) (Outcome, error) {
	return d.run(ctx, p, &export{Log: log}, reason)
}

// mayTake tells whether the principal may download now: one person alone where that is allowed, else with a second person's fresh yes.
func (d *Desk) mayTake(ctx context.Context, p operator.Principal, e *export) (context.Context, error) {
	if err := d.allow(ctx, p, e.act(), e.object()); err != nil {
		return ctx, err
	}
	if p.Kind == audit.KindCLI {
		return ctx, nil
	}
	if d.o.SingleHanded {
		d.loud(ctx, p, e.act(), e.object(), "a download, with REKEY_SINGLE_HANDED")
		return audit.WithDetail(ctx, audit.Detail{"single_handed": true}), nil
	}
	r, err := d.granted(ctx, p, e.act())
	if err != nil {
		return ctx, err
	}
	if r != nil {
		return audit.WithDetail(ctx, audit.Detail{"approval": r.ID, "approved_by": r.Decider}), nil
	}
	return ctx, d.denied(ctx, p, e.act(), e.object(), &problem.Error{Kind: problem.Forbidden, Code: "second_person", Text: "A second person has to approve this export first, within the last hour."})
}

// granted is the request by which the principal may download now, nil if there is none.
func (d *Desk) granted(ctx context.Context, p operator.Principal, a operator.Act) (*approval.Request, error) {
	all, _, err := d.o.Approvals.Page(ctx, approval.Query{State: approval.Approved, Limit: approval.MaxPage})
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Act == a && r.RequestedBy == p.ID && r.DecidedAt != nil && time.Since(*r.DecidedAt) < exportTime {
			return &r, nil
		}
	}
	return nil, nil
}

// ExportUntil is until when the principal may download what they asked for; zero: a second person has to say yes first. A nil error says nothing else.
func (d *Desk) ExportUntil(ctx context.Context, p operator.Principal, log bool) (time.Time, error) {
	e := &export{Log: log}
	if err := d.MayOpen(ctx, p, e.act(), e.object()); err != nil {
		return time.Time{}, err
	}
	r, err := d.granted(ctx, p, e.act())
	if err != nil || r == nil {
		return time.Time{}, err
	}
	return r.DecidedAt.Add(exportTime), nil
}

// ExportAudit writes the whole log, as NDJSON or for a spreadsheet.
func (d *Desk) ExportAudit(ctx context.Context, p operator.Principal, csv bool, w io.Writer) error {
	ctx, err := d.mayTake(ctx, p, &export{Log: true})
	if err != nil {
		return err
	}
	if err := d.o.Log.Record(ctx, audit.New(p.Actor(), audit.AuditExport, "audit", audit.Detail{"csv": csv})); err != nil {
		return err
	}
	entries := d.o.Log.AuditExport(ctx, audit.Query{}, math.MaxInt64)
	if csv {
		return audit.WriteCSV(w, entries)
	}
	return audit.WriteNDJSON(w, entries)
}

// ExportAccounts writes every account.
func (d *Desk) ExportAccounts(ctx context.Context, p operator.Principal, r account.ExportRequest, w io.Writer) (account.ExportReport, error) {
	ctx, err := d.mayTake(ctx, p, &export{})
	if err != nil {
		return account.ExportReport{}, err
	}
	return d.o.Directory.Export(ctx, r, w, p.Actor())
}

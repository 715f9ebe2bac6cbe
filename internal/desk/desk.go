// Package desk is where operators act: every act of the console, the admin API and the command line passes here, once. It promises that nobody acts without
// the role, the fresh factor and the second person that operator.Rules demand, and that each denial leaves an entry in the audit log.
// The web packages and cmd call it.
package desk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/progress"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/support"
)

// Log is the audit log as operators see it.
type Log interface {
	// Record writes entries of acts that change nothing else.
	Record(ctx context.Context, entries ...audit.Entry) error
	// AuditSearch gives a page, the newest first, and where the next begins; 0 after the last.
	AuditSearch(ctx context.Context, q audit.Query) (page []audit.Entry, next int64, err error)
	// AuditEntry finds a sealed entry by its index; NotFound.
	AuditEntry(ctx context.Context, index int64) (audit.Entry, error)
	// AuditExport gives what the query picks, in order, up to the entry with the id end.
	AuditExport(ctx context.Context, q audit.Query, end int64) iter.Seq2[audit.Entry, error]
}

// Options make a Desk. All parts are required but Support, Records, Progress, SendTestMail, WriteTestMail, Alarm and Logger.
type Options struct {
	Campaigns *campaign.Campaigns
	Incidents incident.Store
	Clients   client.Store
	Keys      *reset.Keys
	Approvals *approval.Approvals
	People    *operator.People
	Directory *account.Directory
	Log       Log
	Support   *support.Service // helps single members; nil: not from here
	Records   *Records         // deadlines, facts, reports, proofs; nil: not from here
	// Progress counts a campaign by hour and language; nil: not from here.
	Progress func(ctx context.Context, id int64) (campaign.Progress, error)

	Above          int64         // acts on more accounts than this need a second person; 0: all do
	SecondForCodes bool          // spoken codes need a second person too
	SingleHanded   bool          // one person may do it alone: loud, and named in the audit log
	Life           time.Duration // how long a request for a second person can be decided; default 4 h
	// SendTestMail hands a mail of a campaign to the mail server; nil: none can be sent.
	SendTestMail func(ctx context.Context, k campaign.Campaign, i incident.Incident, m TestMail) error
	// WriteTestMail writes what SendTestMail sends; nil: none can be shown.
	WriteTestMail func(k campaign.Campaign, i incident.Incident, m TestMail) (Mail, error)
	// Alarm tells every operator of an act that one person did alone. It must not block for long, and its failure stops nothing.
	Alarm  func(ctx context.Context, text string) error
	Logger *slog.Logger
}

// Desk carries out what operators ask for.
type Desk struct {
	o      Options
	log    *slog.Logger
	counts *progress.Watchers // of Options.Progress
}

// New checks that nothing is missing.
func New(o Options) (*Desk, error) {
	if o.Campaigns == nil || o.Incidents == nil || o.Clients == nil || o.Keys == nil || o.Approvals == nil || o.People == nil || o.Directory == nil || o.Log == nil {
		return nil, errors.New("desk: parts are missing")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Desk{o: o, log: o.Logger, counts: progress.NewWatchers(o.Progress)}, nil
}

// allow refuses a principal without the role, or without a fresh factor where the act needs one. The refusal is recorded; if that fails, so does the act.
func (d *Desk) allow(ctx context.Context, p operator.Principal, a operator.Act, object string) error {
	return d.denied(ctx, p, a, object, p.May(a, time.Now()))
}

func (d *Desk) denied(ctx context.Context, p operator.Principal, a operator.Act, object string, err error) error {
	if err == nil {
		return nil
	}
	if recording := d.o.Log.Record(context.WithoutCancel(ctx), operator.Denied(p, a, object, err)); recording != nil {
		return problem.Wrap(problem.Unavailable, "The act was refused, and that could not be recorded.", errors.Join(err, recording))
	}
	return err
}

// loud tells everybody of what one person did alone.
func (d *Desk) loud(ctx context.Context, p operator.Principal, a operator.Act, object, reason string) {
	d.log.WarnContext(ctx, "one person acted alone", "actor", p.Actor().String(), "act", string(a), "object", object)
	if d.o.Alarm == nil {
		return
	}
	text := fmt.Sprintf("%s did %s on %s without a second person. Reason given: %s", p.Actor(), a, object, reason)
	if err := d.o.Alarm(context.WithoutCancel(ctx), text); err != nil {
		d.log.ErrorContext(ctx, "operators could not be told that one person acted alone", "error", err)
	}
}

// MayOpen tells whether a principal's role covers a route at all, for whoever does it or may ask for it; the act itself is judged when it is done.
func (d *Desk) MayOpen(ctx context.Context, p operator.Principal, a operator.Act, path string) error {
	err := p.MayAsk(a, time.Now())
	if p := (*problem.Error)(nil); errors.As(err, &p) && p.Code == operator.NeedsFresh {
		return nil
	}
	return d.denied(ctx, p, a, path, err)
}

// MayDo is MayOpen for what acts: where the act needs a fresh factor, so does its route.
func (d *Desk) MayDo(ctx context.Context, p operator.Principal, a operator.Act, path string) error {
	return d.denied(ctx, p, a, path, p.MayAsk(a, time.Now()))
}

package desk

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// Records are what deadlines, facts, reports and the sealed log are read from and kept in.
type Records struct {
	File    incident.File
	Reports incident.Reports
	Mails   Mails
	Seals   Seals
	// Verifiers gives the verifier keys of the audit log's checkpoints, newest first.
	Verifiers func(ctx context.Context) ([]string, error)
	// Sign signs how far the audit log goes now; nil: not from here.
	Sign func(ctx context.Context) (audit.Checkpoint, error)
	// Page writes a report as a page that stands alone.
	Page func(Evidence) ([]byte, error)
}

// Mails counts what went out.
type Mails interface {
	MailProof(ctx context.Context, id int64, sample int) (campaign.MailProof, error)
}

// Seals are the proofs of the audit log.
type Seals interface {
	Heads
	AuditByID(ctx context.Context, id int64) (audit.Entry, error)
	ProveEntry(ctx context.Context, e audit.Entry, c audit.Checkpoint) (audit.Inclusion, error)
	// ProveBeginning proves that the log of c begins with its first size entries as they are.
	ProveBeginning(ctx context.Context, size int64, c audit.Checkpoint) (audit.Consistency, error)
}

// recorded judges an act on the records.
func (d *Desk) recorded(ctx context.Context, p operator.Principal, a operator.Act, object string) (*Records, error) {
	if err := d.allow(ctx, p, a, object); err != nil {
		return nil, err
	}
	if d.o.Records == nil {
		return nil, errNotHere
	}
	return d.o.Records, nil
}

// Clocks gives the deadlines of an incident, the next due first, met ones last.
func (d *Desk) Clocks(ctx context.Context, p operator.Principal, slug string) ([]incident.Clock, error) {
	r, err := d.recorded(ctx, p, operator.ReadIncidents, incident.Object(slug))
	if err != nil {
		return nil, err
	}
	return r.File.Clocks(ctx, slug)
}

// DueClocks gives up to limit deadlines of all incidents that run and are due before a moment, the next due first. Where deadlines are not from here there are none.
func (d *Desk) DueClocks(ctx context.Context, p operator.Principal, before time.Time, limit int) ([]incident.DueClock, error) {
	if err := d.allow(ctx, p, operator.ReadIncidents, "incidents"); err != nil || d.o.Records == nil {
		return nil, err
	}
	return d.o.Records.File.DueClocks(ctx, before, limit)
}

// ChangeClock adds a deadline, changes one, or marks it met.
func (d *Desk) ChangeClock(ctx context.Context, p operator.Principal, c incident.ClockChange) (incident.Clock, error) {
	r, err := d.recorded(ctx, p, operator.IncidentClock, incident.Object(c.Slug))
	if err != nil {
		return incident.Clock{}, err
	}
	return incident.ChangeClock(ctx, r.File, c, p.Actor())
}

// Facts gives the fields of the evidence report that were written.
func (d *Desk) Facts(ctx context.Context, p operator.Principal, slug string) (map[string]incident.Fact, error) {
	r, err := d.recorded(ctx, p, operator.ReadIncidents, incident.Object(slug))
	if err != nil {
		return nil, err
	}
	return r.File.Facts(ctx, slug)
}

// SetFacts writes fields of the evidence report.
func (d *Desk) SetFacts(ctx context.Context, p operator.Principal, slug string, values map[string]string) error {
	r, err := d.recorded(ctx, p, operator.IncidentFact, incident.Object(slug))
	if err != nil {
		return err
	}
	return incident.SetFacts(ctx, r.File, slug, values, p.Actor())
}

package desk

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Evidence is all that a report on an incident says, as it was when it was made.
type Evidence struct {
	Version    int
	MadeAt     time.Time
	MadeBy     string
	Incident   incident.Incident
	Facts      []StatedFact
	Clocks     []incident.Clock
	Campaigns  []CampaignEvidence // oldest first
	Timeline   []audit.Entry      // oldest first
	Cut        bool               // there is more than maxTimeline
	Checkpoint audit.Checkpoint   // the newest; zero: none yet
	Proven     int                // entries of the timeline that the checkpoint speaks for
	Verifiers  []string           // of the checkpoint, newest first
}

// StatedFact is a field of the report with what was written into it.
type StatedFact struct {
	incident.Field
	incident.Fact
}

// CampaignEvidence is a campaign with its counts.
type CampaignEvidence struct {
	campaign.Campaign
	Status campaign.Status // counts only of a campaign that came into force
	Mails  campaign.MailProof
}

// Bounds of a report: entries of its timeline, and digests of Message-IDs for each campaign.
const (
	maxTimeline   = 5000
	messageSample = 10
)

// MakeReport keeps a new version of the evidence report on an incident.
func (d *Desk) MakeReport(ctx context.Context, p operator.Principal, slug string) (incident.Report, error) {
	r, err := d.recorded(ctx, p, operator.ReportMake, incident.Object(slug))
	if err != nil {
		return incident.Report{}, err
	}
	e, err := d.gather(ctx, r, slug)
	if err != nil {
		return incident.Report{}, err
	}
	e.MadeBy = p.Actor().String()
	return incident.MakeReport(ctx, r.Reports, slug, func(version int, at time.Time) ([]byte, error) {
		e.Version, e.MadeAt = version, at
		return r.Page(e)
	}, p.Actor())
}

// Reports lists the versions of an incident's report, the newest first.
func (d *Desk) Reports(ctx context.Context, p operator.Principal, slug string) ([]incident.Report, error) {
	r, err := d.recorded(ctx, p, operator.ReadReports, incident.Object(slug))
	if err != nil {
		return nil, err
	}
	return r.Reports.Reports(ctx, slug)
}

// Report gives one version, byte for byte as it was made.
func (d *Desk) Report(ctx context.Context, p operator.Principal, slug string, version int) (incident.Report, []byte, error) {
	r, err := d.recorded(ctx, p, operator.ReadReports, incident.Object(slug))
	if err != nil {
		return incident.Report{}, nil, err
	}
	return incident.ReadReport(ctx, r.Reports, slug, version)
}

func (d *Desk) gather(ctx context.Context, r *Records, slug string) (e Evidence, err error) {
	if e.Incident, err = incident.Show(ctx, d.o.Incidents, slug); err != nil {
		return e, err
	}
	if e.Clocks, err = r.File.Clocks(ctx, slug); err != nil {
		return e, err
	}
	facts, err := r.File.Facts(ctx, slug)
	if err != nil {
		return e, err
	}
	for _, f := range incident.Fields() {
		e.Facts = append(e.Facts, StatedFact{f, facts[f.Name]})
	}
	if e.Campaigns, err = d.campaignsOf(ctx, r, slug); err != nil {
		return e, err
	}
	if e.Checkpoint, err = r.Seals.LastCheckpoint(ctx); err != nil { // before the entries: it may only be older
		return e, err
	}
	if e.Verifiers, err = r.Verifiers(ctx); err != nil {
		return e, err
	}
	if e.Timeline, e.Cut, err = d.timeline(ctx, e); err != nil {
		return e, err
	}
	for _, entry := range e.Timeline {
		if entry.Index != nil && *entry.Index < e.Checkpoint.Head.Size {
			e.Proven++
		}
	}
	return e, nil
}

func (d *Desk) campaignsOf(ctx context.Context, r *Records, slug string) ([]CampaignEvidence, error) {
	all, err := d.o.Campaigns.List(ctx)
	if err != nil {
		return nil, err
	}
	var list []CampaignEvidence
	for _, k := range slices.Backward(all) {
		if k.Incident != slug {
			continue
		}
		one := CampaignEvidence{Campaign: k}
		if k.ActivatedAt != nil {
			if one.Status, err = d.o.Campaigns.Status(ctx, k.ID); err != nil {
				return nil, err
			}
			if one.Mails, err = r.Mails.MailProof(ctx, k.ID, messageSample); err != nil {
				return nil, err
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// timeline is what the audit log has on the incident, its campaigns, the requests for a second person about them, and lockdowns since it was found.
func (d *Desk) timeline(ctx context.Context, e Evidence) (all []audit.Entry, cut bool, err error) {
	since := e.Incident.CreatedAt
	if found := e.Incident.FoundAt; found != nil && found.Before(since) {
		since = *found
	}
	queries := []audit.Query{{Object: incident.Object(e.Incident.Slug)}, {Object: "lockdown", Since: since}}
	for _, k := range e.Campaigns {
		queries = append(queries, audit.Query{Object: campaign.Object(k.ID)})
	}
	requests := map[string]bool{}
	for len(queries) > 0 && !cut {
		q := queries[0]
		queries = queries[1:]
		for entry, err := range d.o.Log.AuditExport(ctx, q, math.MaxInt64) {
			if err != nil {
				return nil, false, fmt.Errorf("reading the timeline of an incident: %w", err)
			}
			if cut = len(all) == maxTimeline; cut {
				break
			}
			all = append(all, entry)
			if object := requestOf(entry); object != "" && !requests[object] {
				requests[object] = true
				queries = append(queries, audit.Query{Object: object})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b audit.Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return all, cut, nil
}

// requestOf is the object of the request that an entry asks for, "" for another entry.
func requestOf(e audit.Entry) string {
	if e.Action != audit.ApprovalAsk || e.Detail["approval"] == nil {
		return ""
	}
	return fmt.Sprintf("approval:%v", e.Detail["approval"])
}

// ProvenEntry is an entry of the audit log with the proof that it stands in the log of a checkpoint.
type ProvenEntry struct {
	audit.Entry
	Proof      *audit.Inclusion // nil: no checkpoint speaks for it yet
	Checkpoint audit.Checkpoint // the newest; zero: none yet
	Verifiers  []string
}

// AuditEntry gives one entry by its number, with the proof. An entry that does not lead to the checkpoint's root is an error: the log was changed.
func (d *Desk) AuditEntry(ctx context.Context, p operator.Principal, id int64) (e ProvenEntry, err error) {
	r, err := d.recorded(ctx, p, operator.ReadAudit, "audit")
	if err != nil {
		return e, err
	}
	if e.Checkpoint, err = r.Seals.LastCheckpoint(ctx); err != nil {
		return e, err
	}
	if e.Entry, err = r.Seals.AuditByID(ctx, id); err != nil {
		return e, err
	}
	if e.Verifiers, err = r.Verifiers(ctx); err != nil {
		return e, err
	}
	if e.Checkpoint.IsZero() {
		return e, nil
	}
	proof, err := r.Seals.ProveEntry(ctx, e.Entry, e.Checkpoint)
	if problem.Is(err, problem.Conflict) {
		return e, nil
	}
	if err != nil {
		return e, err
	}
	e.Proof = &proof
	return e, nil
}

// AuditEntryAt is AuditEntry by the index in the sealed log. NotFound.
func (d *Desk) AuditEntryAt(ctx context.Context, p operator.Principal, index int64) (ProvenEntry, error) {
	if _, err := d.recorded(ctx, p, operator.ReadAudit, "audit"); err != nil {
		return ProvenEntry{}, err
	}
	e, err := d.o.Log.AuditEntry(ctx, index)
	if err != nil {
		return ProvenEntry{}, err
	}
	return d.AuditEntry(ctx, p, e.ID)
}

// maxCheckpoints is how many of them a page lists.
const maxCheckpoints = 50

// Checkpoints gives signed heads of the audit log with numbers below before, 0 for the newest, and the keys to verify them.
func (d *Desk) Checkpoints(ctx context.Context, p operator.Principal, before int64) ([]audit.Checkpoint, []string, error) {
	r, err := d.recorded(ctx, p, operator.ReadAudit, "audit")
	if err != nil {
		return nil, nil, err
	}
	all, err := r.Seals.Checkpoints(ctx, before, maxCheckpoints)
	if err != nil {
		return nil, nil, err
	}
	keys, err := r.Verifiers(ctx)
	return all, keys, err
}

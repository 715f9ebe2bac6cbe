package desk

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/audit/outside"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Heads are the signed heads of the audit log.
type Heads interface {
	LastCheckpoint(ctx context.Context) (audit.Checkpoint, error)
	// CheckpointOf is the newest over exactly size entries, or the zero one.
	CheckpointOf(ctx context.Context, size int64) (audit.Checkpoint, error)
	Checkpoints(ctx context.Context, before int64, limit int) ([]audit.Checkpoint, error)
	// Outside says how far each place is that checkpoints are sent to.
	Outside(ctx context.Context) ([]outside.State, error)
}

var (
	errNoCheckpoint = &problem.Error{Kind: problem.Conflict, Code: "no_checkpoint", Text: "No checkpoint speaks for this yet. `rekey audit checkpoint` makes one of the log as it is."}
	errNotKept      = problem.New(problem.NotFound, "No checkpoint over so many entries was kept. `rekey audit checkpoint --list` shows those that were.")
)

// MakeCheckpoint signs how far the audit log goes now, or gives the newest checkpoint where that says it already. Errors: Conflict while nothing is sealed.
func (d *Desk) MakeCheckpoint(ctx context.Context, p operator.Principal) (audit.Checkpoint, error) {
	r, err := d.recorded(ctx, p, operator.ReadAudit, "audit")
	if err != nil {
		return audit.Checkpoint{}, err
	}
	if r.Sign == nil {
		return audit.Checkpoint{}, errNotHere
	}
	return r.Sign(ctx)
}

// CheckpointPlaces says how far each place outside is, by name.
func (d *Desk) CheckpointPlaces(ctx context.Context, p operator.Principal) ([]outside.State, error) {
	r, err := d.recorded(ctx, p, operator.ReadAudit, "audit")
	if err != nil {
		return nil, err
	}
	return r.Seals.Outside(ctx)
}

// ProveInclusion proves that the entry with an index stands in the log of the checkpoint over size entries, 0 for the newest.
// Errors: NotFound, Conflict where that does not speak for the entry, *audit.Tampered.
func (d *Desk) ProveInclusion(ctx context.Context, p operator.Principal, index, size int64) (audit.Inclusion, error) {
	r, c, err := d.checkpointOver(ctx, p, size)
	if err != nil {
		return audit.Inclusion{}, err
	}
	e, err := d.o.Log.AuditEntry(ctx, index)
	if err != nil {
		return audit.Inclusion{}, err
	}
	if c.IsZero() || index >= c.Head.Size {
		return audit.Inclusion{}, errNoCheckpoint
	}
	return r.Seals.ProveEntry(ctx, e, c)
}

// ProveConsistency proves that the log of the checkpoint over size entries, 0 for the newest, begins with its first old entries as they were.
// Errors: NotFound, Conflict without a checkpoint, Invalid for a size that the log has not, *audit.Tampered.
func (d *Desk) ProveConsistency(ctx context.Context, p operator.Principal, old, size int64) (audit.Consistency, error) {
	r, c, err := d.checkpointOver(ctx, p, size)
	if err != nil {
		return audit.Consistency{}, err
	}
	if c.IsZero() {
		return audit.Consistency{}, errNoCheckpoint
	}
	return r.Seals.ProveBeginning(ctx, old, c)
}

// checkpointOver judges the look, and finds what to prove against; the zero checkpoint if there is none at all.
func (d *Desk) checkpointOver(ctx context.Context, p operator.Principal, size int64) (r *Records, c audit.Checkpoint, err error) {
	if r, err = d.recorded(ctx, p, operator.ReadAudit, "audit"); err != nil {
		return nil, c, err
	}
	if size == 0 {
		c, err = r.Seals.LastCheckpoint(ctx)
		return r, c, err
	}
	if c, err = r.Seals.CheckpointOf(ctx, size); err == nil && c.IsZero() {
		err = errNotKept
	}
	return r, c, err
}

// KeptCheckpoints gives up to limit signed heads, the newest first, without the keys to verify them.
func (d *Desk) KeptCheckpoints(ctx context.Context, p operator.Principal, limit int) ([]audit.Checkpoint, error) {
	r, err := d.recorded(ctx, p, operator.ReadAudit, "audit")
	if err != nil {
		return nil, err
	}
	return r.Seals.Checkpoints(ctx, 0, limit)
}

package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/audit/outside"
)

func (x *direct) MakeCheckpoint(ctx context.Context) (audit.Checkpoint, error) {
	return x.desk.MakeCheckpoint(ctx, x.acts())
}

func (x *direct) Checkpoints(ctx context.Context, limit int) ([]audit.Checkpoint, []outside.State, error) {
	kept, err := x.desk.KeptCheckpoints(ctx, x.looks(), limit)
	if err != nil {
		return nil, nil, err
	}
	places, err := x.desk.CheckpointPlaces(ctx, x.looks())
	return kept, places, err
}

func (x *direct) ProveInclusion(ctx context.Context, index, size int64) (audit.Inclusion, error) {
	return x.desk.ProveInclusion(ctx, x.looks(), index, size)
}

func (x *direct) ProveConsistency(ctx context.Context, old, size int64) (audit.Consistency, error) {
	return x.desk.ProveConsistency(ctx, x.looks(), old, size)
}

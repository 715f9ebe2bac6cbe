package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
)

type auditProveCmd struct {
	Index       *int64 `arg:"" optional:"" placeholder:"INDEX" help:"The entry, by its index."`
	Size        int64  `placeholder:"N" help:"Against the checkpoint that was kept over exactly N entries; unless given, the newest."`
	Consistency int64  `placeholder:"OLD" help:"Prove instead that the first OLD entries are what they were: for whoever has a checkpoint or head of that size."`
}

func (auditProveCmd) Help() string {
	return `Prints JSON with everything that is needed to verify it without this database: the record, the hashes and the signed checkpoint. verify --proof-file does, and so can any program that knows RFC 6962 and C2SP signed notes.

Examples:

    rekey audit prove 1041 > entry-1041.json
    rekey audit prove --consistency 800
    rekey audit verify --proof-file entry-1041.json --key reset.example.org/audit+3ed6c2a1+AQ5h…`
}

func (c *auditProveCmd) Run(ctx context.Context, s *session) error {
	if (c.Index == nil) == (c.Consistency == 0) {
		return usagef("INDEX: give an entry's index, or --consistency")
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	signed, err := db.LastCheckpoint(ctx)
	if c.Size != 0 {
		signed, err = db.CheckpointOf(ctx, c.Size)
	}
	if err == nil && signed.IsZero() {
		err = problem.New(problem.NotFound, "There is no such checkpoint; `rekey audit checkpoint` makes one of the log as it is, and --list shows those that were kept.")
	}
	if err != nil {
		return err
	}
	if c.Index == nil {
		return c.consistency(ctx, s, db, signed)
	}
	e, err := db.AuditEntry(ctx, *c.Index)
	if err != nil {
		return err
	}
	proof, err := audit.ProveInclusion(db.AuditHashes(ctx), e, signed)
	if err != nil {
		return err
	}
	return writeJSON(s.stdout, proof)
}

func (c *auditProveCmd) consistency(ctx context.Context, s *session, db *store.Store, signed audit.Checkpoint) error {
	old, err := db.CheckpointOf(ctx, c.Consistency)
	if err != nil {
		return err
	}
	if old.IsZero() && c.Consistency > 0 && c.Consistency <= signed.Head.Size {
		if old.Head, err = audit.RootAt(db.AuditHashes(ctx), c.Consistency); err != nil {
			return err
		}
	}
	proof, err := audit.ProveConsistency(db.AuditHashes(ctx), old, signed)
	if err != nil {
		return err
	}
	return writeJSON(s.stdout, proof)
}

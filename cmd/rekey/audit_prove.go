package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/operator"
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
    rekey audit prove 1041 --server https://rekey-admin.example.org > entry-1041.json
    rekey audit verify --proof-file entry-1041.json --key reset.example.org/audit+3ed6c2a1+AQ5h…`
}

func (*auditProveCmd) deed() deed { return reads(operator.ReadAudit) }

func (c *auditProveCmd) Run(ctx context.Context, s *session) error {
	switch {
	case (c.Index == nil) == (c.Consistency == 0):
		return usagef("INDEX: give an entry's index, or --consistency")
	case c.Index != nil && *c.Index < 0 || c.Size < 0 || c.Consistency < 0:
		return usagef("INDEX, --size and --consistency: 0 or more")
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if c.Index == nil {
		proof, err := o.ProveConsistency(ctx, c.Consistency, c.Size)
		if err != nil {
			return err
		}
		return writeJSON(s.stdout, proof)
	}
	proof, err := o.ProveInclusion(ctx, *c.Index, c.Size)
	if err != nil {
		return err
	}
	return writeJSON(s.stdout, proof)
}

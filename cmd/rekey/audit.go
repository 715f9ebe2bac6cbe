package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Recompute the sealed log."`
	List   auditListCmd   `cmd:"" help:"Show the newest entries."`
	Export auditExportCmd `cmd:"" help:"Write all entries out."`
}

type auditVerifyCmd struct {
	Head []string `placeholder:"HEAD" help:"A head that was noted down earlier, as this command prints it; may be repeated."`
}

func (auditVerifyCmd) Help() string {
	return `Recomputes every hash of the Merkle log from the entries. Whoever can rewrite the whole database is found out only by a head that was noted down elsewhere: keep what this prints, and give it next time.

Example:

    rekey audit verify --head 1042:nkQaF782AoM6PfRHSvQ6yPkRPpM39W7/UTXlxv5eYcE=`
}

// verified is the result of verify.
type verified struct {
	OK       bool   `json:"ok"`
	Entries  int64  `json:"entries"`
	Head     string `json:"head"`
	Unsealed int64  `json:"unsealed"`
}

func (c *auditVerifyCmd) Run(ctx context.Context, s *session) error {
	noted, err := parseHeads(c.Head)
	if err != nil {
		return err
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	log, err := db.AuditLog(ctx)
	if err != nil {
		return err
	}
	broken := audit.Verify(log, noted...)
	var tampered *audit.Tampered
	if broken != nil && !errors.As(broken, &tampered) {
		return broken
	}
	unsealed, err := db.AuditUnsealed(ctx)
	if err != nil {
		return err
	}
	entry := audit.New(s.actor(), audit.AuditVerify, "audit", audit.Detail{"ok": broken == nil, "head": log.Head.String()})
	if err := errors.Join(broken, db.Record(ctx, entry)); err != nil {
		return err
	}
	v := verified{OK: true, Entries: log.Head.Size, Head: log.Head.String(), Unsealed: unsealed}
	return s.show(v, func(p *page) {
		p.line("%d entries are as they were sealed; %d wait to be sealed.", v.Entries, v.Unsealed)
		p.row("head", v.Head)
	})
}

func parseHeads(texts []string) ([]audit.Head, error) {
	var heads []audit.Head
	for _, t := range texts {
		h, err := audit.ParseHead(t)
		if err != nil {
			return nil, usagef("--head: %w", err)
		}
		heads = append(heads, h)
	}
	return heads, nil
}

type auditListCmd struct {
	Limit  int    `default:"50" placeholder:"N" help:"How many."`
	Action string `placeholder:"ACTION" help:"Only this action, as campaign.activate, or a noun's, as campaign."`
}

func (auditListCmd) Help() string {
	return `In the order they were made, the newest last; refused acts too. For all of them, or for a machine, use export.

Examples:

    rekey audit list
    rekey audit list --action campaign --limit 20`
}

// auditRow is an entry as programs read it.
type auditRow struct {
	Index   *int64       `json:"index"`
	At      time.Time    `json:"at"`
	Actor   string       `json:"actor"`
	Action  string       `json:"action"`
	Object  string       `json:"object"`
	Outcome string       `json:"outcome"`
	Detail  audit.Detail `json:"detail"`
}

func (c *auditListCmd) Run(ctx context.Context, s *session) error {
	if c.Limit < 1 || c.Limit > 10_000 {
		return usagef("--limit: must be 1 to 10000")
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	newest, err := c.newest(db.AuditEntries(ctx, 0))
	if err != nil {
		return err
	}
	rows := make([]auditRow, 0, len(newest))
	for _, e := range newest {
		rows = append(rows, auditRow{e.Index, e.At, e.Actor.String(), string(e.Action), e.Object, e.Outcome, e.Detail})
	}
	return s.show(map[string]any{"entries": rows}, func(p *page) {
		p.row("AT", "ACTOR", "ACTION", "OBJECT", "OUTCOME")
		for _, r := range rows {
			p.row(r.At, r.Actor, r.Action, r.Object, r.Outcome)
		}
	})
}

// newest keeps the last entries that match, in their order.
func (c *auditListCmd) newest(entries iter.Seq2[audit.Entry, error]) ([]audit.Entry, error) {
	var kept []audit.Entry
	for e, err := range entries {
		if err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		if !c.wants(string(e.Action)) {
			continue
		}
		if kept = append(kept, e); len(kept) >= 2*c.Limit {
			kept = append(kept[:0], kept[len(kept)-c.Limit:]...)
		}
	}
	return kept[max(0, len(kept)-c.Limit):], nil
}

func (c *auditListCmd) wants(action string) bool {
	return c.Action == "" || action == c.Action || len(action) > len(c.Action) && action[:len(c.Action)+1] == c.Action+"."
}

type auditExportCmd struct {
	Format string `enum:"csv,ndjson" default:"ndjson" placeholder:"csv|ndjson" help:"ndjson can be checked against a head without Rekey; csv is for a spreadsheet."`
	Output string `placeholder:"FILE" help:"A new file, for its owner alone. Unless given: standard output."`
}

func (auditExportCmd) Help() string {
	return `Writes all entries in the order they were made. Each NDJSON line has the index in the sealed log, the RFC 6962 leaf hash and the record that was hashed.

Example:

    rekey audit export --output audit.ndjson`
}

func (c *auditExportCmd) Run(ctx context.Context, s *session) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	if err := db.Record(ctx, audit.New(s.actor(), audit.AuditExport, "audit", audit.Detail{"format": c.Format})); err != nil {
		return err
	}
	write := audit.WriteNDJSON
	if c.Format == "csv" {
		write = audit.WriteCSV
	}
	return s.sink(c.Output, func(w io.Writer) error { return write(w, db.AuditEntries(ctx, 0)) })
}

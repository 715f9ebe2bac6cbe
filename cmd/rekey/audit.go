package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Recompute the sealed log, in the database or from an export."`
	List       auditListCmd       `cmd:"" help:"Show the newest entries, or those before an entry."`
	Export     auditExportCmd     `cmd:"" help:"Write the log out, whole or filtered."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Sign how far the log goes, and print it."`
	Key        auditKeyCmd        `cmd:"" help:"Print the key that checkpoints are verified with."`
	Prove      auditProveCmd      `cmd:"" help:"Prove that an entry is in the log, or that an older log is its beginning."`
}

// auditFilter picks entries.
type auditFilter struct {
	Since   string `placeholder:"TIME" help:"Made at this time or later."`
	Until   string `placeholder:"TIME" help:"Made before this time."`
	Actor   string `placeholder:"WHO" help:"Done by operator:ann, by one kind of actor as operator, or by whoever has this name."`
	Action  string `placeholder:"ACTION" help:"Only this action, as campaign.activate, or a noun's, as campaign."`
	Object  string `placeholder:"OBJECT" help:"Done to this, as campaign:7; with a star at its end, to whatever begins so."`
	Outcome string `placeholder:"OUTCOME" help:"done or refused."`
}

func (f auditFilter) query() (audit.Query, error) {
	q := audit.Query{Actor: f.Actor, Action: f.Action, Object: f.Object, Outcome: f.Outcome}
	if f.Outcome != "" && f.Outcome != audit.Done && f.Outcome != audit.Refused {
		return q, usagef("--outcome: must be done or refused")
	}
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{{"since", f.Since, &q.Since}, {"until", f.Until, &q.Until}} {
		t, err := parseTime(bound.flag, bound.text)
		if err != nil {
			return q, err
		}
		if t != nil {
			*bound.to = *t
		}
	}
	return q, nil
}

type auditListCmd struct {
	Limit       int    `default:"50" placeholder:"N" help:"How many, up to 1000."`
	Before      *int64 `placeholder:"INDEX" help:"Older than the entry with this index: the next page."`
	auditFilter `embed:""`
}

func (auditListCmd) Help() string {
	return `Newest first, refused acts too. What it costs does not depend on how long the log is. For all entries, or for a machine, use export.

Examples:

    rekey audit list
    rekey audit list --action campaign --limit 20
    rekey audit list --object account:t-003 --until 2011-06-18
    rekey audit list --before 1042`
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

func (*auditListCmd) deed() deed { return reads(operator.ReadAudit) }

func (c *auditListCmd) Run(ctx context.Context, s *session) error {
	if c.Limit < 1 || c.Limit > audit.MaxPage {
		return usagef("--limit: must be 1 to %d", audit.MaxPage)
	}
	q, err := c.query()
	if err != nil {
		return err
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	q.Limit = c.Limit
	rows, next, err := o.Audit(ctx, q, c.Before)
	if err != nil {
		return err
	}
	return s.show(map[string]any{"entries": rows, "next": next}, func(p *page) {
		p.row("INDEX", "AT", "ACTOR", "ACTION", "OBJECT", "OUTCOME")
		for _, r := range rows {
			p.row(r.Index, r.At, r.Actor, r.Action, r.Object, r.Outcome)
		}
		if next != nil {
			p.line("There are older ones: --before %d", *next)
		}
	})
}

// seal seals what waits, so that what is shown next has its index. A log that cannot be sealed can still be read.
func (s *session) seal(ctx context.Context, db *store.Store) { sealLog(ctx, db, s.logger) }

func sealLog(ctx context.Context, db *store.Store, logger *slog.Logger) {
	if _, err := audit.NewSequencer(db, logger).SealOnce(ctx); err != nil {
		logger.WarnContext(ctx, "audit entries wait unsealed", "error", err)
	}
}

type auditExportCmd struct {
	Format      string `enum:"csv,ndjson" default:"ndjson" placeholder:"csv|ndjson" help:"ndjson can be verified without a database; csv is for a spreadsheet."`
	Output      string `placeholder:"FILE" help:"A new file, for its owner alone. Unless given: standard output."`
	Reason      string `placeholder:"TEXT" help:"With --server: ask a second person for it, and say why. Once they approved, export without it, within an hour."`
	Checkpoint  string `placeholder:"FILE" help:"Also sign a checkpoint that speaks for exactly this export, into this new file."`
	auditFilter `embed:""`
}

func (auditExportCmd) Help() string {
	return `Writes sealed entries in the order of their index, in constant memory. Each NDJSON line has the index, the RFC 6962 leaf hash and the record that was hashed. With all entries in it, it can be verified offline against a checkpoint: see verify --export.

Examples:

    rekey audit export --output audit.ndjson --checkpoint audit.checkpoint
    rekey audit export --format csv --action campaign --since 2011-06-01 --output campaigns.csv`
}

func (*auditExportCmd) deed() deed { return reads(operator.AuditExport) }

func (c *auditExportCmd) Run(ctx context.Context, s *session) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	if c.Checkpoint != "" && !q.IsAll() {
		return usagef("--checkpoint: speaks for whole exports, not for filtered ones")
	}
	if c.Checkpoint != "" && s.remote != nil {
		return usagef("--checkpoint: works beside the database, without --server; the server sends its own checkpoints outside")
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if c.Reason != "" && s.remote != nil {
		return s.askExport(ctx, o, true, c.Reason)
	}
	take := auditTake{query: q, csv: c.Format == "csv", detail: c.detail(), end: func(ctx context.Context) (int64, error) { return c.end(ctx, s) }}
	return s.sink(c.Output, func(w io.Writer) error { return o.ExportAudit(ctx, take, w) })
}

// askExport asks a second person for an export.
func (s *session) askExport(ctx context.Context, o office, log bool, reason string) error {
	pending, err := o.AskExport(ctx, log, reason)
	if err != nil {
		return err
	}
	if pending != nil {
		return s.showPending(*pending)
	}
	return s.show(map[string]any{"granted": true}, func(p *page) { p.line("No second person is needed: export without --reason.") })
}

// end seals what was recorded, the export itself too, and says how far the log goes then.
func (c *auditExportCmd) end(ctx context.Context, s *session) (int64, error) {
	s.seal(ctx, s.opened)
	head, err := s.opened.AuditHead(ctx)
	if err != nil || c.Checkpoint == "" {
		return head.Size, err
	}
	signed, err := s.sign(ctx, s.opened)
	if err != nil {
		return 0, err
	}
	return signed.Head.Size, s.sink(c.Checkpoint, func(w io.Writer) error { _, err := io.WriteString(w, signed.Note); return err })
}

func (c *auditExportCmd) detail() audit.Detail {
	d := audit.Detail{"format": c.Format}
	for name, value := range map[string]string{"since": c.Since, "until": c.Until, "actor": c.Actor, "action": c.Action, "object": c.Object, "outcome": c.Outcome} {
		if value != "" {
			d[name] = value
		}
	}
	return d
}

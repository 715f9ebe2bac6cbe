package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
)

// sign makes a checkpoint of the log as it is sealed now, and the key if there is none, or gives the newest if it says it all.
func (s *session) sign(ctx context.Context, db *store.Store) (audit.Checkpoint, error) {
	keys, err := s.auditKeys(db)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	if _, err := keys.Ensure(ctx, s.settings.AuditOrigin, s.actor()); err != nil {
		return audit.Checkpoint{}, err
	}
	return signLog(ctx, db, keys, s.logger)
}

// signLog seals what waits and signs how far the log goes then.
func signLog(ctx context.Context, db *store.Store, keys *audit.Keys, logger *slog.Logger) (audit.Checkpoint, error) {
	sealLog(ctx, db, logger)
	c, _, err := audit.NewKeeper(db, keys).Make(ctx)
	if err == nil && c.IsZero() {
		err = problem.New(problem.Conflict, "The audit log has no sealed entry yet.")
	}
	return c, err
}

// asStored gives the newest checkpoint with the time that it was stored at, once one was signed.
func asStored(ctx context.Context, db *store.Store, sign func() (audit.Checkpoint, error)) (audit.Checkpoint, error) {
	if _, err := sign(); err != nil {
		return audit.Checkpoint{}, err
	}
	return db.LastCheckpoint(ctx)
}

type auditCheckpointCmd struct {
	List  bool `help:"Show the newest that were kept, and how far each place outside is, instead of making one."`
	Limit int  `default:"20" placeholder:"N" help:"With --list: how many."`
}

func (auditCheckpointCmd) Help() string {
	return `Prints a signed note (C2SP tlog-checkpoint): what the log is called, how many entries it has, and their root. Keep it where whoever runs the database cannot write; verify --checkpoint compares the log with it at any later time. The serving process makes one every REKEY_AUDIT_CHECKPOINT_EVERY while the log grows and within a minute after an activation and the like, and sends it where REKEY_AUDIT_CHECKPOINT_FILE, _MAIL and _WEBHOOK say.

Examples:

    rekey audit checkpoint > 2011-06-17.checkpoint
    rekey audit checkpoint --list
    rekey audit checkpoint --server https://rekey-admin.example.org`
}

// checkpointRow is a checkpoint as programs read it.
type checkpointRow struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Root   string    `json:"root"`
	At     time.Time `json:"at"`
	Note   string    `json:"note"`
}

func checkpointRowOf(c audit.Checkpoint) checkpointRow {
	return checkpointRow{c.Origin, c.Head.Size, c.Head.Root.String(), c.At, c.Note}
}

func (*auditCheckpointCmd) deed() deed { return does(operator.ReadAudit) }

func (c *auditCheckpointCmd) Run(ctx context.Context, s *session) error {
	if c.Limit < 1 || c.Limit > audit.MaxPage {
		return usagef("--limit: must be 1 to %d", audit.MaxPage)
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if c.List {
		return c.list(ctx, s, o)
	}
	made, err := o.MakeCheckpoint(ctx)
	if err != nil {
		return err
	}
	if s.json {
		return writeJSON(s.stdout, checkpointRowOf(made))
	}
	if _, err := fmt.Fprint(s.stdout, made.Note); err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	return nil
}

// placeRow is how far a place is, as programs read it.
type placeRow struct {
	Place  string     `json:"place"`
	Size   int64      `json:"size"`
	SentAt *time.Time `json:"sent_at"`
	Tries  int        `json:"tries"`
	Fault  string     `json:"fault"`
}

func (c *auditCheckpointCmd) list(ctx context.Context, s *session, o office) error {
	kept, states, err := o.Checkpoints(ctx, c.Limit)
	if err != nil {
		return err
	}
	rows, places := []checkpointRow{}, []placeRow{}
	for _, k := range kept {
		rows = append(rows, checkpointRowOf(k))
	}
	for _, at := range states {
		places = append(places, placeRow{at.Place, at.Size, at.SentAt, at.Tries, at.Fault})
	}
	return s.show(map[string]any{"checkpoints": rows, "places": places}, func(p *page) {
		p.row("AT", "SIZE", "ROOT", "ORIGIN")
		for _, r := range rows {
			p.row(r.At, r.Size, r.Root, r.Origin)
		}
		if len(places) > 0 {
			p.row()
			p.row("PLACE", "SIZE", "SENT", "TRIES", "FAULT")
		}
		for _, r := range places {
			p.row(r.Place, r.Size, r.SentAt, r.Tries, r.Fault)
		}
	})
}

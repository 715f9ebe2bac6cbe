package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
)

// auditKeys opens the log's keys.
func (s *session) auditKeys(db *store.Store) (*audit.Keys, error) {
	master, err := s.settings.Master()
	if err != nil {
		return nil, usage(err)
	}
	return audit.NewKeys(db, master), nil
}

// rewrapAuditKeys goes before the rewrapping of the signing keys: it can be repeated where that one fails.
func (s *session) rewrapAuditKeys(ctx context.Context, next secret.Master) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	keys, err := s.auditKeys(db)
	if err != nil {
		return err
	}
	if _, err := keys.Rewrap(ctx, next, s.actor()); err != nil {
		return fmt.Errorf("sealing the audit log's keys anew: %w", err)
	}
	return nil
}

// sign makes a checkpoint of the log as it is sealed now, and the key if there is none, or gives the newest if it says it all.
func (s *session) sign(ctx context.Context, db *store.Store) (audit.Checkpoint, error) {
	keys, err := s.auditKeys(db)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	if _, err := keys.Ensure(ctx, s.settings.AuditOrigin, s.actor()); err != nil {
		return audit.Checkpoint{}, err
	}
	s.seal(ctx, db)
	c, _, err := audit.NewKeeper(db, keys).Make(ctx)
	if err == nil && c.IsZero() {
		err = problem.New(problem.Conflict, "The audit log has no sealed entry yet.")
	}
	return c, err
}

type auditCheckpointCmd struct {
	List  bool `help:"Show the newest that were kept, and how far each place outside is, instead of making one."`
	Limit int  `default:"20" placeholder:"N" help:"With --list: how many."`
}

func (auditCheckpointCmd) Help() string {
	return `Prints a signed note (C2SP tlog-checkpoint): what the log is called, how many entries it has, and their root. Keep it where whoever runs the database cannot write; verify --checkpoint compares the log with it at any later time. The serving process makes one every REKEY_AUDIT_CHECKPOINT_EVERY while the log grows and within a minute after an activation and the like, and sends it where REKEY_AUDIT_CHECKPOINT_FILE, _MAIL and _WEBHOOK say.

Examples:

    rekey audit checkpoint > 2011-06-17.checkpoint
    rekey audit checkpoint --list`
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

func (c *auditCheckpointCmd) Run(ctx context.Context, s *session) error {
	if c.Limit < 1 || c.Limit > audit.MaxPage {
		return usagef("--limit: must be 1 to %d", audit.MaxPage)
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	if c.List {
		return c.list(ctx, s, db)
	}
	if _, err := s.sign(ctx, db); err != nil {
		return err
	}
	made, err := db.LastCheckpoint(ctx) // as it is stored: with its time
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

func (c *auditCheckpointCmd) list(ctx context.Context, s *session, db *store.Store) error {
	kept, err := db.Checkpoints(ctx, 0, c.Limit)
	if err != nil {
		return err
	}
	states, err := db.Outside(ctx)
	if err != nil {
		return err
	}
	rows, places := []checkpointRow{}, []placeRow{}
	for _, k := range kept {
		rows = append(rows, checkpointRowOf(k))
	}
	for _, o := range states {
		places = append(places, placeRow{o.Place, o.Size, o.SentAt, o.Tries, o.Fault})
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

type auditKeyCmd struct {
	Rotate bool `help:"Let a new key sign from now on, under the name of REKEY_AUDIT_ORIGIN. A checkpoint signed by both hands over."`
}

func (auditKeyCmd) Help() string {
	return `Prints the verifier key. Keep it outside, with whoever will verify: a checkpoint proves nothing to somebody who takes the key from the database. After --rotate keep the old one too, for what it signed.

Examples:

    rekey audit key
    rekey audit key --rotate`
}

// auditKeyRow is a key as programs read it; never its private half.
type auditKeyRow struct {
	Key       string     `json:"key"`
	CreatedAt time.Time  `json:"created_at"`
	RetiredAt *time.Time `json:"retired_at"`
}

func (c *auditKeyCmd) Run(ctx context.Context, s *session) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	keys, err := s.auditKeys(db)
	if err != nil {
		return err
	}
	if c.Rotate {
		err = s.rotateAuditKey(ctx, db, keys)
	} else {
		_, err = keys.Ensure(ctx, s.settings.AuditOrigin, s.actor())
	}
	if err != nil {
		return err
	}
	list, err := db.AuditKeys(ctx)
	if err != nil {
		return err
	}
	signing, rows := "", []auditKeyRow{}
	for _, k := range list {
		rows = append(rows, auditKeyRow{k.VKey, k.CreatedAt, k.RetiredAt})
		if k.RetiredAt == nil {
			signing = k.VKey
		}
	}
	if s.json {
		return writeJSON(s.stdout, map[string]any{"key": signing, "keys": rows})
	}
	if _, err := fmt.Fprintln(s.stdout, signing); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	return nil
}

// rotateAuditKey lets a new key sign and the old one, where it still opens, hand over.
func (s *session) rotateAuditKey(ctx context.Context, db *store.Store, keys *audit.Keys) error {
	old, err := keys.Signer(ctx)
	if err != nil {
		if !problem.Is(err, problem.NotFound) && !problem.Is(err, problem.Unavailable) {
			return err
		}
		s.logger.WarnContext(ctx, "the old key cannot hand over", "error", err)
	}
	if _, err := keys.Rotate(ctx, s.settings.AuditOrigin, s.actor()); err != nil {
		return err
	}
	s.seal(ctx, db)
	_, err = audit.NewKeeper(db, keys).Handover(ctx, old)
	return err
}

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

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
)

type auditVerifyCmd struct {
	Head       []string `placeholder:"HEAD" help:"A head that was noted down earlier, as this command prints it; may be repeated."`
	Checkpoint []string `placeholder:"FILE" help:"Checkpoints that were kept outside: a note, a file of them, or a mail; may be repeated."`
	Key        []string `placeholder:"VKEY" help:"The log's verifier key, as audit key prints it and you keep it outside; once for each after a rotation. Unless given: those in the database."`
	Export     string   `placeholder:"FILE" help:"Verify this NDJSON export instead of the database: no database and no master key is used. Needs --checkpoint and --key."`
	Older      string   `placeholder:"FILE" help:"An export made earlier, to say which entry was changed where hashes alone cannot."`
	AllowNewer bool     `help:"Let the export go on after the newest checkpoint; those entries are counted, and nothing speaks for them."`
	ProofFile  string   `placeholder:"FILE" help:"Verify this proof, as audit prove prints it, instead. Needs --key, no database."`
}

func (auditVerifyCmd) Help() string {
	return `Recomputes every hash of the Merkle log from the entries, and compares the stored hashes, every checkpoint that was kept, and what you give. Whoever can rewrite the whole database is found out only by what lies outside: a checkpoint with the key, or a head that was noted down.

Examples:

    rekey audit verify
    rekey audit verify --checkpoint checkpoints.txt --key reset.example.org/audit+3ed6c2a1+AQ5h…
    rekey audit verify --export audit.ndjson --checkpoint audit.checkpoint --key reset.example.org/audit+3ed6c2a1+AQ5h…
    rekey audit verify --head 1042:nkQaF782AoM6PfRHSvQ6yPkRPpM39W7/UTXlxv5eYcE=`
}

// verified is the result of verify.
type verified struct {
	OK          bool   `json:"ok"`
	Entries     int64  `json:"entries"` // that were verified
	Head        string `json:"head"`
	Checkpoints int    `json:"checkpoints"`
	Unsealed    int64  `json:"unsealed"`
	Newer       int64  `json:"newer"` // of an export: after the newest checkpoint
}

func (*auditVerifyCmd) deed() deed { return beside(operator.ReadAudit) }

func (c *auditVerifyCmd) Run(ctx context.Context, s *session) error {
	switch {
	case (c.Export != "" || c.ProofFile != "") && len(c.Key) == 0:
		return usagef("--key: needed with --export and --proof-file; `rekey audit key` prints it")
	case c.Export != "" && c.ProofFile != "":
		return usagef("--proof-file: not with --export")
	case c.ProofFile != "":
		return c.proof(s)
	case c.Export != "":
		return c.offline(s)
	case c.Older != "" || c.AllowNewer:
		return usagef("--older, --allow-newer: only with --export")
	}
	return c.database(ctx, s)
}

func (c *auditVerifyCmd) database(ctx context.Context, s *session) error {
	noted, err := parseHeads(c.Head)
	if err != nil {
		return err
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	log, checked, broken := c.compare(ctx, s, db, noted)
	var tampered *audit.Tampered
	if broken != nil && !errors.As(broken, &tampered) {
		return broken
	}
	unsealed, err := db.AuditUnsealed(ctx)
	if err != nil {
		return err
	}
	entry := audit.New(s.actor(), audit.AuditVerify, "audit", audit.Detail{"ok": broken == nil, "head": log.Head.String(), "checkpoints": checked})
	if err := errors.Join(broken, db.Record(ctx, entry)); err != nil {
		return err
	}
	v := verified{OK: true, Entries: log.Head.Size, Head: log.Head.String(), Checkpoints: checked, Unsealed: unsealed}
	return s.show(v, func(p *page) {
		p.line("%d entries are as they were sealed, and as %d checkpoints say; %d wait to be sealed.", v.Entries, v.Checkpoints, v.Unsealed)
		p.row("head", v.Head)
	})
}

// compare verifies the log against what is stored beside it and what was noted.
func (c *auditVerifyCmd) compare(ctx context.Context, s *session, db *store.Store, noted []audit.Head) (log audit.Stored, checked int, err error) {
	keys := c.Key
	if len(keys) == 0 {
		if keys, err = storedKeys(ctx, db); err != nil {
			return log, 0, err
		}
	}
	kept, err := db.Checkpoints(ctx, 0, 0) // before the head: they may only speak for less
	if err != nil {
		return log, 0, err
	}
	if log, err = db.AuditLog(ctx); err != nil {
		return log, 0, err
	}
	for _, k := range kept {
		if err := k.Check(keys...); err != nil {
			return log, 0, err
		}
		noted = append(noted, k.Head)
	}
	outside, err := c.checkpoints(s, keys)
	if err != nil {
		return log, 0, err
	}
	for _, o := range outside {
		noted = append(noted, o.Head)
	}
	return log, len(kept) + len(outside), audit.Verify(log, noted...)
}

func storedKeys(ctx context.Context, db *store.Store) ([]string, error) {
	keys, err := db.AuditKeys(ctx)
	vkeys := make([]string, len(keys))
	for i, k := range keys {
		vkeys[i] = k.VKey
	}
	return vkeys, err
}

// checkpoints opens those in the files.
func (c *auditVerifyCmd) checkpoints(s *session, keys []string) ([]audit.Checkpoint, error) {
	var all []audit.Checkpoint
	for _, file := range c.Checkpoint {
		text, err := s.slurp(file)
		if err != nil {
			return nil, usagef("--checkpoint: %w", err)
		}
		notes, err := audit.CheckpointNotes(text)
		if err != nil {
			return nil, usagef("--checkpoint: %s: %w", file, err)
		}
		for _, n := range notes {
			opened, err := audit.OpenCheckpoint(n, keys...)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			all = append(all, opened)
		}
	}
	return all, nil
}

// maxNotes bounds a file of checkpoints, or of a proof: a hundred years of hourly ones.
const maxNotes = 256 << 20

func (s *session) slurp(path string) (string, error) {
	file, err := s.source(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxNotes+1))
	if err == nil && len(text) > maxNotes {
		err = fmt.Errorf("%s is too large", path)
	}
	return string(text), err
}

func (c *auditVerifyCmd) offline(s *session) error {
	opened, err := c.checkpoints(s, c.Key)
	if err != nil {
		return err
	}
	if len(opened) == 0 {
		return usagef("--checkpoint: needed with --export")
	}
	lines, err := s.source(c.Export)
	if err != nil {
		return usagef("--export: %w", err)
	}
	defer lines.Close()
	x := audit.Export{Lines: lines, Checkpoints: opened, AllowNewer: c.AllowNewer}
	if c.Older != "" {
		older, err := s.source(c.Older)
		if err != nil {
			return usagef("--older: %w", err)
		}
		defer older.Close()
		x.Older = older
	}
	found, err := x.Verify()
	if err != nil {
		return fmt.Errorf("%s: %w", c.Export, err)
	}
	v := verified{OK: true, Entries: found.Head.Size, Head: found.Head.String(), Checkpoints: len(opened), Unsealed: found.Unsealed, Newer: found.Newer}
	return s.show(v, func(p *page) {
		p.line("%d entries are as they were signed, by %d checkpoints.", v.Entries, v.Checkpoints)
		if v.Newer+v.Unsealed > 0 {
			p.line("Nothing speaks for the other %d.", v.Newer+v.Unsealed)
		}
		p.row("head", v.Head)
	})
}

func (c *auditVerifyCmd) proof(s *session) error {
	text, err := s.slurp(c.ProofFile)
	if err != nil {
		return usagef("--proof-file: %w", err)
	}
	signed, err := audit.VerifyProof([]byte(text), c.Key...)
	if err != nil {
		return fmt.Errorf("%s: %w", c.ProofFile, err)
	}
	return s.show(map[string]any{"ok": true, "origin": signed.Origin, "head": signed.Head.String()}, func(p *page) {
		p.line("The proof holds against the checkpoint of %s over %d entries.", signed.Origin, signed.Head.Size)
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

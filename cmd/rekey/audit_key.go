package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
)

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

func (c *auditKeyCmd) deed() deed {
	if c.Rotate {
		return beside(audit.AuditKeyRotate)
	}
	return beside(operator.ReadAudit)
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

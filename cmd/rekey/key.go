package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/token"
)

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Let a new key sign."`
	Revoke keyRevokeCmd `cmd:"" help:"Refuse everything that one key signed."`
	List   keyListCmd   `cmd:"" help:"List the keys and what each is good for."`
	Rewrap keyRewrapCmd `cmd:"" help:"Seal the keys under another master key."`
}

// keyRow is a signing key as programs read it; never its private half.
type keyRow struct {
	ID        string     `json:"kid"`
	State     string     `json:"state"`
	CreatedAt time.Time  `json:"created_at"`
	RetiredAt *time.Time `json:"retired_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

func keyText(p *page, rows []keyRow) {
	p.row("KEY", "STATE", "CREATED", "RETIRED", "REVOKED")
	for _, k := range rows {
		p.row(k.ID, k.State, k.CreatedAt, k.RetiredAt, k.RevokedAt)
	}
}

type keyListCmd struct{}

func (keyListCmd) Help() string {
	return `A key signs, then verifies until its last link has ended, then is good only to ask for a fresh link, then is gone.

Example:

    rekey key list`
}

func (*keyListCmd) deed() deed { return reads(operator.ReadKeys) }

func (c *keyListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	rows, err := o.Keys(ctx)
	if err != nil {
		return err
	}
	return s.showKeys(outcome[[]keyRow]{Done: rows})
}

// showKeys shows what came of an act on the keys: all of them as they are then.
func (s *session) showKeys(o outcome[[]keyRow]) error {
	if o.Pending != nil {
		return s.showPending(*o.Pending)
	}
	return s.show(map[string]any{"keys": o.Done}, func(p *page) { keyText(p, o.Done) })
}

type keyRotateCmd struct {
	Revoke bool   `help:"Also refuse everything that older keys signed: after a leak, and after a backup was restored."`
	Reason string `placeholder:"TEXT" help:"With --revoke: why, for the second person. Needed where one is."`
}

func (keyRotateCmd) Help() string {
	return `Links that are out go on working until they end, unless --revoke is given, which is dry without --yes.

Examples:

    rekey key rotate
    rekey key rotate --revoke --yes`
}

func (c *keyRotateCmd) deed() deed {
	if c.Revoke {
		return destroys(operator.KeyRevoke, operator.ReadKeys, "keys")
	}
	return does(operator.KeyRotate)
}

func (c *keyRotateCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if c.Revoke && !s.yes {
		return planRevoke(ctx, s, o, func(keyRow) bool { return true })
	}
	came, err := o.RotateKey(ctx, c.Revoke, c.Reason)
	if err != nil {
		return fmt.Errorf("rotating the signing key: %w", err)
	}
	return s.showKeys(came)
}

type keyRevokeCmd struct {
	KID    string `arg:"" name:"kid" help:"The key, as list shows it."`
	Reason string `placeholder:"TEXT" help:"Why, for the second person. Needed where one is."`
}

func (keyRevokeCmd) Help() string {
	return `After a key leaked. If it was the one that signs, a new one takes its place. Members with a refused link use the typed code of the same mail, or ask for a new mail.

Example:

    rekey key revoke UHw9kWOliwEanSs78Yl-4TYO1nTkOEYCGnvChW19jrQ --yes`
}

func (c *keyRevokeCmd) deed() deed {
	return destroys(operator.KeyRevoke, operator.ReadKeys, "key:"+c.KID)
}

func (c *keyRevokeCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		return planRevoke(ctx, s, o, func(k keyRow) bool { return k.ID == c.KID })
	}
	came, err := o.RevokeKey(ctx, c.KID, c.Reason)
	if err != nil {
		return fmt.Errorf("revoking the key: %w", err)
	}
	return s.showKeys(came)
}

// planRevoke shows the live keys whose links would be refused.
func planRevoke(ctx context.Context, s *session, o office, which func(keyRow) bool) error {
	all, err := o.Keys(ctx)
	if err != nil {
		return err
	}
	rows := []keyRow{}
	for _, k := range all {
		if k.RevokedAt == nil && k.State != token.Gone.String() && which(k) {
			rows = append(rows, k)
		}
	}
	if len(rows) == 0 {
		return problem.New(problem.NotFound, "There is no such live key.")
	}
	return s.dry(map[string]any{"keys": rows}, func(p *page) {
		keyText(p, rows)
		p.line("Every link signed by these would be refused at once, also by the page that sends a fresh one; typed codes go on.")
	})
}

type keyRewrapCmd struct {
	To string `required:"" placeholder:"FILE" help:"The new master key's file, mode 0600; made with a new key if there is none."`
}

func (keyRewrapCmd) Help() string {
	return `Stop every serving process, rewrap, give all of them the new master key, start them. Links go on working; typed codes and counted failures made under the old master key end.

Example:

    rekey key rewrap --to new-master.key`
}

func (*keyRewrapCmd) deed() deed { return beside(operator.KeyRewrap) }

func (c *keyRewrapCmd) Run(ctx context.Context, s *session) error {
	keys, err := s.keys(ctx)
	if err != nil {
		return err
	}
	next, err := secret.LoadOrCreateFile(c.To)
	if err != nil {
		return usagef("--to: %w", err)
	}
	if err := s.rewrapAuditKeys(ctx, next); err != nil {
		return err
	}
	if err := s.rewrapOperators(ctx, next); err != nil {
		return err
	}
	n, err := keys.Rewrap(ctx, next, s.actor())
	if err != nil {
		return fmt.Errorf("sealing the signing keys anew: %w", err)
	}
	return s.show(map[string]any{"keys": n, "master_key_file": c.To}, func(p *page) {
		p.line("%d keys are sealed under the master key in %s. Give it to every process now: REKEY_MASTER_KEY_FILE, or master.key in the data directory.", n, c.To)
	})
}

// rewrapOperators comes before the signing keys: it can be repeated where they failed.
func (s *session) rewrapOperators(ctx context.Context, next secret.Master) error {
	master, err := s.settings.Master()
	if err != nil {
		return usage(err)
	}
	if _, err := operator.Rewrap(ctx, s.opened, master, next, s.actor()); err != nil {
		return fmt.Errorf("sealing the operators' TOTP secrets anew: %w", err)
	}
	return nil
}

package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type lockdownCmd struct {
	On     lockdownOnCmd     `cmd:"" help:"Refuse every login and reset, from now on, on every replica."`
	Off    lockdownOffCmd    `cmd:"" help:"Let logins and resets go on."`
	Status lockdownStatusCmd `cmd:"" help:"Say whether a lockdown holds."`
}

type lockdownOnCmd struct {
	Reason string `required:"" placeholder:"TEXT" help:"Why, for the audit log."`
}

func (lockdownOnCmd) Help() string {
	return `Acts at once, without --yes: it is the first thing to do when a breach goes on. Pages say "closed for now", verify says "locked", mail with links waits; imports and campaigns go on working.

Example:

    rekey lockdown on --reason "attacker still inside"`
}

func (*lockdownOnCmd) deed() deed { return does(operator.LockdownOn) }

func (c *lockdownOnCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	l, err := o.LockdownOn(ctx, c.Reason)
	if err != nil {
		return err
	}
	return s.show(l, func(p *page) { lockdownText(p, l) })
}

type lockdownOffCmd struct {
	Reason string `placeholder:"TEXT" help:"Why, for the audit log. Needed with --yes."`
}

func (lockdownOffCmd) Help() string {
	return `Every live password works again at once; dead ones stay dead.

Example:

    rekey lockdown off --reason "way in closed" --yes`
}

func (*lockdownOffCmd) deed() deed {
	return destroys(operator.LockdownOff, operator.ReadStatus, "lockdown")
}

func (c *lockdownOffCmd) Run(ctx context.Context, s *session) error {
	if s.yes && c.Reason == "" {
		return usagef("--reason: say why, for the audit log")
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		return planUnlock(ctx, s, o)
	}
	came, err := o.LockdownOff(ctx, c.Reason)
	if err != nil {
		return err
	}
	return finish(s, came, lockdownText)
}

func planUnlock(ctx context.Context, s *session, o office) error {
	l, err := o.Lockdown(ctx)
	if err != nil {
		return err
	}
	if !l.On {
		return campaign.ErrNotLocked
	}
	return s.dry(l, func(p *page) {
		lockdownText(p, l)
		p.line("Every account with a live password could log in again.")
	})
}

type lockdownStatusCmd struct{}

func (lockdownStatusCmd) Help() string {
	return `Since when, by whom, and why.

Example:

    rekey lockdown status`
}

func (*lockdownStatusCmd) deed() deed { return reads(operator.ReadStatus) }

func (c *lockdownStatusCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	l, err := o.Lockdown(ctx)
	if err != nil {
		return err
	}
	return s.show(l, func(p *page) { lockdownText(p, l) })
}

func lockdownText(p *page, l campaign.Lockdown) {
	if !l.On {
		p.line("No lockdown: logins and resets work.")
		return
	}
	p.line("LOCKED DOWN: every login and reset is refused.")
	p.row("since", l.Since)
	p.row("by", l.By)
	p.row("reason", l.Reason)
}

package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Lockdown says whether the whole service refuses logins and resets.
type Lockdown struct {
	On     bool       `json:"on"`
	Since  *time.Time `json:"since,omitempty"`
	By     string     `json:"by,omitempty"` // kind:name of the actor
	Reason string     `json:"reason,omitempty"`
}

// Refusals of a lockdown that changes nothing.
var (
	ErrLocked    = &problem.Error{Kind: problem.Conflict, Code: "already_on", Text: "the service is locked down already"}
	ErrNotLocked = &problem.Error{Kind: problem.Conflict, Code: "already_off", Text: "the service is not locked down"}
)

// LockdownOn stops logins and resets on every replica, from its commit on. If it is on already that is ErrLocked.
func (c *Campaigns) LockdownOn(ctx context.Context, reason string, actor audit.Actor) (Lockdown, error) {
	return c.lockdown(ctx, reason, audit.New(actor, audit.LockdownOn, "lockdown", audit.Detail{"reason": reason}), c.store.LockdownOn)
}

// LockdownOff lets logins and resets go on. If there is no lockdown that is ErrNotLocked.
func (c *Campaigns) LockdownOff(ctx context.Context, reason string, actor audit.Actor) (Lockdown, error) {
	return c.lockdown(ctx, reason, audit.New(actor, audit.LockdownOff, "lockdown", audit.Detail{"reason": reason}), c.store.LockdownOff)
}

func (c *Campaigns) lockdown(ctx context.Context, reason string, entry audit.Entry, act func(context.Context, string, audit.Entry) (Lockdown, error)) (Lockdown, error) {
	err := checkReason(reason)
	var l Lockdown
	if err == nil {
		l, err = act(ctx, reason, entry)
	}
	if err != nil {
		return Lockdown{}, c.refused(ctx, entry, fmt.Errorf("%s: %w", entry.Action, err))
	}
	return l, nil
}

// Lockdown says what holds now.
func (c *Campaigns) Lockdown(ctx context.Context) (Lockdown, error) {
	l, err := c.store.Lockdown(ctx)
	if err != nil {
		return Lockdown{}, fmt.Errorf("reading the lockdown: %w", err)
	}
	return l, nil
}

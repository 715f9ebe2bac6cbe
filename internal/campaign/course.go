package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// needs says in which states an act is possible. The store's statements name the same states in their WHERE; tests hold both together.
var needs = map[string][]State{
	"prepare":  {Draft, Prepared},
	"preview":  {Prepared},
	"activate": {Prepared},
	"pause":    {Draft, Prepared, Active},
	"resume":   {Draft, Prepared, Active},
	"close":    {Active},
	"remind":   {Active},
	"cancel":   {Active, Closed},
	"discard":  {Draft, Prepared},
}

// WrongState is the refusal of an act that the campaign's state does not allow.
func WrongState(is State, act string) error {
	var names []string
	for _, s := range needs[act] {
		names = append(names, string(s))
	}
	e := problem.Newf(problem.Conflict, "the campaign is %s; to %s it must be %s", is, act, strings.Join(names, " or "))
	e.Code = "wrong_state"
	return e
}

// ErrPreparedAnew is the refusal to activate other members than those that were counted.
var ErrPreparedAnew = &problem.Error{Kind: problem.Conflict, Code: "prepared_anew", Text: "the campaign was prepared anew in the meantime: preview it again"}

// WrongMailing is the refusal to pause or resume what is not running or paused.
func WrongMailing(is Mailing, act string) error {
	e := problem.Newf(problem.Conflict, "mailing is %s: there is nothing to %s", is, act)
	e.Code = "wrong_mailing"
	return e
}

// Pause keeps further mail from going out. Passwords stay as dead as they are.
func (c *Campaigns) Pause(ctx context.Context, id int64, actor audit.Actor) error {
	return c.mailing(ctx, id, Running, Paused, audit.New(actor, audit.CampaignPause, Object(id), nil))
}

// Resume lets mail go out again.
func (c *Campaigns) Resume(ctx context.Context, id int64, actor audit.Actor) error {
	return c.mailing(ctx, id, Paused, Running, audit.New(actor, audit.CampaignResume, Object(id), nil))
}

func (c *Campaigns) mailing(ctx context.Context, id int64, from, to Mailing, entry audit.Entry) error {
	if err := c.store.SetMailing(ctx, id, from, to, entry); err != nil {
		return c.refused(ctx, entry, fmt.Errorf("setting the mailing of campaign %d %s: %w", id, to, err))
	}
	return nil
}

// Close ends the mailing for good; the campaign goes on killing.
func (c *Campaigns) Close(ctx context.Context, id int64, actor audit.Actor) error {
	entry := audit.New(actor, audit.CampaignClose, Object(id), nil)
	if err := c.store.CloseCampaign(ctx, id, entry); err != nil {
		return c.refused(ctx, entry, fmt.Errorf("closing campaign %d: %w", id, err))
	}
	return nil
}

// maxReason is how long a reason may be, in bytes.
const maxReason = 1000

// Cancel lets the passwords live that no other campaign kills. Sessions and links it killed stay dead.
func (c *Campaigns) Cancel(ctx context.Context, id int64, reason string, actor audit.Actor) error {
	entry := audit.New(actor, audit.CampaignCancel, Object(id), audit.Detail{"reason": reason})
	err := checkReason(reason)
	if err == nil {
		err = c.store.CancelCampaign(ctx, id, reason, entry)
	}
	if err != nil {
		return c.refused(ctx, entry, fmt.Errorf("cancelling campaign %d: %w", id, err))
	}
	return nil
}

func checkReason(reason string) error {
	if strings.TrimSpace(reason) == "" || legible(reason) != reason {
		return problem.Newf(problem.Invalid, "a reason is needed, of at most %d bytes", maxReason)
	}
	return nil
}

// Plan is what a destructive act would do.
type Plan struct {
	ID       int64  `json:"id"`
	State    State  `json:"state"` // now
	Act      string `json:"act"`
	Accounts int64  `json:"accounts"` // how many it would touch
	Effect   string `json:"effect"`
}

// PlanClose says how many mails would not go.
func (c *Campaigns) PlanClose(ctx context.Context, id int64) (Plan, error) {
	return c.plan(ctx, id, "close", "mails that would not go; every dead password stays dead", func() (int64, error) {
		s, err := c.store.CampaignStatus(ctx, id)
		return s.Delivery.Pending + s.Reminders.Waiting, err
	})
}

// PlanCancel says how many passwords would live again: those dead by this campaign alone.
func (c *Campaigns) PlanCancel(ctx context.Context, id int64) (Plan, error) {
	return c.plan(ctx, id, "cancel", "exposed passwords that would live again; sessions and links stay dead", func() (int64, error) {
		return c.store.WouldRevive(ctx, id)
	})
}

// PlanDiscard says how many members would be forgotten.
func (c *Campaigns) PlanDiscard(ctx context.Context, id int64) (Plan, error) {
	return c.plan(ctx, id, "discard", "members of the list that would be forgotten; no password is touched", func() (int64, error) {
		s, err := c.store.CampaignStatus(ctx, id)
		return s.Members, err
	})
}

func (c *Campaigns) plan(ctx context.Context, id int64, act, effect string, count func() (int64, error)) (Plan, error) {
	k, err := c.store.Campaign(ctx, id)
	if err != nil {
		return Plan{}, fmt.Errorf("planning to %s campaign %d: %w", act, id, err)
	}
	if !slices.Contains(needs[act], k.State) {
		return Plan{}, WrongState(k.State, act)
	}
	n, err := count()
	if err != nil {
		return Plan{}, fmt.Errorf("planning to %s campaign %d: %w", act, id, err)
	}
	return Plan{ID: id, State: k.State, Act: act, Accounts: n, Effect: effect}, nil
}

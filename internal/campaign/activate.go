package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// ActivateRequest guards against the wrong list, not against traffic: nil Expect counts nothing beforehand.
type ActivateRequest struct {
	Expect    *int64 // how many live passwords should die
	Tolerance *int64 // how far off the count may be; nil: the greater of 10 and 1 % of Expect

	Prepared *time.Time // refused, as ErrPreparedAnew, unless the campaign was prepared at that moment; nil: whenever
}

// Activation must end in a known state even if whoever asked has gone.
const (
	commitTime = time.Minute
	countTime  = 10 * time.Minute
)

// Activate kills every credential the campaign reaches, in one commit, and then counts them. A count that fails does not undo it:
// Died stays nil, and CountDied can be asked again.
func (c *Campaigns) Activate(ctx context.Context, id int64, r ActivateRequest, actor audit.Actor) (Activated, error) {
	entry := audit.New(actor, audit.CampaignActivate, Object(id), r.detail())
	done, err := c.activate(ctx, id, r, entry)
	if err != nil {
		return Activated{}, c.refused(ctx, entry, fmt.Errorf("activating campaign %d: %w", id, err))
	}
	if died, err := c.CountDied(context.WithoutCancel(ctx), id, actor); err != nil {
		c.logger.ErrorContext(ctx, "the campaign is active, but what died could not be counted", "campaign", id, "error", err)
	} else {
		done.Died = &died
	}
	return done, nil
}

func (c *Campaigns) activate(ctx context.Context, id int64, r ActivateRequest, entry audit.Entry) (Activated, error) {
	k, err := c.store.Campaign(ctx, id)
	if err != nil {
		return Activated{}, err
	}
	if k.State != Prepared {
		return Activated{}, WrongState(k.State, "activate")
	}
	if r.Prepared != nil && !r.Prepared.Equal(*k.PreparedAt) {
		return Activated{}, ErrPreparedAnew
	}
	if r.Expect != nil {
		p, err := c.store.PreviewCampaign(ctx, id, 0)
		if err != nil {
			return Activated{}, err
		}
		if err := r.Compare(p.WouldDie); err != nil {
			return Activated{}, err
		}
		entry = entry.With("counted", p.WouldDie)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	return c.store.ActivateCampaign(ctx, id, *k.PreparedAt, entry)
}

// Compare refuses a count that is too far from the expected one.
func (r ActivateRequest) Compare(counted int64) error {
	tolerance := max(10, *r.Expect/100)
	if r.Tolerance != nil {
		tolerance = *r.Tolerance
	}
	if off := counted - *r.Expect; off > tolerance || -off > tolerance {
		return problem.Newf(problem.Conflict, "%d live passwords would die, expected were %d, give or take %d: nothing was done", counted, *r.Expect, tolerance)
	}
	return nil
}

func (r ActivateRequest) detail() audit.Detail {
	d := audit.Detail{}
	if r.Expect != nil {
		d["expect"] = *r.Expect
	}
	if r.Tolerance != nil {
		d["tolerance"] = *r.Tolerance
	}
	return d
}

// CountDied counts what the activation killed and keeps the number; a second call gives the number kept.
func (c *Campaigns) CountDied(ctx context.Context, id int64, actor audit.Actor) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	n, err := c.store.CountDied(ctx, id, audit.New(actor, audit.CampaignCount, Object(id), nil))
	if err != nil {
		return 0, fmt.Errorf("counting what campaign %d killed: %w", id, err)
	}
	return n, nil
}

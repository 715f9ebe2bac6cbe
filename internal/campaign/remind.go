package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// RemindAge is how old a member's last mail must be for a reminder, and the last reminder for another, unless the operator says otherwise:
// who was away for a weekend is not pressed, and whoever orders one twice by mistake writes to nobody twice.
const RemindAge = 72 * time.Hour

// Reminded is a reminder that was ordered.
type Reminded struct {
	ID         int64      `json:"id"`
	State      State      `json:"state"`
	Mailing    Mailing    `json:"mailing"`
	Reminders  int64      `json:"reminders"` // this one with those before
	RemindedAt *time.Time `json:"reminded_at"`
	Members    int64      `json:"members"` // how many it was for when counted, just before; who resets meanwhile gets no mail
}

// CheckRemind is the rule for ordering a reminder: an active campaign whose mailing is not paused, and no reminder for as long as age.
// The store asks it for the reason of a refusal; its statement names the same conditions.
func CheckRemind(k Campaign, age time.Duration, now time.Time) error {
	switch {
	case k.State != Active:
		return WrongState(k.State, "remind")
	case k.Mailing == Paused:
		e := problem.New(problem.Conflict, "mailing is paused: resume it before you remind anybody")
		e.Code = "wrong_mailing"
		return e
	case k.RemindedAt != nil && k.RemindedAt.After(now.Add(-age)):
		e := problem.Newf(problem.Conflict, "the last reminder was ordered at %s, and there must be %s between two: the next one can be ordered at %s",
			k.RemindedAt.UTC().Format(time.RFC3339), hours(age), k.RemindedAt.Add(age).UTC().Format(time.RFC3339))
		e.Code = "reminded_lately"
		return e
	}
	return nil
}

// hours drops the zero units that Duration.String prints.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// PlanRemind says how many members would be written to again.
func (c *Campaigns) PlanRemind(ctx context.Context, id int64, age time.Duration) (Plan, error) {
	if err := checkAge(age); err != nil {
		return Plan{}, err
	}
	return c.plan(ctx, id, "remind", "members whose password is still dead would get a second mail; no password is touched", func() (int64, error) {
		return c.store.WouldRemind(ctx, id, age)
	})
}

// Remind writes again to the members who have not acted since a mail at least as old as age. What is true of a member is looked at once more
// just before the mail.
func (c *Campaigns) Remind(ctx context.Context, id int64, age time.Duration, actor audit.Actor) (Reminded, error) {
	entry := audit.New(actor, audit.CampaignRemind, Object(id), audit.Detail{"age": age.String()})
	done, err := c.remind(ctx, id, age, entry)
	if err != nil {
		return Reminded{}, c.refused(ctx, entry, fmt.Errorf("reminding the members of campaign %d: %w", id, err))
	}
	return done, nil
}

func (c *Campaigns) remind(ctx context.Context, id int64, age time.Duration, entry audit.Entry) (Reminded, error) {
	if err := checkAge(age); err != nil {
		return Reminded{}, err
	}
	n, err := c.store.WouldRemind(ctx, id, age)
	if err != nil {
		return Reminded{}, err
	}
	if n == 0 {
		return Reminded{}, problem.Newf(problem.Conflict, "nobody is to be reminded: all who were written to %s ago or earlier have acted, or cannot be written to", hours(age))
	}
	k, err := c.store.RemindCampaign(ctx, id, age, entry.With("members", n))
	if err != nil {
		return Reminded{}, err
	}
	return Reminded{ID: k.ID, State: k.State, Mailing: k.Mailing, Reminders: k.Reminders, RemindedAt: k.RemindedAt, Members: n}, nil
}

func checkAge(age time.Duration) error {
	if age < 0 {
		return problem.New(problem.Invalid, "the age of a mail cannot be negative")
	}
	return nil
}

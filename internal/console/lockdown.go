package console

import (
	"strings"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// shut is the page of the lockdown.
type shut struct {
	Now    campaign.Lockdown
	Plan   *desk.Plan // of lifting it
	Second bool
	Reason string
}

func (c *Console) lockdown(r *call) error {
	page, err := c.shut(r)
	if err != nil {
		return err
	}
	return r.page("lockdown", page)
}

func (c *Console) shut(r *call) (*shut, error) {
	now, err := c.o.Desk.Lockdown(r.Request.Context(), r.who)
	if err != nil {
		return nil, err
	}
	page := &shut{Now: now, Reason: r.PostForm("reason")}
	if !now.On || !mayAsk(r.who, operator.LockdownOff) {
		return page, nil
	}
	plan, err := c.o.Desk.PlanLockdownOff(r.Request.Context(), r.who)
	if err != nil {
		return nil, err
	}
	page.Plan, page.Second = &plan, c.o.Desk.ForTwo(r.who, plan, operator.LockdownOff)
	return page, nil
}

// unsaid is the reason of who had no time to give one: stopping comes first.
const unsaid = "no reason was typed"

// lockdownOn stops all logins and resets: one press of one person.
func (c *Console) lockdownOn(r *call) error {
	reason := strings.TrimSpace(r.PostForm("reason"))
	if reason == "" {
		reason = unsaid
	}
	if _, err := c.o.Desk.LockdownOn(r.work(), r.who, reason); err != nil {
		return c.shutAgain(r, err)
	}
	r.say("The service is locked down: no login and no reset anywhere, since the commit.")
	r.see("/lockdown")
	return nil
}

func (c *Console) lockdownOff(r *call) error {
	outcome, err := c.o.Desk.LockdownOff(r.work(), r.who, r.PostForm("reason"))
	if err != nil {
		return c.shutAgain(r, err)
	}
	return r.came(outcome, "/lockdown", "Logins and resets go on.")
}

func (c *Console) shutAgain(r *call, err error) error {
	page, looking := c.shut(r)
	if looking != nil {
		return err
	}
	return r.again("lockdown", page, err)
}

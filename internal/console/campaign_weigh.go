package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// weigh is the page before a grave act: what it would do, and the form that does it or asks a second person.
type weigh struct {
	Campaign campaign.Campaign
	Act      string
	Plan     desk.Plan
	Sample   []campaign.Sample
	Prepared string // RFC 3339, of what was looked at
	Second   bool   // somebody else has to approve
	Reason   string // as typed
	Expect   string // as typed
}

func (c *Console) planActivation(r *call) error {
	page, err := c.weighActivation(r)
	if err != nil {
		return err
	}
	return r.page("campaign-activate", page)
}

func (c *Console) weighActivation(r *call) (*weigh, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if err := r.allowTime(longTime); err != nil {
		return nil, err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	plan, err := c.o.Desk.PlanActivation(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	page := &weigh{Campaign: k, Act: "activate", Plan: plan, Sample: plan.Sample, Second: c.o.Desk.ForTwo(r.who, plan, "campaign.activate")}
	if k.PreparedAt != nil {
		page.Prepared = k.PreparedAt.Format(time.RFC3339Nano)
	}
	return page, nil
}

// activateCampaign takes the number of passwords as the operator typed it: it must be the one that was shown, give or take the tolerance.
func (c *Console) activateCampaign(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	outcome, err := c.activate(r, id)
	if err != nil {
		page, looking := c.weighActivation(r)
		if looking != nil {
			return err
		}
		page.Reason, page.Expect = r.PostForm("reason"), r.PostForm("expect")
		return r.again("campaign-activate", page, err)
	}
	return r.came(outcome, "/campaigns/"+strconv.FormatInt(id, 10), "The campaign is active. Every password it covers is dead, on every replica, since the commit.")
}

func (c *Console) activate(r *call, id int64) (desk.Outcome, error) {
	typed := strings.Map(func(d rune) rune {
		if d >= '0' && d <= '9' {
			return d
		}
		return -1
	}, r.PostForm("expect"))
	expect, err := strconv.ParseInt(typed, 10, 64)
	if err != nil {
		return desk.Outcome{}, &problem.Error{Kind: problem.Unprocessable, Code: "expect", Text: "Type the number of passwords that die, as it stands above."}
	}
	prepared, err := time.Parse(time.RFC3339Nano, r.PostForm("prepared"))
	if err != nil {
		return desk.Outcome{}, problem.New(problem.Invalid, "The form could not be read.")
	}
	return c.o.Desk.Activate(r.work(), r.who, id, campaign.ActivateRequest{Expect: &expect, Prepared: &prepared}, r.PostForm("reason"))
}

// came leads on from an act that was done, or that waits for a second person.
func (r *call) came(o desk.Outcome, done, said string) error {
	if o.Pending != nil {
		r.say("Nothing has happened yet: a second person has to approve it.")
		r.see("/approvals/" + strconv.FormatInt(o.Pending.ID, 10))
		return nil
	}
	r.say(said)
	r.see(done)
	return nil
}

func (c *Console) planCancel(r *call) error {
	page, err := c.weighCancel(r)
	if err != nil {
		return err
	}
	return r.page("campaign-weigh", page)
}

func (c *Console) weighCancel(r *call) (*weigh, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	plan, err := c.o.Desk.PlanCancel(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	return &weigh{Campaign: k, Act: "cancel", Plan: plan, Second: c.o.Desk.ForTwo(r.who, plan, "campaign.cancel")}, nil
}

func (c *Console) cancelCampaign(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	outcome, err := c.o.Desk.CancelCampaign(r.work(), r.who, id, r.PostForm("reason"))
	if err != nil {
		page, looking := c.weighCancel(r)
		if looking != nil {
			return err
		}
		page.Reason = r.PostForm("reason")
		return r.again("campaign-weigh", page, err)
	}
	return r.came(outcome, "/campaigns/"+strconv.FormatInt(id, 10), "The campaign is cancelled: passwords that it alone had killed work again. Sessions do not.")
}

func (c *Console) planClose(r *call) error { return c.planEnd(r, "close") }

func (c *Console) planDiscard(r *call) error { return c.planEnd(r, "discard") }

// planEnd is the page before an end that one person may decide.
func (c *Console) planEnd(r *call, act string) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return err
	}
	look, text := c.o.Desk.PlanClose, "%d mails that have not gone yet do not go. Every dead password stays dead."
	if act == "discard" {
		look, text = c.o.Desk.PlanDiscard, "%d members that were found are forgotten. No password is touched."
	}
	p, err := look(r.Request.Context(), r.who, id)
	if err != nil {
		return err
	}
	return r.page("campaign-weigh", &weigh{Campaign: k, Act: act, Plan: desk.Plan{Text: fmt.Sprintf(text, p.Accounts), Accounts: p.Accounts}})
}

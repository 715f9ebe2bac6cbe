package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// nudge is the page before a reminder.
type nudge struct {
	Campaign campaign.Campaign
	Hours    string         // as typed: how old a member's last mail must be
	Plan     *campaign.Plan // nil if the hours can't be read, or nobody may be reminded now
}

func (c *Console) planRemind(r *call) error {
	page, err := c.nudge(r, r.DefaultQuery("hours", strconv.Itoa(int(campaign.RemindAge.Hours()))))
	switch {
	case page == nil:
		return err
	case err != nil:
		return r.again("campaign-remind", page, err)
	}
	return r.page("campaign-remind", page)
}

// nudge plans a reminder; with a page beside the error the page can say what is wrong.
func (c *Console) nudge(r *call, typed string) (*nudge, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	page := &nudge{Campaign: k, Hours: strings.TrimSpace(typed)}
	age, err := hours(page.Hours)
	if err != nil {
		return page, err
	}
	plan, err := c.o.Desk.PlanReminder(r.Request.Context(), r.who, id, age)
	if err != nil {
		return page, err
	}
	page.Plan = &plan
	return page, nil
}

// maxAge is the most hours that the form takes: a year.
const maxAge = 366 * 24

func hours(typed string) (time.Duration, error) {
	n, err := strconv.Atoi(typed)
	if err != nil || n < 0 || n > maxAge {
		return 0, &problem.Error{Kind: problem.Unprocessable, Code: "hours", Text: fmt.Sprintf("Type whole hours, 0 to %d.", maxAge)}
	}
	return time.Duration(n) * time.Hour, nil
}

func (c *Console) remindCampaign(r *call) error {
	page, err := c.nudge(r, r.PostForm("hours"))
	if page == nil {
		return err
	}
	if err == nil {
		err = c.remind(r, page)
	}
	if err != nil {
		return r.again("campaign-remind", page, err)
	}
	return nil
}

func (c *Console) remind(r *call, page *nudge) error {
	age, err := hours(page.Hours)
	if err != nil {
		return err
	}
	done, err := c.o.Desk.RemindCampaign(r.work(), r.who, page.Campaign.ID, age)
	if err != nil {
		return err
	}
	r.say(fmt.Sprintf("%d members are written to again. Whoever resets before their turn gets no mail.", done.Members))
	r.see("/campaigns/" + strconv.FormatInt(page.Campaign.ID, 10))
	return nil
}

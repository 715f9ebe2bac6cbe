package console

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// longTime is how long an act over all accounts may take. The server's own limits are for pages.
const longTime = 10 * time.Minute

// course is a campaign on its page, with the step it is at.
type course struct {
	counted
	Steps []step
}

type step struct {
	Text      string
	Did, Here bool
}

// stepsOf is the way of a campaign from its draft to its end.
func stepsOf(k campaign.Campaign) []step {
	at := map[campaign.State]int{campaign.Draft: 1, campaign.Prepared: 2, campaign.Active: 3, campaign.Closed: 4, campaign.Cancelled: 4, campaign.Discarded: 4}[k.State]
	steps := []step{{Text: "Scope chosen"}, {Text: "Find the accounts"}, {Text: "Look at the effect, activate"}, {Text: "Active, mail goes out"}, {Text: "Ended"}}
	for i := range steps {
		steps[i].Did, steps[i].Here = i < at, i == at
	}
	return steps
}

func (c *Console) campaign(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return err
	}
	page := course{counted: counted{Campaign: k}, Steps: stepsOf(k)}
	if k.ActivatedAt != nil {
		all, err := c.glances(r, []campaign.Campaign{k})
		if err != nil {
			return err
		}
		page.counted = all[0]
	}
	return r.page("campaign", page)
}

// allowTime moves the server's deadlines for one long request.
func (r *call) allowTime(d time.Duration) error {
	control, until := http.NewResponseController(r.Writer), time.Now().Add(d)
	if err := control.SetReadDeadline(until); err != nil {
		return fmt.Errorf("allowing time for a long request: %w", err)
	}
	if err := control.SetWriteDeadline(until); err != nil {
		return fmt.Errorf("allowing time for a long request: %w", err)
	}
	return nil
}

func (c *Console) prepareCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		report, err := c.o.Desk.PrepareCampaign(r.work(), r.who, id)
		return fmt.Sprintf("%d accounts found.", report.Matched), err
	})
}

func (c *Console) pauseCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "No further mail goes out. Passwords stay as they are.", c.o.Desk.PauseCampaign(r.work(), r.who, id)
	})
}

func (c *Console) resumeCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "Mail goes out again.", c.o.Desk.ResumeCampaign(r.work(), r.who, id)
	})
}

func (c *Console) closeCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "The campaign is closed: no more mail, and what was dead stays dead.", c.o.Desk.CloseCampaign(r.work(), r.who, id)
	})
}

func (c *Console) discardCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "The campaign is discarded. It never touched a password.", c.o.Desk.DiscardCampaign(r.work(), r.who, id)
	})
}

// act does something with the campaign of the path, says so, and goes back to its page.
func (r *call) act(do func(id int64) (string, error)) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	said, err := do(id)
	if err != nil {
		return err
	}
	r.say(said)
	r.see("/campaigns/" + strconv.FormatInt(id, 10))
	return nil
}

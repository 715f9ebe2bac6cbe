package console

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/progress"
)

// patience is how long a page waits for counts. Where the members are many the page comes without them, says so, and they follow.
const patience = 250 * time.Millisecond

// counted is a campaign with what was counted of it last.
type counted struct {
	Campaign campaign.Campaign
	News     *progress.News // nil: the first count is on its way
}

// Counts are the numbers; nil: there are none yet, or they could not be read.
func (c counted) Counts() *campaign.Progress {
	if c.News == nil || c.News.Err != nil {
		return nil
	}
	return &c.News.Progress
}

// Trouble tells that the last count could not be read.
func (c counted) Trouble() bool { return c.News != nil && c.News.Err != nil }

// numbers are the campaigns' own.
func numbers(list []campaign.Campaign) []int64 {
	ids := make([]int64, len(list))
	for n, k := range list {
		ids[n] = k.ID
	}
	return ids
}

// glances gives what was counted last of campaigns. Counts that are due begin, and belong to whoever looks next: no page counts by itself.
func (c *Console) glances(r *call, list []campaign.Campaign) ([]counted, error) {
	ctx, enough := context.WithTimeout(r.Request.Context(), c.patience)
	defer enough()
	news, err := c.o.Desk.Glances(ctx, r.who, numbers(list))
	if err != nil {
		return nil, err
	}
	all := make([]counted, len(list))
	for n, k := range list {
		all[n] = counted{Campaign: k, News: news[n]}
	}
	return all, nil
}

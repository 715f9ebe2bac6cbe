package desk

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// countTime is how long a look waits for a first count; the count goes on for whoever looks next.
const countTime = 30 * time.Second

var errCounting = problem.Retry(problem.Unavailable, "The campaign is still being counted. Try again in some seconds.", 5*time.Second)

// counted is the latest count of a campaign, shared by all who look: programs that poll cost the database no more than one. What its row says is of now.
func (d *Desk) counted(ctx context.Context, id int64) (campaign.Progress, error) {
	k, err := d.o.Campaigns.Show(ctx, id) // one that does not exist is not watched
	if err != nil {
		return campaign.Progress{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	news := d.counts.Glance(ctx, id)
	if news == nil {
		return campaign.Progress{}, errCounting
	}
	if news.Err != nil {
		return campaign.Progress{}, news.Err
	}
	p := news.Progress
	p.State, p.Mailing, p.ActivatedAt, p.Died = k.State, k.Mailing, k.ActivatedAt, k.Died
	return p, nil
}

package desk

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/progress"
)

// mayWatch judges a look at counts.
func (d *Desk) mayWatch(ctx context.Context, p operator.Principal) error {
	if err := d.allow(ctx, p, operator.ReadProgress, "campaigns"); err != nil {
		return err
	}
	if d.o.Progress == nil {
		return errNotHere
	}
	return nil
}

// Glances gives the latest count of each campaign, in order; nil where there is none yet. Counts that are due begin, for whoever looks next, and are waited for until wait ends.
func (d *Desk) Glances(wait context.Context, p operator.Principal, ids []int64) ([]*progress.News, error) {
	if err := d.mayWatch(context.WithoutCancel(wait), p); err != nil {
		return nil, err
	}
	all := make([]*progress.News, len(ids))
	for n, id := range ids {
		all[n] = d.counts.Glance(wait, id)
	}
	return all, nil
}

// Watch gives the latest counts of campaigns, if there are any, and then each new one until the context ends. All who look share them.
func (d *Desk) Watch(ctx context.Context, p operator.Principal, ids []int64) (<-chan progress.News, error) {
	if err := d.mayWatch(ctx, p); err != nil {
		return nil, err
	}
	return d.counts.WatchAll(ctx, ids), nil
}

package campaign

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Query picks a page of campaigns, the newest first.
type Query struct {
	State    State  // "": in any
	Incident string // slug; "": of any
	Before   int64  // made before the campaign with this number; 0: from the newest
	Limit    int    // 1 to MaxPage; DefaultPage if 0
}

// Sizes of a page.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// States are all there are, in the order a campaign takes them.
func States() []State { return []State{Draft, Prepared, Active, Closed, Cancelled, Discarded} }

// Page gives campaigns, and the Before of the next page; 0: this was the last. Errors: Unprocessable for a state there is none of, or a limit out of bounds.
func (c *Campaigns) Page(ctx context.Context, q Query) (page []Campaign, next int64, err error) {
	if q.State != "" && !slices.Contains(States(), q.State) {
		return nil, 0, &problem.Error{Kind: problem.Unprocessable, Code: "state", Text: "A campaign is draft, prepared, active, closed, cancelled or discarded."}
	}
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if q.Limit < 1 || q.Limit > MaxPage || q.Before < 0 {
		return nil, 0, problem.Newf(problem.Unprocessable, "A page has 1 to %d campaigns.", MaxPage)
	}
	page, next, err = c.store.CampaignPage(ctx, q)
	if err != nil {
		return nil, 0, fmt.Errorf("listing campaigns: %w", err)
	}
	return page, next, nil
}

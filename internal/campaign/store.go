package campaign

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// Store keeps campaigns. Every method is one transaction with the entry it is given; a campaign that is not there is problem.NotFound,
// one in another state than the act needs problem.Conflict, and neither changes anything.
type Store interface {
	Drafting
	Killing
	Ending
	Reminding
	Watching
	Locking
}

// Drafting is what leads up to an activation.
type Drafting interface {
	// CreateCampaign drafts a campaign and stages its list (nil: none); the incident is made, unpublished, if it is missing.
	CreateCampaign(ctx context.Context, n New, list *List, entry audit.Entry) (Campaign, error)
	// PrepareCampaign finds the members, again if need be, and replaces them all at once.
	PrepareCampaign(ctx context.Context, id int64, entry audit.Entry) (Report, error)
	// PreviewCampaign counts what an activation now would do, with up to sample accounts.
	PreviewCampaign(ctx context.Context, id int64, sample int) (Preview, error)
	// CoveredAddresses picks from folded addresses those of accounts whose password the campaign kills, or would.
	CoveredAddresses(ctx context.Context, id int64, keys []string) ([]string, error)
	// DiscardCampaign ends a campaign that never was active, and drops its members and list.
	DiscardCampaign(ctx context.Context, id int64, entry audit.Entry) error
}

// Killing is the activation.
type Killing interface {
	// ActivateCampaign kills at its commit, if the campaign is as it was prepared at that moment.
	ActivateCampaign(ctx context.Context, id int64, prepared time.Time, entry audit.Entry) (Activated, error)
	// CountDied counts once what an activation killed.
	CountDied(ctx context.Context, id int64, entry audit.Entry) (int64, error)
	// SetMailing changes the mailing of a campaign that has not ended, if it was from.
	SetMailing(ctx context.Context, id int64, from, to Mailing, entry audit.Entry) error
}

// Ending is how an active campaign ends.
type Ending interface {
	CloseCampaign(ctx context.Context, id int64, entry audit.Entry) error
	CancelCampaign(ctx context.Context, id int64, reason string, entry audit.Entry) error
	// WouldRevive counts the credentials that are dead by this campaign alone.
	WouldRevive(ctx context.Context, id int64) (int64, error)
}

// Reminding is a second mail to those who have not acted.
type Reminding interface {
	// WouldRemind counts the members of an active campaign whom a reminder would be for: written to with a link, their last mail at least so
	// old, not reset since, their password still dead, their address one that mail goes to.
	WouldRemind(ctx context.Context, id int64, age time.Duration) (int64, error)
	// RemindCampaign orders one for them in one row, unless mailing is paused or the last one is younger than age.
	RemindCampaign(ctx context.Context, id int64, age time.Duration, entry audit.Entry) (Campaign, error)
}

// Watching reads.
type Watching interface {
	Campaign(ctx context.Context, id int64) (Campaign, error)
	// Campaigns lists all, the newest first.
	Campaigns(ctx context.Context) ([]Campaign, error)
	// CampaignPage gives what the query picks, the newest first, and the Before of the next page; 0: this was the last.
	CampaignPage(ctx context.Context, q Query) (page []Campaign, next int64, err error)
	CampaignStatus(ctx context.Context, id int64) (Status, error)
	// CampaignLines hands over, in order, the lines with the outcome, all that have one if it is "".
	CampaignLines(ctx context.Context, id int64, outcome string, each func(Line) error) error
	// Record keeps entries of acts that changed nothing.
	Record(ctx context.Context, entries ...audit.Entry) error
}

// Locking is the lockdown.
type Locking interface {
	LockdownOn(ctx context.Context, reason string, entry audit.Entry) (Lockdown, error)
	LockdownOff(ctx context.Context, reason string, entry audit.Entry) (Lockdown, error)
	Lockdown(ctx context.Context) (Lockdown, error)
}

package reset

import (
	"context"
	"log/slog"
	"time"
)

// OpenedStore keeps when links were first opened.
type OpenedStore interface {
	MarkOpened(ctx context.Context, campaign int64, accounts []int64, opened time.Time) error
	Now(ctx context.Context) (time.Time, error)
}

// Openings gathers which links were opened, so that a rush of members costs the database one statement a second. They are counts for operators: what is lost
// in a crash or a flood is lost, and nothing rests on them.
type Openings struct {
	store OpenedStore
	log   *slog.Logger
	seen  chan [2]int64
}

// Bounds of what waits to be written, and of one write.
const (
	openingsHeld  = 10_000
	openingsEvery = time.Second
)

// NewOpenings makes a gatherer; Run writes.
func NewOpenings(s OpenedStore, log *slog.Logger) *Openings {
	return &Openings{store: s, log: log, seen: make(chan [2]int64, openingsHeld)}
}

// Add notes one. It never waits.
func (o *Openings) Add(campaign, account int64) {
	select {
	case o.seen <- [2]int64{campaign, account}:
	default:
	}
}

// Run writes what was gathered until the context ends, and then once more.
func (o *Openings) Run(ctx context.Context) {
	tick := time.NewTicker(openingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			o.write(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), openingsEvery)
			defer cancel()
			o.write(last)
			return
		}
	}
}

func (o *Openings) write(ctx context.Context) {
	by := map[int64][]int64{}
	for range len(o.seen) {
		one := <-o.seen
		by[one[0]] = append(by[one[0]], one[1])
	}
	if len(by) == 0 {
		return
	}
	now, err := o.store.Now(ctx)
	for campaign, accounts := range by {
		if err == nil {
			err = o.store.MarkOpened(ctx, campaign, accounts, now)
		}
	}
	if err != nil {
		o.log.WarnContext(ctx, "opened links were not counted", "error", err)
	}
}

package operator

import (
	"context"
	"log/slog"
	"time"
)

// Bounds of a Herald: how often it looks, how long a hand-off may take, how the pauses between tries grow, and when it gives up.
const (
	heraldPoll  = 5 * time.Second
	heraldLease = 2 * time.Minute
	firstPause  = time.Minute
	lastPause   = time.Hour
	heraldGives = 3 * 24 * time.Hour
)

// Herald tells operators what was changed about their sign-in, past the queue of members' mails: a lockdown does not hold it back. Each change is told once, and
// twice only if the process ends between the hand-off and the note of it.
type Herald struct {
	Store  NoticeStore
	Send   func(ctx context.Context, name, address, text string) error // one mail
	URL    string                                                      // the console's
	Logger *slog.Logger
}

// Run tells until the context ends.
func (h *Herald) Run(ctx context.Context) {
	poll := time.NewTicker(heraldPoll)
	defer poll.Stop()
	for {
		for h.tell(ctx) {
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}

// tell is one mail; false where there was none, or the database did not answer.
func (h *Herald) tell(ctx context.Context) bool {
	all, err := h.Store.ClaimNotices(ctx, heraldLease)
	if err != nil || len(all) == 0 {
		h.complain(ctx, "looking for what operators are to be told", err)
		return false
	}
	handing, cancel := context.WithTimeout(ctx, heraldLease/2)
	defer cancel()
	err = h.Send(handing, all[0].Name, all[0].Email, NoticeText(all, h.URL))
	ids := make([]int64, len(all))
	for i, n := range all {
		ids[i] = n.ID
	}
	after := context.WithoutCancel(ctx) // what was handed over is noted, also by a process that ends
	if err == nil {
		err = h.Store.NoticesSent(after, ids)
		h.complain(ctx, "noting that an operator was told", err)
		return err == nil
	}
	if ctx.Err() != nil {
		return false // the lease runs out, and another process tries
	}
	h.Logger.WarnContext(ctx, "an operator could not be told of a change of their sign-in", "operator", all[0].Name, "changes", len(all), "attempt", all[0].Attempts, "error", err)
	err = h.Store.NoticesFailed(after, ids, again(all[0]), err.Error())
	h.complain(ctx, "noting that an operator could not be told", err)
	return err == nil
}

// again is the pause before the next try, 0 for none.
func again(n Notice) time.Duration {
	if time.Since(n.At) > heraldGives {
		return 0
	}
	pause := firstPause
	for range min(n.Attempts-1, 10) {
		pause *= 2
	}
	return min(pause, lastPause)
}

func (h *Herald) complain(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil {
		h.Logger.WarnContext(ctx, "operators' notices wait", "doing", doing, "error", err)
	}
}

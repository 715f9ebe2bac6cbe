package delivery

import (
	"context"
	"math"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// claimSingles keeps the lane of single mails filled until the context ends.
func (w *Worker) claimSingles(ctx context.Context) {
	for w.laneOpen(ctx) {
		n := w.claimSomeSingles(ctx)
		if n < w.o.Connections && !pause(ctx, w.o.Poll) {
			return
		}
	}
}

// laneOpen waits while the mail server cannot be used, and tells whether to go on.
func (w *Worker) laneOpen(ctx context.Context) bool {
	for {
		wait := w.lane.shut(time.Now())
		if wait == 0 {
			return ctx.Err() == nil
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

func (w *Worker) claimSomeSingles(ctx context.Context) int {
	seen := w.view.now()
	if seen == nil {
		return 0
	}
	claimed := time.Now()
	some, err := w.o.Store.ClaimSingles(ctx, w.lease, w.o.Connections, !seen.Locked)
	if err != nil {
		w.report(ctx, "claiming single mails", err)
		return 0
	}
	for _, s := range some {
		w.singles <- &job{single: s, claimed: claimed, read: claimed}
	}
	return len(some)
}

// claimMembers keeps the lane of campaign mails filled until the context ends.
func (w *Worker) claimMembers(ctx context.Context) {
	passing := newCursors() // over the members that get notices, while links wait
	var again time.Time     // when to look for retries: they wait minutes, and fresh members come many times a second
	for w.laneOpen(ctx) {
		n, retries := 0, !time.Now().Before(again)
		if retries {
			again = time.Now().Add(w.o.Poll)
		}
		if seen := w.view.now(); seen != nil {
			if !seen.Locked {
				passing = newCursors()
			}
			for _, k := range seen.Campaigns {
				switch {
				case k.Mailing != running:
				case seen.Locked:
					n += w.claimNotices(ctx, k.ID, passing)
				default:
					if retries {
						n += w.claim(ctx, queue.Pick{Campaign: k.ID, Retries: true})
					}
					n += w.claimAlong(ctx, w.cursors, queue.Pick{Campaign: k.ID})
					if k.Reminders > 0 && w.cursors.get(k.ID).empty {
						n += w.claimAlong(ctx, w.reminded, queue.Pick{Campaign: k.ID, Reminders: true})
					}
				}
			}
		}
		if n == 0 && !pause(ctx, w.o.Poll) {
			return
		}
	}
}

// claimAlong goes on from the cursor. First mails come before reminders.
func (w *Worker) claimAlong(ctx context.Context, cursors *cursors, pick queue.Pick) int {
	at := cursors.get(pick.Campaign)
	if at.empty {
		return 0
	}
	pick.After, pick.Upto = at.after, math.MaxInt64
	last, n, err := w.claimTo(ctx, pick)
	if err != nil {
		return 0
	}
	cursors.advance(pick.Campaign, at.after, max(last, at.after), n == 0)
	if n == 0 {
		w.nudge()
	}
	return n
}

// window is how many members one step looks over for some that get notices.
const window = 2000

func (w *Worker) claimNotices(ctx context.Context, campaign int64, passing *cursors) int {
	at := passing.get(campaign)
	if at.empty {
		return 0
	}
	upto, err := w.o.Store.Window(ctx, campaign, at.after, window)
	if err != nil {
		w.report(ctx, "looking for members who get a notice", err)
		return 0
	}
	if upto == 0 {
		passing.advance(campaign, at.after, at.after, true)
		return 0
	}
	last, n, err := w.claimTo(ctx, queue.Pick{Campaign: campaign, After: at.after, Upto: upto, NoticesOnly: true})
	if err != nil {
		return 0
	}
	if n < w.o.Batch {
		last = upto
	}
	passing.advance(campaign, at.after, last, false)
	return max(n, 1) // go on looking
}

func (w *Worker) claim(ctx context.Context, pick queue.Pick) int {
	_, n, _ := w.claimTo(ctx, pick) // reported there
	return n
}

// claimTo puts a batch into the lane, and gives the highest account in it.
func (w *Worker) claimTo(ctx context.Context, pick queue.Pick) (last int64, n int, err error) {
	pick.Limit = w.o.Batch
	claimed := time.Now()
	some, err := w.o.Store.ClaimMembers(ctx, w.lease, pick)
	if err != nil {
		w.report(ctx, "claiming members", err)
		return 0, 0, err
	}
	for _, m := range some {
		last = max(last, m.Account)
		w.members <- &job{campaign: m.Campaign, member: m, claimed: claimed, read: claimed}
	}
	return last, len(some), nil
}

// nudge asks the upkeep to look whether a campaign is at its end.
func (w *Worker) nudge() {
	select {
	case w.tidy <- struct{}{}:
	default:
	}
}

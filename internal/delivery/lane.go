package delivery

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// Retry says when a mail that failed for now is tried again: after Base, then three times as long each time, at most Cap, with up to a
// fifth more at random. After Max hand-offs it is given up.
type Retry struct {
	Base time.Duration // default 1 minute
	Cap  time.Duration // default 4 hours
	Max  int           // default 12: a good day in all
}

func (r *Retry) defaults() {
	set(&r.Base, time.Minute)
	set(&r.Cap, 4*time.Hour)
	set(&r.Max, 12)
}

// after is the wait behind the nth hand-off, n ≥ 1.
func (r Retry) after(n int) time.Duration {
	d := r.Base
	for i := 1; i < n && d < r.Cap; i++ {
		d *= 3
	}
	return jitter(min(d, r.Cap))
}

//nolint:gosec // spreading retries needs no secret randomness
func jitter(d time.Duration) time.Duration { return d + rand.N(d/5+1) }

// breaker keeps the lane shut while the mail server cannot be used, so that an outage burns nobody's attempts.
type breaker struct {
	mu       sync.Mutex
	failures int
	refusals int // of mails, for now, one after the other
	until    time.Time
}

// crowd is how many mails in a row may be refused for now, each for its own sake. Beyond that it is the server that wants us to slow down,
// whatever it says: a relay that takes a hundred a minute must not burn the attempts of a million.
const crowd = 20

// refused counts a mail that was refused for now, and tells whether the server means all of them.
func (b *breaker) refused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusals++
	return b.refusals > crowd
}

const (
	breakerBase = time.Second
	breakerCap  = time.Minute
)

// trip shuts the lane, longer each time. What fails while it is shut, on other connections, counts as the same failure.
func (b *breaker) trip(now time.Time) (wait time.Duration, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.until) {
		return b.until.Sub(now), false
	}
	wait = jitter(min(breakerBase<<min(b.failures, 10), breakerCap))
	b.failures++
	b.until = now.Add(wait)
	return wait, true
}

// works forgets all failures.
func (b *breaker) works() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.refusals = 0, 0
}

func (b *breaker) shut(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.until.Sub(now))
}

// pacer spreads mails evenly over time. A nil pacer lets everything through.
type pacer struct {
	mu    sync.Mutex
	every time.Duration
	next  time.Time
}

func newPacer(rate float64) *pacer {
	if rate <= 0 {
		return nil
	}
	return &pacer{every: time.Duration(float64(time.Second) / rate)}
}

// wait takes the next free moment, and tells whether it came before the context's end.
func (p *pacer) wait(ctx context.Context) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	now := time.Now()
	slot := now
	if p.next.After(now) {
		slot = p.next
	}
	p.next = slot.Add(p.every)
	p.mu.Unlock()
	return !slot.After(now) || pause(ctx, slot.Sub(now))
}

// view is the latest outlook. Too old a one allows nothing: who cannot see that a campaign was stopped must not send.
type view struct{ latest atomic.Pointer[seen] }

type seen struct {
	queue.Outlook
	at time.Time // before it was read
}

// maxView is how old an outlook may be, and so how long mail can go on after a stop while the database does not answer.
const maxView = 2 * time.Second

// now gives the outlook, nil if there is none to trust.
func (v *view) now() *seen {
	s := v.latest.Load()
	if s == nil || time.Since(s.at) > maxView {
		return nil
	}
	return s
}

// clock is the database's, as of the latest outlook and the time since; nothing is claimed before the first.
func (v *view) clock() time.Time {
	s := v.latest.Load()
	if s == nil {
		return time.Now()
	}
	return s.Now.Add(time.Since(s.at))
}

func (s *seen) campaign(id int64) (queue.Campaign, bool) {
	for _, k := range s.Campaigns {
		if k.ID == id {
			return k, true
		}
	}
	return queue.Campaign{}, false
}

// cursors remember how far this process has claimed in each campaign, along account ids.
type cursors struct {
	mu sync.Mutex
	at map[int64]*cursor
}

type cursor struct {
	after int64
	empty bool // nothing fresh above, as of the last look
}

func newCursors() *cursors { return &cursors{at: map[int64]*cursor{}} }

func (c *cursors) get(campaign int64) cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.at[campaign]; at != nil {
		return *at
	}
	return cursor{}
}

// advance moves on from one place, unless it was rewound since.
func (c *cursors) advance(campaign, from, to int64, empty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.at[campaign]
	if at == nil {
		at = &cursor{}
		c.at[campaign] = at
	}
	if at.after == from {
		at.after, at.empty = to, empty
	}
}

// rewind makes sure that an account is looked at again.
func (c *cursors) rewind(campaign, account int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.at[campaign]; at != nil {
		at.after, at.empty = min(at.after, max(account-1, 0)), false
	}
}

// keep forgets the campaigns that are not active any more.
func (c *cursors) keep(active []queue.Campaign) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.at {
		if _, ok := (&seen{Outlook: queue.Outlook{Campaigns: active}}).campaign(id); !ok {
			delete(c.at, id)
		}
	}
}

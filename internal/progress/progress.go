// Package progress lets any number of people watch a campaign while the database counts for one: a campaign that is watched is counted by one goroutine, at an
// interval that leaves the database alone most of the time. It promises that nobody is counted for when nobody watches. The console calls it.
package progress

import (
	"context"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// Bounds of the interval between counts, and how much longer than a count it is at least: at most one part in share of a connection's time goes into counting.
const (
	Fastest = 2 * time.Second
	Slowest = 2 * time.Minute
	share   = 20
)

// Count reads a campaign's progress once.
type Count func(ctx context.Context, id int64) (campaign.Progress, error)

// News is one count, or why there is none.
type News struct {
	Progress campaign.Progress
	Took     time.Duration // of the count
	Every    time.Duration // until the next
	Err      error
}

// Watchers share counts.
type Watchers struct {
	count   Count
	fastest time.Duration

	mu    sync.Mutex
	rooms map[int64]*room
}

// room is everybody who watches one campaign.
type room struct {
	seats map[chan News]struct{}
	last  *News
	leave context.CancelFunc
}

// NewWatchers begins with nobody.
func NewWatchers(count Count) *Watchers {
	return &Watchers{count: count, fastest: Fastest, rooms: map[int64]*room{}}
}

// Watch gives the latest count at once, if there is one, and then each new one until the context ends. Who is slow misses counts, never the latest.
func (w *Watchers) Watch(ctx context.Context, id int64) <-chan News {
	seat := make(chan News, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[id]
	if r == nil {
		counting, leave := context.WithCancel(context.WithoutCancel(ctx))
		r = &room{seats: map[chan News]struct{}{}, leave: leave}
		w.rooms[id] = r
		go w.run(counting, id, r)
	}
	r.seats[seat] = struct{}{}
	if r.last != nil {
		seat <- *r.last
	}
	context.AfterFunc(ctx, func() { w.stand(id, r, seat) })
	return seat
}

// stand gives a seat back; the last one to leave ends the counting.
func (w *Watchers) stand(id int64, r *room, seat chan News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(r.seats, seat)
	close(seat)
	if len(r.seats) == 0 {
		r.leave()
		if w.rooms[id] == r {
			delete(w.rooms, id)
		}
	}
}

func (w *Watchers) run(ctx context.Context, id int64, r *room) {
	for {
		began := time.Now()
		p, err := w.count(ctx, id)
		took := time.Since(began)
		n := News{Progress: p, Took: took, Every: min(Slowest, max(w.fastest, took*share)), Err: err}
		if ctx.Err() != nil {
			return
		}
		w.tell(r, n)
		timer := time.NewTimer(n.Every)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// tell puts the news on every seat, in the place of news that was not taken yet.
func (w *Watchers) tell(r *room, n News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.last = &n
	for seat := range r.seats {
		select {
		case <-seat:
		default:
		}
		seat <- n
	}
}

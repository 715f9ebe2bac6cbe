// Package progress lets any number of people watch campaigns while the database counts for one: a campaign that is watched is counted by one goroutine, one campaign
// at a time, at an interval that leaves the database alone most of the time. It promises that a look waits for no count longer than it says, and that nobody is counted
// for when nobody looks. The desk calls it.
package progress

import (
	"context"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// Bounds of the interval between counts, and how much longer than a count it is at least: at most one part in share of a connection's time goes into counting, however many
// campaigns are watched.
const (
	Fastest = 2 * time.Second
	Slowest = 2 * time.Minute
	share   = 20
)

// Count reads a campaign's progress once.
type Count func(ctx context.Context, id int64) (campaign.Progress, error)

// News is one count, or why there is none.
type News struct {
	Campaign int64
	Progress campaign.Progress
	Took     time.Duration // of the count
	Every    time.Duration // until the next
	At       time.Time     // when it was there, on this process's clock
	Err      error
}

// fresh tells whether the next count is not due yet.
func (n *News) fresh(now time.Time) bool { return n != nil && now.Before(n.At.Add(n.Every)) }

// Watchers share counts.
type Watchers struct {
	count   Count
	fastest time.Duration
	turn    chan struct{} // held by who counts

	mu    sync.Mutex
	rooms map[int64]*room
}

// room is everybody who watches one campaign, and what was counted last.
type room struct {
	seats    map[chan News]struct{}
	last     *News
	counting bool          // a goroutine counts for it
	emptied  chan struct{} // tells that goroutine that the last seat was given back
}

// NewWatchers begins with nobody.
func NewWatchers(count Count) *Watchers {
	return &Watchers{count: count, fastest: Fastest, turn: make(chan struct{}, 1), rooms: map[int64]*room{}}
}

// Watch gives the latest count at once, unless the next is due, and then each new one until the context ends. Who is slow misses counts, never the latest.
func (w *Watchers) Watch(ctx context.Context, id int64) <-chan News {
	seat := make(chan News, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[id]
	if r == nil {
		r = &room{seats: map[chan News]struct{}{}, emptied: make(chan struct{}, 1)}
		w.rooms[id] = r
	}
	r.seats[seat] = struct{}{}
	if r.last.fresh(time.Now()) {
		seat <- *r.last
	}
	if !r.counting {
		r.counting = true
		go w.run(context.WithoutCancel(ctx), id, r)
	}
	context.AfterFunc(ctx, func() { w.stand(r, seat) })
	return seat
}

// WatchAll watches several campaigns on one channel.
func (w *Watchers) WatchAll(ctx context.Context, ids []int64) <-chan News {
	all := make(chan News)
	var watching sync.WaitGroup
	for _, id := range ids {
		seat := w.Watch(ctx, id)
		watching.Go(func() {
			for n := range seat {
				select {
				case all <- n:
				case <-ctx.Done():
				}
			}
		})
	}
	go func() {
		watching.Wait()
		close(all)
	}()
	return all
}

// Glance gives the latest count. Where the next is due it has that begin, and waits for it until the context ends: then it gives the older one, nil if there is none yet.
// The count goes on for whoever looks next.
func (w *Watchers) Glance(ctx context.Context, id int64) *News {
	if last := w.latest(id); last.fresh(time.Now()) {
		return last
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	if n, more := <-w.Watch(ctx, id); more { // ends with the context
		return &n
	}
	return w.latest(id)
}

func (w *Watchers) latest(id int64) *News {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[id]; r != nil {
		return r.last
	}
	return nil
}

// stand gives a seat back.
func (w *Watchers) stand(r *room, seat chan News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(r.seats, seat)
	close(seat)
	if len(r.seats) == 0 {
		select {
		case r.emptied <- struct{}{}:
		default:
		}
	}
}

// run counts until nobody watches. A count that was begun is finished: whoever looks next has it.
func (w *Watchers) run(ctx context.Context, id int64, r *room) {
	for {
		n := w.take(ctx, id)
		w.tell(r, n)
		if !w.pause(r, n.Every) {
			return
		}
	}
}

// take counts when it is this campaign's turn. A first count begins at once; the interval to the next grows with what it took and with how many campaigns are watched.
func (w *Watchers) take(ctx context.Context, id int64) News {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	began := time.Now()
	p, err := w.count(ctx, id)
	took := time.Since(began)
	return News{Campaign: id, Progress: p, Took: took, Every: min(Slowest, max(w.fastest, took*share*time.Duration(w.watched()))), At: time.Now(), Err: err}
}

// watched is how many campaigns are counted now.
func (w *Watchers) watched() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rooms {
		if r.counting {
			n++
		}
	}
	return n
}

// pause waits for the next count. False: nobody watches, and the counting is over.
func (w *Watchers) pause(r *room, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		w.mu.Lock()
		r.counting = len(r.seats) > 0
		again := r.counting
		w.mu.Unlock()
		if !again {
			return false
		}
		select {
		case <-timer.C:
			return true
		case <-r.emptied: // perhaps somebody else has come since
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

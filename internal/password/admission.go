package password

import (
	"container/list"
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Admission lets in no more hashing at once than a memory budget and the processors allow. The rest wait in a bounded line,
// first come first served, and are told honestly when it is full or too slow. It is safe for concurrent use.
type Admission struct {
	slots  int
	budget int64
	limit  int
	wait   time.Duration
	here   bool // hashing leaves its garbage in this process

	mu    sync.Mutex
	inUse int
	used  int64
	line  list.List // of *ticket, oldest first
}

// ticket is a place in the line; ready is closed, under the lock, when the ticket has been let in.
type ticket struct {
	bytes int64
	ready chan struct{}
}

// processors is how many of the runtime's there were before room was made for hashing, and busiest how many of them it may keep busy: one is left to
// requests that only read a row, whose answers would else wait for a hash wherever they turn.
var (
	processors = runtime.GOMAXPROCS(0)
	busiest    = max(processors-1, 1)
)

// room gives the runtime as many processors again, and leaves it to the operating system who runs. With only as
// many as there are, every request beside a storm of hashing waits at each of its steps for a hash's time slice of ten milliseconds to end.
var room = sync.OnceFunc(func() { runtime.GOMAXPROCS(2 * processors) })

// NewAdmission makes the gate for a budget in bytes, of which one new hash takes perHash. There are budget/perHash slots, but
// never more than processors but one: hashing does not block, so more would only take turns, and take memory. The Go runtime is given
// as many processors again, so that hashing takes no other request's time. At most queue callers wait, each at most wait.
func NewAdmission(budget, perHash int64, queue int, wait time.Duration) (*Admission, error) {
	a, err := NewAdmissionElsewhere(budget, perHash, queue, wait)
	if err != nil {
		return nil, err
	}
	room()
	a.here = true
	return a, nil
}

// NewAdmissionElsewhere is NewAdmission for hashing that another process does: this one needs no more processors for it, and has
// nothing of it to collect.
func NewAdmissionElsewhere(budget, perHash int64, queue int, wait time.Duration) (*Admission, error) {
	if perHash <= 0 || budget < perHash {
		return nil, problem.New(problem.Invalid, "the hashing memory budget must hold one hash at least")
	}
	if queue < 0 || wait <= 0 {
		return nil, problem.New(problem.Invalid, "the hashing queue must not be negative and its wait must be positive")
	}
	slots := int(min(budget/perHash, int64(busiest)))
	return &Admission{slots: slots, budget: budget, limit: queue, wait: wait}, nil
}

// Enter takes one slot and the bytes of the dearest hash that will be computed in it, waiting if need be. The caller calls leave
// when done; calling it again does nothing. A full line and a wait that ran out are problem.Unavailable with RetryAfter; so are
// more bytes than the whole budget, without it, for waiting would not help; so is a context that ends, which it wraps.
func (a *Admission) Enter(ctx context.Context, bytes int64) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, gaveUp(err)
	}
	if bytes > a.budget {
		return nil, problem.New(problem.Unavailable, "This hash needs more memory than the service may use for hashing.")
	}
	t := &ticket{bytes: max(bytes, 0), ready: make(chan struct{})}
	place, err := a.join(t)
	if err != nil {
		return nil, err
	}
	if place != nil {
		if err := a.await(ctx, t, place); err != nil {
			return nil, err
		}
	}
	return sync.OnceFunc(func() { a.leave(t) }), nil
}

// join lets the ticket in at once, with a nil place, or puts it at the end of the line.
func (a *Admission) join(t *ticket) (*list.Element, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.line.Len() == 0 && a.fits(t) {
		a.take(t)
		return nil, nil
	}
	if a.line.Len() >= a.limit {
		return nil, a.busy()
	}
	return a.line.PushBack(t), nil
}

// await waits in line until the ticket is let in, its time is up or its caller is gone.
func (a *Admission) await(ctx context.Context, t *ticket, place *list.Element) error {
	timer := time.NewTimer(a.wait)
	defer timer.Stop()
	var reason error
	select {
	case <-t.ready:
		return nil
	case <-timer.C:
		reason = a.busy()
	case <-ctx.Done():
		reason = gaveUp(ctx.Err())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-t.ready: // let in between the end of the wait and the lock: give it back
		a.inUse--
		a.used -= t.bytes
	default:
		a.line.Remove(place)
	}
	a.admit()
	return reason
}

// leave makes room. While others wait, what the hash leaves behind is collected first: the next one takes as much again, and left to
// the collector's own time twice the budget would be resident before any of it is given back.
func (a *Admission) leave(t *ticket) {
	if _, waiting, _ := a.Stats(); a.here && waiting > 0 {
		runtime.GC()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inUse--
	a.used -= t.bytes
	a.admit()
}

// admit lets in from the front of the line while the next one fits. A big one at the front holds the others back, or it would
// never get in.
func (a *Admission) admit() {
	for front := a.line.Front(); front != nil; front = a.line.Front() {
		t := front.Value.(*ticket)
		if !a.fits(t) {
			return
		}
		a.line.Remove(front)
		a.take(t)
		close(t.ready)
	}
}

func (a *Admission) fits(t *ticket) bool { return a.inUse < a.slots && a.used+t.bytes <= a.budget }

func (a *Admission) take(t *ticket) {
	a.inUse++
	a.used += t.bytes
}

// Stats tells how many slots are taken, how many callers wait, and how many slots there are.
func (a *Admission) Stats() (inUse, waiting, slots int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inUse, a.line.Len(), a.slots
}

// busy asks the caller to come back after the longest wait, in whole seconds, rounded up, as Retry-After counts.
func (a *Admission) busy() error {
	after := (a.wait + time.Second - 1).Truncate(time.Second)
	return problem.Retry(problem.Unavailable, "The service is busy checking passwords. Please try again in a moment.", after)
}

func gaveUp(cause error) error {
	return problem.Wrap(problem.Unavailable, "The request ended before the password was checked.", cause)
}

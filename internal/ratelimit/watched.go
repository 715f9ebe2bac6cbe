package ratelimit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Outage is told what becomes of a source that somebody else stands in for. Its functions must not block; each may be nil.
type Outage struct {
	Without func(Limit) // each decision made without the source
	Began   func(error) // the source failed after it had answered; once an outage
	Ended   func()      // it answers again
}

// rest is how long a source that failed is left alone, so that requests do not each wait for the same time-out.
const rest = time.Second

// watched leaves a source that failed alone for a rest; then one caller tries it while the others still do without. When that one is
// answered, the outage is over.
type watched struct {
	now    func() int64 // microseconds
	again  atomic.Int64 // when the source may be tried; 0 while it answers
	outage Outage
}

func newWatched(now func() int64, outage *Outage) *watched {
	w := &watched{now: now}
	if outage != nil {
		w.outage = *outage
	}
	return w
}

// ask runs f on the source and reports whether its answer counts.
func (w *watched) ask(ctx context.Context, l Limit, f func() error) bool {
	trying, allowed := w.turn()
	if allowed {
		err := f()
		if err == nil {
			if trying {
				w.recovered()
			}
			return true
		}
		if !errors.Is(ctx.Err(), context.Canceled) { // a caller who hung up says nothing about the source
			w.failed(err)
		}
	}
	if w.outage.Without != nil {
		w.outage.Without(l)
	}
	return false
}

// turn says whether the source may be asked, and whether that is the one try after a rest.
func (w *watched) turn() (trying, allowed bool) {
	again := w.again.Load()
	if again == 0 {
		return false, true
	}
	now := w.now()
	trying = now >= again && w.again.CompareAndSwap(again, now+rest.Microseconds())
	return trying, trying
}

func (w *watched) failed(err error) {
	if w.again.Swap(w.now()+rest.Microseconds()) == 0 && w.outage.Began != nil {
		w.outage.Began(err)
	}
}

func (w *watched) recovered() {
	w.again.Store(0)
	if w.outage.Ended != nil {
		w.outage.Ended()
	}
}

package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Fallback is a source that all replicas share, with a second one that decides whenever the first fails.
//
// The two know nothing of each other: during an outage of the first, keys start full in the second, so an outage lets one more burst
// pass at most, and behind a Layered each process still holds the limit for what it has seen itself. A token taken from one and given
// back to the other is not missed: no source fills above full.
type Fallback struct {
	first, second Source
	watch         *watched
}

// NewFallback joins the two. A nil clock is time.Now; outage hears of the first and may be nil.
func NewFallback(first, second Source, clock func() time.Time, outage *Outage) *Fallback {
	if clock == nil {
		clock = time.Now
	}
	start := clock()
	now := func() int64 { return clock().Sub(start).Microseconds() }
	return &Fallback{first: first, second: second, watch: newWatched(now, outage)}
}

// Take implements Source.
func (f *Fallback) Take(ctx context.Context, l Limit, key string, cost float64) (d Decision, err error) {
	if err := l.Check(cost); err != nil { // the caller's mistake, not an outage
		return d, err
	}
	asked := f.watch.ask(ctx, l, func() (err error) {
		d, err = f.first.Take(ctx, l, key, cost)
		return err
	})
	if asked {
		return d, nil
	}
	if d, err = f.second.Take(ctx, l, key, cost); err != nil {
		return d, fmt.Errorf("in place of a source that is down: %w", err)
	}
	return d, nil
}

// Give implements Source.
func (f *Fallback) Give(ctx context.Context, l Limit, key string, cost float64) error {
	if err := l.Check(cost); err != nil {
		return err
	}
	if f.watch.ask(ctx, l, func() error { return f.first.Give(ctx, l, key, cost) }) {
		return nil
	}
	if err := f.second.Give(ctx, l, key, cost); err != nil {
		return fmt.Errorf("in place of a source that is down: %w", err)
	}
	return nil
}

// Reserve implements Source.
func (f *Fallback) Reserve(ctx context.Context, l Limit, key string) (wait time.Duration, err error) {
	asked := f.watch.ask(ctx, l, func() (err error) {
		wait, err = f.first.Reserve(ctx, l, key)
		return err
	})
	if asked {
		return wait, nil
	}
	if wait, err = f.second.Reserve(ctx, l, key); err != nil {
		return 0, fmt.Errorf("in place of a source that is down: %w", err)
	}
	return wait, nil
}

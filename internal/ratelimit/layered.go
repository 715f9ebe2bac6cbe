package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Layered puts a Memory in front of a durable source that all replicas share.
//
// Both count every take under the same limit. Memory sees only this process's part of the traffic, so what memory refuses the durable
// source would refuse too: a flood is answered without touching it. What the durable source refuses, memory is told and repeats until the
// wait is over. Of a limit whose keys are used once (Limit.Once) memory keeps nothing else, or a rush would leave a key of each member
// there. When the durable source fails, memory's decision stands: each replica then holds the limit for itself, from what it has seen, so
// that an outage multiplies a limit by the number of replicas at most and never lifts it.
//
// A reservation is never refused, so memory has nothing to spare the durable source of: it is made in memory only while the durable source fails.
//
// A refund made on another replica is not seen while memory repeats a refusal; it errs towards waiting, by no more than the wait already told.
type Layered struct {
	memory  *Memory
	durable Source
	watch   *watched
}

// NewLayered joins the two. outage hears of the durable source and may be nil.
func NewLayered(memory *Memory, durable Source, outage *Outage) *Layered {
	return &Layered{memory: memory, durable: durable, watch: newWatched(memory.now, outage)}
}

// Take implements Source.
func (y *Layered) Take(ctx context.Context, l Limit, key string, cost float64) (Decision, error) {
	local, err := y.memory.Take(ctx, l, key, cost)
	if err != nil || !local.Allowed {
		return local, err
	}
	shared := local
	asked := y.ask(ctx, l, func() (err error) {
		shared, err = y.durable.Take(ctx, l, key, cost)
		return err
	})
	if !asked {
		return local, nil
	}
	switch {
	case !shared.Allowed:
		y.memory.learn(l, key, cost, shared.RetryAfter)
	case l.Once:
		return shared, y.memory.Give(ctx, l, key, cost)
	}
	return shared, nil
}

// Give implements Source.
func (y *Layered) Give(ctx context.Context, l Limit, key string, cost float64) error {
	if err := y.memory.Give(ctx, l, key, cost); err != nil {
		return err
	}
	y.ask(ctx, l, func() error { return y.durable.Give(ctx, l, key, cost) })
	return nil
}

// Reserve implements Source.
func (y *Layered) Reserve(ctx context.Context, l Limit, key string) (wait time.Duration, err error) {
	asked := y.ask(ctx, l, func() (err error) {
		wait, err = y.durable.Reserve(ctx, l, key)
		return err
	})
	if asked {
		return wait, nil
	}
	if wait, err = y.memory.Reserve(ctx, l, key); err != nil {
		return 0, fmt.Errorf("reserving in memory: %w", err)
	}
	return wait, nil
}

// ask runs f on the durable source and reports whether its answer counts. Limits kept in memory never get there.
func (y *Layered) ask(ctx context.Context, l Limit, f func() error) bool {
	return l.Kept == Durable && y.watch.ask(ctx, l, f)
}

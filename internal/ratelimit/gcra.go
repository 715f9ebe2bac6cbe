// Package ratelimit decides whether somebody must wait: the generic cell rate algorithm, Rekey's named limits in one table, and the sources that remember who did what.
// A refusal never charges, a refund never fills above full, and a source that is down is replaced, never skipped. The web packages, reset and store may call it.
package ratelimit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Source remembers, per limit and key, how much has been used. Every source passes limittest.Run.
// Keys are made by a Keyer, so that no source ever holds an address or a login in the clear; sources keep limits apart by Limit.Name.
type Source interface {
	// Take uses cost tokens if they are there. A refusal uses nothing and says when the same cost will pass.
	// A cost that is not above 0 and at most the burst is an error: it could never be answered honestly.
	Take(ctx context.Context, l Limit, key string, cost float64) (Decision, error)
	// Give puts tokens of an earlier Take back (all of it for a 503, nine tenths for a refused password), never above full.
	Give(ctx context.Context, l Limit, key string, cost float64) error
	// Reserve uses one token whether it is there or not and says how long to wait before acting on it, at most l.MaxDelay.
	// Beyond that the caller is given the last slot again: whoever acts on it once has answered everybody who shares it.
	Reserve(ctx context.Context, l Limit, key string) (time.Duration, error)
}

// Decision is the answer to one Take.
type Decision struct {
	Allowed    bool
	Remaining  int           // whole tokens left
	RetryAfter time.Duration // when refused: the wait after which the same cost passes if nobody else takes; else 0
}

// Err is nil when allowed, else a problem of kind Limited that carries the wait.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return problem.Retry(problem.Limited, "Too many tries. Please wait a little and try again.", d.RetryAfter)
}

// Charge takes cost tokens and turns a refusal into its error.
func Charge(ctx context.Context, s Source, l Limit, key string, cost float64) error {
	d, err := s.Take(ctx, l, key, cost)
	if err != nil {
		return fmt.Errorf("charging limit %s: %w", l.Name, err)
	}
	observed(ctx, l, d)
	return d.Err()
}

// The arithmetic below is the whole algorithm (ITU-T I.371 §A, virtual scheduling), on microseconds since any fixed moment, so that
// a database can do the same with whole numbers. A key's only state is its theoretical arrival time (tat): the moment its bucket is full again.
// tat ≤ now is full; tat = now + Window is empty.

// Window is how long an empty bucket takes to fill, in microseconds.
func (l Limit) Window() int64 { return int64(l.Burst) * l.Every.Microseconds() }

// Cost is how far a cost moves the tat, in microseconds, at least one.
func (l Limit) Cost(cost float64) int64 {
	return max(1, int64(math.Round(cost*float64(l.Every.Microseconds()))))
}

// Check refuses a cost that has no meaning under the limit. Every source calls it first.
func (l Limit) Check(cost float64) error {
	if cost > 0 && cost <= float64(l.Burst) {
		return nil
	}
	return problem.Newf(problem.Internal, "limit %s: a cost of %v is not above 0 and at most %d", l.Name, cost, l.Burst)
}

// Spend is Take without the memory: the new tat (the old one when refused) and the decision.
func (l Limit) Spend(tat, now int64, cost float64) (int64, Decision) {
	next := max(tat, now) + l.Cost(cost)
	if next-now > l.Window() {
		return tat, l.Refused(tat, now, cost)
	}
	return next, l.Granted(next, now)
}

// Granted is the decision of a source that has just moved the tat to next.
func (l Limit) Granted(next, now int64) Decision {
	return Decision{Allowed: true, Remaining: l.left(next, now)}
}

// Refused is the decision of a source that did not move the tat. The wait is at least a microsecond, even if the tokens came back while the source looked.
func (l Limit) Refused(tat, now int64, cost float64) Decision {
	wait := max(1, max(tat, now)+l.Cost(cost)-now-l.Window())
	return Decision{Remaining: l.left(tat, now), RetryAfter: micros(wait)}
}

// Refund is Give without the memory: the new tat.
func (l Limit) Refund(tat, now int64, cost float64) int64 {
	return max(now, tat-l.Cost(cost))
}

// Book is Reserve without the memory: the new tat (the old one when the last slot is shared) and the wait.
func (l Limit) Book(tat, now int64) (int64, time.Duration) {
	next := max(tat, now) + l.Cost(1)
	if next-now-l.Window() > l.MaxDelay.Microseconds() {
		next = tat
	}
	return next, micros(max(0, next-now-l.Window()))
}

func (l Limit) left(tat, now int64) int {
	return int(max(0, l.Window()-(max(tat, now)-now)) / l.Every.Microseconds())
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

package ratelimit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/ratelimit/limittest"
)

func TestFallback(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"first answers": false, "first is down for good": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limittest.Run(t, func(*testing.T) (ratelimit.Source, func(time.Duration)) {
				c := &clock{}
				first := &durable{Source: ratelimit.NewMemory(100, c.now)}
				first.down.Store(down)
				return ratelimit.NewFallback(first, ratelimit.NewMemory(100, c.now), c.now, nil), c.advance
			})
		})
	}
}

// In an outage the second decides, at the same limits; after a rest one caller tries the first, and what it answers ends the outage.
func TestFallbackAndBack(t *testing.T) {
	t.Parallel()
	c := &clock{}
	first, second := &durable{Source: ratelimit.NewMemory(100, c.now)}, &durable{Source: ratelimit.NewMemory(100, c.now)}
	var o told
	f := ratelimit.NewFallback(first, second, c.now, o.outage())
	must(t, f, ten, "k", true)
	first.down.Store(true)
	for range 10 {
		must(t, f, ten, "k", true)
	}
	must(t, f, ten, "k", false)
	if first.calls.Load() != 2 || second.calls.Load() != 11 {
		t.Errorf("the first was asked %d times and the second %d, want 2 and 11", first.calls.Load(), second.calls.Load())
	}
	c.advance(1100 * time.Millisecond)
	must(t, f, ten, "k", false)
	o.check(t, 12, 1, 0) // tried, still down, told once
	first.down.Store(false)
	must(t, f, ten, "k", false)
	c.advance(1100 * time.Millisecond)
	for range 9 { // the first remembers the one it granted
		must(t, f, ten, "k", true)
	}
	must(t, f, ten, "k", false)
	o.check(t, 13, 1, 1)
	if n := second.calls.Load(); n != 13 {
		t.Errorf("the second was asked %d times after the first was back", n-13)
	}
}

// hanging is a source that answers an error only when told to.
type hanging struct {
	ratelimit.Source
	entered, leave chan struct{}
	calls          atomic.Int64
}

func (h *hanging) Take(context.Context, ratelimit.Limit, string, float64) (ratelimit.Decision, error) {
	h.calls.Add(1)
	h.entered <- struct{}{}
	<-h.leave
	return ratelimit.Decision{}, errors.New("no answer")
}

// While one caller tries a source that was down, nobody else waits for it.
func TestOneCallerTries(t *testing.T) {
	t.Parallel()
	c := &clock{}
	h := &hanging{entered: make(chan struct{}), leave: make(chan struct{})}
	f := ratelimit.NewFallback(h, ratelimit.NewMemory(100, c.now), c.now, nil)
	done := make(chan struct{})
	try := func() { must(t, f, ten, "k", true); done <- struct{}{} }
	for range 2 { // the first failure, and the try after its rest
		go try()
		<-h.entered
		if h.calls.Load() == 2 {
			for range 5 {
				must(t, f, ten, "others", true)
			}
		}
		h.leave <- struct{}{}
		<-done
		c.advance(1100 * time.Millisecond)
	}
	if n := h.calls.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

func TestFallbackTellsAMistakeFromAnOutage(t *testing.T) {
	t.Parallel()
	c := &clock{}
	var o told
	f := ratelimit.NewFallback(ratelimit.NewMemory(100, c.now), ratelimit.NewMemory(100, c.now), c.now, o.outage())
	if _, err := f.Take(context.Background(), ten, "k", 11); !problem.Is(err, problem.Internal) {
		t.Errorf("an impossible cost: %v", err)
	}
	o.check(t, 0, 0, 0)
}

// Both down: the error says so, and a Layered in front decides by itself.
func TestBothDown(t *testing.T) {
	t.Parallel()
	c := &clock{}
	first, second := &durable{Source: ratelimit.NewMemory(100, c.now)}, &durable{Source: ratelimit.NewMemory(100, c.now)}
	first.down.Store(true)
	second.down.Store(true)
	f := ratelimit.NewFallback(first, second, c.now, nil)
	if _, err := f.Take(context.Background(), ten, "k", 1); err == nil {
		t.Error("nobody decided, and there was no error")
	}
	y := ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), f, nil)
	for range 10 {
		must(t, y, ten, "k", true)
	}
	must(t, y, ten, "k", false)
}

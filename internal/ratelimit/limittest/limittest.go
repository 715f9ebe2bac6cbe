// Package limittest is the one test suite that every ratelimit.Source passes. It promises that sources may be exchanged; only tests call it.
package limittest

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// Open makes an empty source for one test and a function that moves its clock forward. The source's clock may also run by itself:
// the suite's limits are in hours, and it allows for a minute.
type Open func(t *testing.T) (s ratelimit.Source, advance func(time.Duration))

const slack = time.Minute

var ten = ratelimit.Limit{Name: "suite_ten", Burst: 10, Every: time.Hour, MaxDelay: 3 * time.Hour}

// Run tests a source.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*bench){
		"burst":             burst,
		"refill":            refill,
		"retry after":       retryAfter,
		"fractions":         fractions,
		"refusal is free":   refusalIsFree,
		"refund":            refund,
		"keys and limits":   apart,
		"bad cost":          badCost,
		"concurrent takes":  concurrentTakes,
		"concurrent refund": concurrentRefunds,
		"reserve":           reserve,
		"concurrent books":  concurrentReserve,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, advance := open(t)
			test(&bench{t, s, advance})
		})
	}
}

// bench makes the rules below read like a policy.
type bench struct {
	*testing.T
	s       ratelimit.Source
	advance func(time.Duration)
}

func (b *bench) take(l ratelimit.Limit, key string, cost float64) ratelimit.Decision {
	b.Helper()
	d, err := b.s.Take(context.Background(), l, key, cost)
	if err != nil {
		b.Fatalf("Take(%s, %s, %v): %v", l.Name, key, cost, err)
	}
	return d
}

func (b *bench) allow(l ratelimit.Limit, key string, cost float64, times int) {
	b.Helper()
	for i := range times {
		if d := b.take(l, key, cost); !d.Allowed || d.RetryAfter != 0 {
			b.Fatalf("take %d of %d at %v was refused: %+v", i+1, times, cost, d)
		}
	}
}

func (b *bench) deny(l ratelimit.Limit, key string, cost float64) ratelimit.Decision {
	b.Helper()
	d := b.take(l, key, cost)
	if d.Allowed || d.RetryAfter <= 0 {
		b.Fatalf("a take of %v was not refused with a wait: %+v", cost, d)
	}
	return d
}

func (b *bench) give(l ratelimit.Limit, key string, cost float64) {
	b.Helper()
	if err := b.s.Give(context.Background(), l, key, cost); err != nil {
		b.Fatalf("Give(%s, %s, %v): %v", l.Name, key, cost, err)
	}
}

func (b *bench) near(what string, got, want time.Duration) {
	b.Helper()
	if got > want || got < want-slack {
		b.Errorf("%s = %v, want %v", what, got, want)
	}
}

func burst(b *bench) {
	for left := 9; left >= 0; left-- {
		if d := b.take(ten, "k", 1); !d.Allowed || d.Remaining != left {
			b.Fatalf("got %+v, want allowed with %d left", d, left)
		}
	}
	d := b.deny(ten, "k", 1)
	b.near("wait for one token", d.RetryAfter, time.Hour)
	if d.Remaining != 0 {
		b.Errorf("refused with %d left", d.Remaining)
	}
}

func refill(b *bench) {
	b.allow(ten, "k", 1, 10)
	b.advance(time.Hour)
	b.allow(ten, "k", 1, 1)
	b.deny(ten, "k", 1)
	b.advance(3 * time.Hour)
	b.allow(ten, "k", 1, 3)
	b.deny(ten, "k", 1)
	b.advance(1000 * time.Hour) // an idle key never holds more than its burst
	b.allow(ten, "k", 1, 10)
	b.deny(ten, "k", 1)
}

func retryAfter(b *bench) {
	b.allow(ten, "k", 1, 10)
	b.near("wait for four", b.deny(ten, "k", 4).RetryAfter, 4*time.Hour)
	b.advance(90 * time.Minute)
	d := b.deny(ten, "k", 4)
	b.near("wait for four, later", d.RetryAfter, 150*time.Minute)
	b.advance(d.RetryAfter - slack)
	b.deny(ten, "k", 4)
	b.advance(slack)
	b.allow(ten, "k", 4, 1)
}

func fractions(b *bench) {
	b.allow(ten, "k", 0.1, 100)
	b.near("wait for a tenth", b.deny(ten, "k", 0.1).RetryAfter, 6*time.Minute)
	b.advance(6 * time.Minute)
	b.allow(ten, "k", 0.1, 1)
	b.deny(ten, "k", 0.1)
	b.allow(ten, "other", 2.5, 4)
	b.deny(ten, "other", 0.5)
}

func refusalIsFree(b *bench) {
	b.allow(ten, "k", 8, 1)
	for range 5 {
		b.deny(ten, "k", 3)
	}
	b.allow(ten, "k", 2, 1)
	b.deny(ten, "k", 1)
}

func refund(b *bench) {
	b.give(ten, "never seen", 10)
	b.allow(ten, "never seen", 1, 10)
	b.deny(ten, "never seen", 1)

	b.allow(ten, "k", 1, 10)
	b.deny(ten, "k", 1)
	b.give(ten, "k", 1) // a 503 costs nothing
	b.allow(ten, "k", 1, 1)
	b.deny(ten, "k", 0.9)
	b.give(ten, "k", 0.9) // a refused password costs a tenth
	b.deny(ten, "k", 1)
	b.allow(ten, "k", 0.9, 1)

	b.give(ten, "k", 10)
	b.give(ten, "k", 10)
	b.allow(ten, "k", 1, 10)
	b.deny(ten, "k", 1)
}

func apart(b *bench) {
	twin := ten
	twin.Name = "suite_twin"
	b.allow(ten, "a", 10, 1)
	b.deny(ten, "a", 1)
	b.allow(ten, "b", 10, 1)
	b.allow(twin, "a", 10, 1)
	b.give(twin, "a", 10)
	b.deny(ten, "a", 1)
}

func badCost(b *bench) {
	for _, cost := range []float64{0, -1, 10.5, math.NaN(), math.Inf(1)} {
		if d, err := b.s.Take(context.Background(), ten, "k", cost); err == nil {
			b.Errorf("Take of %v: %+v, want an error", cost, d)
		}
		if err := b.s.Give(context.Background(), ten, "k", cost); err == nil {
			b.Errorf("Give of %v: no error", cost)
		}
	}
	b.allow(ten, "k", 10, 1)
}

func together(n int, f func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	wg.Wait()
}

func concurrentTakes(b *bench) {
	var allowed atomic.Int32
	together(100, func() {
		d, err := b.s.Take(context.Background(), ten, "k", 1)
		if err != nil {
			b.Errorf("Take: %v", err)
		}
		if d.Allowed {
			allowed.Add(1)
		}
	})
	if n := allowed.Load(); n != 10 {
		b.Errorf("%d of 100 takers got a token out of 10", n)
	}
}

func concurrentRefunds(b *bench) {
	b.allow(ten, "k", 1, 5)
	together(50, func() {
		d, err := b.s.Take(context.Background(), ten, "k", 1)
		if err != nil || !d.Allowed {
			return
		}
		if err := b.s.Give(context.Background(), ten, "k", 1); err != nil {
			b.Errorf("Give: %v", err)
		}
	})
	b.allow(ten, "k", 1, 5)
	b.deny(ten, "k", 1)
}

func (b *bench) book(key string) time.Duration {
	b.Helper()
	d, err := b.s.Reserve(context.Background(), ten, key)
	if err != nil {
		b.Fatalf("Reserve: %v", err)
	}
	return d
}

func reserve(b *bench) {
	for range 10 {
		if d := b.book("k"); d != 0 {
			b.Fatalf("a token was there, but the wait is %v", d)
		}
	}
	b.deny(ten, "k", 1) // Take and Reserve share the bucket
	for h := 1; h <= 3; h++ {
		b.near("wait", b.book("k"), time.Duration(h)*time.Hour)
	}
	for range 5 {
		b.near("wait at the cap: the last slot, shared", b.book("k"), 3*time.Hour)
	}
	b.advance(30 * time.Minute)
	b.near("the last slot comes nearer", b.book("k"), 150*time.Minute)
	b.advance(30 * time.Minute)
	b.near("and a new one opens", b.book("k"), 3*time.Hour)
	b.advance(1000 * time.Hour)
	if d := b.book("k"); d != 0 {
		b.Errorf("a full bucket makes nobody wait, got %v", d)
	}
}

func concurrentReserve(b *bench) {
	var mu sync.Mutex
	slots := map[int]int{}
	together(20, func() {
		d, err := b.s.Reserve(context.Background(), ten, "k")
		if err != nil {
			b.Errorf("Reserve: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		slots[int(math.Ceil((d-slack).Hours()))]++ // a source's clock, read when asked, may be milliseconds behind another's
	})
	if slots[0] != 10 || slots[1] != 1 || slots[2] != 1 || slots[3] != 8 {
		b.Errorf("hours of wait → how many = %v, want 10 at once, one each after 1 and 2 h, and 8 who share the third", slots)
	}
}

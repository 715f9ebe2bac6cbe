package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

const mib = 1 << 20

func newAdmission(t *testing.T, budget, perHash int64, queue int, wait time.Duration) *Admission {
	t.Helper()
	a, err := NewAdmission(budget, perHash, queue, wait)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func enter(t *testing.T, a *Admission, bytes int64) (leave func()) {
	t.Helper()
	leave, err := a.Enter(t.Context(), bytes)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func expectStats(t *testing.T, a *Admission, inUse, waiting int) {
	t.Helper()
	if gotUse, gotWaiting, _ := a.Stats(); gotUse != inUse || gotWaiting != waiting {
		t.Errorf("%d in use, %d waiting; want %d and %d", gotUse, gotWaiting, inUse, waiting)
	}
}

// TestAdmissionHoldsUnderFiveHundred has 500 callers come at once: slots and bytes are never exceeded, everybody gets a slot or
// an honest refusal, and nothing is left behind.
func TestAdmissionHoldsUnderFiveHundred(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(t, 40*mib, 19*mib, 100, 2*time.Second)
		_, _, slots := a.Stats()
		var inside, bytes, most, served, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 500 {
			size := int64(1+i%3) * 10 * mib
			all.Go(func() {
				leave, err := a.Enter(t.Context(), size)
				if err != nil {
					if !problem.Is(err, problem.Unavailable) || problem.RetryAfter(err) != 2*time.Second {
						t.Errorf("refused with %v", err)
					}
					refused.Add(1)
					return
				}
				if now := inside.Add(1); now > int64(slots) || bytes.Add(size) > 40*mib {
					t.Errorf("%d inside %d slots with %d MiB", now, slots, bytes.Load()/mib)
				} else if now > most.Load() {
					most.Store(now)
				}
				time.Sleep(100 * time.Millisecond) // the bubble's clock
				bytes.Add(-size)
				inside.Add(-1)
				served.Add(1)
				leave()
			})
		}
		all.Wait()
		if served.Load()+refused.Load() != 500 || refused.Load() < 400-int64(slots) || served.Load() < 20 {
			t.Errorf("%d served, %d refused", served.Load(), refused.Load())
		}
		if most.Load() != int64(slots) {
			t.Errorf("at most %d of %d slots were ever used", most.Load(), slots)
		}
		expectStats(t, a, 0, 0)
	})
}

func TestAdmissionSlots(t *testing.T) {
	t.Parallel()
	if _, _, slots := newAdmission(t, 1<<40, 19*mib, 1, time.Second).Stats(); slots != max(processors-1, 1) || runtime.GOMAXPROCS(0) != 2*processors {
		t.Errorf("%d slots with memory to spare", slots)
	}
	if _, _, slots := newAdmission(t, 19*mib, 19*mib, 1, time.Second).Stats(); slots != 1 {
		t.Errorf("%d slots in memory for one", slots)
	}
	for _, bad := range []struct {
		budget, perHash int64
		queue           int
		wait            time.Duration
	}{{18 * mib, 19 * mib, 1, 1}, {mib, 0, 1, 1}, {mib, mib, -1, 1}, {mib, mib, 1, 0}} {
		if _, err := NewAdmission(bad.budget, bad.perHash, bad.queue, bad.wait); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestAdmissionIsFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(t, 20*mib, 20*mib, 10, time.Minute)
		leave := enter(t, a, 20*mib)
		order := make(chan int, 3)
		for i, size := range []int64{20 * mib, mib, mib} {
			go func() {
				next := enter(t, a, size)
				order <- i
				next()
			}()
			synctest.Wait()
		}
		expectStats(t, a, 1, 3)
		leave()
		leave() // a second time does nothing
		for want := range 3 {
			if got := <-order; got != want {
				t.Errorf("caller %d came in place of %d", got, want)
			}
		}
		synctest.Wait()
		expectStats(t, a, 0, 0)
	})
}

func TestAdmissionRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(t, 20*mib, 20*mib, 1, 3*time.Second)
		if _, err := a.Enter(t.Context(), 21*mib); !problem.Is(err, problem.Unavailable) || problem.RetryAfter(err) != 0 {
			t.Errorf("more than the budget: %v", err)
		}
		leave := enter(t, a, 20*mib)
		start := time.Now()
		waited := make(chan error)
		go func() {
			_, err := a.Enter(t.Context(), mib)
			waited <- err
		}()
		synctest.Wait()
		if _, err := a.Enter(t.Context(), mib); problem.RetryAfter(err) != 3*time.Second || time.Since(start) != 0 {
			t.Errorf("full line: %v after %v", err, time.Since(start))
		}
		if err := <-waited; problem.RetryAfter(err) != 3*time.Second || time.Since(start) != 3*time.Second {
			t.Errorf("wait that ran out: %v after %v", err, time.Since(start))
		}
		expectStats(t, a, 1, 0)
		leave()
		enter(t, a, 20*mib)()
	})
}

// TestAdmissionCallerThatGoesAway leaves the line at once, and those it held back get in.
func TestAdmissionCallerThatGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(t, 40*mib, 10*mib, 10, time.Minute)
		a.slots = 3 // whatever the machine has
		leave := enter(t, a, 20*mib)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := a.Enter(ctx, 40*mib)
			gone <- err
		}()
		synctest.Wait()
		in := make(chan func())
		go func() { in <- enter(t, a, 10*mib) }()
		synctest.Wait()
		expectStats(t, a, 1, 2)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) || !problem.Is(err, problem.Unavailable) {
			t.Errorf("gone: %v", err)
		}
		(<-in)()
		expectStats(t, a, 1, 0)
		leave()
		if _, err := a.Enter(ctx, mib); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller already gone: %v", err)
		}
		expectStats(t, a, 0, 0)
	})
}

// TestAdmissionLosesNothing lets waits run out, callers leave and slots come free in the same instants.
func TestAdmissionLosesNothing(t *testing.T) {
	t.Parallel()
	a := newAdmission(t, 4*mib, 2*mib, 1000, time.Millisecond)
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*500*time.Microsecond)
			defer cancel()
			leave, err := a.Enter(ctx, int64(1+i%4)*mib)
			if err != nil {
				return
			}
			runtime.Gosched()
			leave()
		})
	}
	all.Wait()
	expectStats(t, a, 0, 0)
	if a.used != 0 {
		t.Errorf("%d bytes still counted", a.used)
	}
}

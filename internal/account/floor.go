package account

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/password"
)

// Floor is the time under which no "invalid" is answered: what the dearest scheme in the base takes here and now. Without it
// the time would tell which scheme an account has, and so that it exists (design §6.3). It is safe for concurrent use.
type Floor struct {
	hasher    *password.Hasher
	admission *password.Admission

	mu    sync.Mutex
	takes map[string]taking // by label
}

// taking is what one comparison of a scheme takes: at worst, measured once with the longest password, and lately, a moving average.
type taking struct{ worst, lately time.Duration }

// NewFloor starts with no floor; Learn measures the schemes in the base.
func NewFloor(h *password.Hasher, a *password.Admission) *Floor {
	return &Floor{hasher: h, admission: a, takes: map[string]taking{}}
}

// Learn measures, once each and each in an admission slot, the schemes not measured yet.
func (f *Floor) Learn(ctx context.Context, labels []string) error {
	for _, label := range labels {
		if f.known(label) {
			continue
		}
		sample, ok := password.Sample(label)
		if !ok {
			continue // never computed, so never dear
		}
		if err := f.measure(ctx, label, sample); err != nil {
			return err
		}
	}
	return nil
}

func (f *Floor) measure(ctx context.Context, label, sample string) error {
	leave, err := f.admission.Enter(ctx, max(password.Identify(sample).Memory, f.hasher.Memory()))
	if err != nil {
		return err
	}
	defer leave()
	best := time.Duration(math.MaxInt64)
	for range 3 { // the quickest of three is what the work takes; the others show what else the machine was doing
		started := time.Now()
		if _, err := f.hasher.VerifyFull(sample, strings.Repeat("x", password.MaxBytes)); err != nil {
			return err
		}
		best = min(best, time.Since(started))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes[label] = taking{worst: best}
	return nil
}

func (f *Floor) known(label string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.takes[label].worst > 0
}

// Observe tells what one comparison of a scheme took. The average moves by an eighth, so that the floor follows the machine's load.
func (f *Floor) Observe(label string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.takes[label]
	if t.lately == 0 {
		t.lately = took
	}
	t.lately += (took - t.lately) / 8
	f.takes[label] = t
}

// Duration is the floor now: the dearest scheme and a quarter, to cover its spread.
func (f *Floor) Duration() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var dearest time.Duration
	for _, t := range f.takes {
		dearest = max(dearest, t.worst, t.lately)
	}
	return dearest + dearest/4
}

// Wait sleeps until the floor has passed since the hash work began, or the context ends.
func (f *Floor) Wait(ctx context.Context, started time.Time) error {
	timer := time.NewTimer(time.Until(started.Add(f.Duration())))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

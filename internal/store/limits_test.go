package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/ratelimit/limittest"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, store.Options) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limittest.Run(t, func(t *testing.T) (ratelimit.Source, func(time.Duration)) {
				var ahead atomic.Int64
				s := open(t, store.Options{Clock: func(now time.Time) time.Time { return now.Add(time.Duration(ahead.Load())) }})
				return s.Limits(), func(d time.Duration) { ahead.Add(int64(d)) }
			})
		})
	}
}

// Buckets that are full again are removed; those in use stay.
func TestSweepLimits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		quick := ratelimit.Limit{Name: "quick", Burst: 1, Every: time.Microsecond}
		slow := ratelimit.Limit{Name: "slow", Burst: 1, Every: time.Hour}
		for _, l := range []ratelimit.Limit{quick, slow} {
			if _, err := s.Limits().Take(ctx, l, "k", 1); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.SweepLimits(ctx, 10); err != nil || n != 1 {
			t.Fatalf("%d removed, %v", n, err)
		}
		if d, err := s.Limits().Take(ctx, slow, "k", 1); err != nil || d.Allowed {
			t.Fatalf("the slow bucket was forgotten: %+v %v", d, err)
		}
	})
}

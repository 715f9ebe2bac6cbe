package progress

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// A look never waits longer than it says, and what it began is there for the next one.
func TestGlance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count, n := counting(3 * time.Second)
		w := NewWatchers(count)
		look := func(patience time.Duration) (got *News, waited time.Duration) {
			ctx, leave := context.WithTimeout(t.Context(), patience)
			defer leave()
			began := time.Now()
			got = w.Glance(ctx, 7)
			return got, time.Since(began)
		}
		wants := func(what string, patience, wait time.Duration, opened int64) {
			t.Helper()
			got, waited := look(patience)
			if (got == nil) != (opened == 0) || got != nil && got.Progress.Opened != opened || waited != wait {
				t.Errorf("%s: %+v after %s, want count %d after %s", what, got, waited, opened, wait)
			}
		}
		wants("the first look", 200*time.Millisecond, 200*time.Millisecond, 0)
		wants("another one meanwhile", 0, 0, 0)
		wants("one that waits for it", time.Minute, 2800*time.Millisecond, 1)
		wants("one right after", time.Minute, 0, 1)
		time.Sleep(59 * time.Second) // the interval is a minute
		wants("one before the next is due", time.Minute, 0, 1)
		if n.Load() != 1 {
			t.Errorf("counted %d times for nobody", n.Load()-1)
		}
		time.Sleep(2 * time.Second)
		wants("one too late", 200*time.Millisecond, 200*time.Millisecond, 1) // the old count, and a new one begins
		time.Sleep(3 * time.Second)
		wants("one after that", 0, 0, 2)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n.Load() != 2 {
			t.Errorf("counted %d times for nobody", n.Load()-2)
		}
		ctx, leave := context.WithCancel(t.Context())
		if got := <-w.Watch(ctx, 7); got.Progress.Opened != 3 { // a count of an hour ago is no news
			t.Errorf("a watcher is told count %d", got.Progress.Opened)
		}
		leave()
		synctest.Wait()
	})
}

// Several campaigns are counted one after the other, and so seldom that together they take no more of a connection than one.
func TestCampaignsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most, all atomic.Int64
		w := NewWatchers(func(_ context.Context, id int64) (campaign.Progress, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			all.Add(1)
			return campaign.Progress{Opened: id}, nil
		})
		ctx, leave := context.WithCancel(t.Context())
		news := w.WatchAll(ctx, []int64{1, 2, 3})
		seen := map[int64]bool{}
		for range 3 {
			n := <-news
			if n.Every != 3*share*time.Second || n.Campaign != n.Progress.Opened {
				t.Errorf("%+v", n)
			}
			seen[n.Campaign] = true
		}
		if len(seen) != 3 {
			t.Errorf("told of %v", seen)
		}
		go func() {
			for range news {
			}
		}()
		time.Sleep(10 * time.Minute)
		if most.Load() != 1 {
			t.Errorf("%d counts at a time", most.Load())
		}
		if got := all.Load(); got > 10*60/share {
			t.Errorf("%d seconds of ten minutes went into counting", got)
		}
		leave()
		synctest.Wait()
		if _, more := <-news; more {
			t.Error("the news goes on for nobody")
		}
	})
}

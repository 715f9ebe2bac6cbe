package progress

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// counting counts how often it was asked, and takes a while.
func counting(took time.Duration) (Count, *atomic.Int64) {
	var n atomic.Int64
	return func(context.Context, int64) (campaign.Progress, error) {
		time.Sleep(took)
		return campaign.Progress{Opened: n.Add(1)}, nil
	}, &n
}

func TestManyWatchersOneCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count, n := counting(10 * time.Millisecond)
		w := NewWatchers(count)
		ctx, leave := context.WithCancel(t.Context())
		var seats []<-chan News
		for range 50 {
			seats = append(seats, w.Watch(ctx, 7))
		}
		for _, seat := range seats {
			if got := <-seat; got.Progress.Opened != 1 || got.Every != Fastest {
				t.Fatalf("%+v", got)
			}
		}
		late := w.Watch(ctx, 7)
		if got := <-late; got.Progress.Opened != 1 { // at once, and without counting again
			t.Fatalf("%+v", got)
		}
		time.Sleep(10*(Fastest+10*time.Millisecond) + Fastest/2)
		synctest.Wait()
		if n.Load() != 11 {
			t.Errorf("counted %d times in ten intervals, want 11", n.Load())
		}
		if got := <-seats[0]; got.Progress.Opened != 11 { // slow, so it has missed ten and not the latest
			t.Errorf("a slow watcher got count %d", got.Progress.Opened)
		}
		leave()
		synctest.Wait()
		time.Sleep(time.Minute)
		if n.Load() != 11 {
			t.Errorf("counted %d times more for nobody", n.Load()-11)
		}
		if _, more := <-late; more { // what was untaken, or the end
			if _, more := <-late; more {
				t.Error("a seat is open after its watcher left")
			}
		}
	})
}

func TestSlowCountsComeSeldom(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		time.Millisecond: Fastest, 500 * time.Millisecond: 10 * time.Second, time.Minute: Slowest,
	} {
		synctest.Test(t, func(t *testing.T) {
			count, _ := counting(took)
			ctx, leave := context.WithCancel(t.Context())
			got := <-NewWatchers(count).Watch(ctx, 1)
			leave()
			synctest.Wait()
			if got.Every != want {
				t.Errorf("a count of %s is repeated every %s, want %s", took, got.Every, want)
			}
		})
	}
}

func TestTroubleIsToldAndPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection reset")
		var calls atomic.Int64
		w := NewWatchers(func(context.Context, int64) (campaign.Progress, error) {
			if calls.Add(1) == 1 {
				return campaign.Progress{}, broken
			}
			return campaign.Progress{}, nil
		})
		ctx, leave := context.WithCancel(t.Context())
		seat := w.Watch(ctx, 1)
		if got := <-seat; !errors.Is(got.Err, broken) {
			t.Errorf("%v", got.Err)
		}
		if got := <-seat; got.Err != nil {
			t.Errorf("%v", got.Err)
		}
		leave()
		synctest.Wait()
	})
}

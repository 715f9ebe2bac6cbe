package operator

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// failing is one notice that no mail server takes.
type failing struct {
	NoticeStore
	notice Notice
	again  []time.Duration
	stop   func()
}

func (f *failing) ClaimNotices(context.Context, time.Duration) ([]Notice, error) {
	f.notice.Attempts++
	return []Notice{f.notice}, nil
}

func (f *failing) NoticesFailed(_ context.Context, _ []int64, again time.Duration, why string) error {
	f.again = append(f.again, again)
	if why != "no route" || len(f.again) == 9 {
		f.stop()
		return errors.New("enough")
	}
	return nil
}

// The pauses between tries double to an hour, and after three days nobody tries any more.
func TestHeraldTriesAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age  time.Duration
		want []time.Duration
	}{
		{0, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}},
		{heraldGives + time.Hour, make([]time.Duration, 9)},
	} {
		ctx, stop := context.WithCancel(t.Context())
		store := &failing{notice: Notice{At: time.Now().Add(-c.age)}, stop: stop}
		(&Herald{Store: store, Logger: slog.New(slog.DiscardHandler), Send: func(context.Context, string, string, string) error { return errors.New("no route") }}).Run(ctx)
		if len(store.again) != len(c.want) {
			t.Fatalf("pauses %v", store.again)
		}
		for i, want := range c.want {
			if store.again[i] != want*time.Minute {
				t.Errorf("pause %d is %v, want %d minutes", i+1, store.again[i], want)
			}
		}
	}
}

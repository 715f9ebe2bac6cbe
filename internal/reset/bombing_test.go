package reset_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// clockwork is a bundle whose database and limits go by a clock that the test winds.
type clockwork struct {
	*bundle
	ahead *atomic.Int64
}

func eachClock(t *testing.T, f func(c clockwork)) {
	t.Helper()
	t.Parallel()
	run := func(open func(testing.TB, store.Options) *store.Store) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			ahead := &atomic.Int64{}
			later := func(at time.Time) time.Time { return at.Add(time.Duration(ahead.Load())) }
			b := newBundle(t, open(t, store.Options{Clock: later}))
			b.Limits = ratelimit.NewMemory(10000, func() time.Time { return later(time.Now()) })
			f(clockwork{b, ahead})
		}
	}
	t.Run("sqlite", run(storetest.SQLite))
	t.Run("postgres", run(storetest.Postgres))
}

// deliver sends what is due as delivery does, and says how many mails go to each recipient of a row, by account or typed address.
func (c clockwork) deliver() map[string]int {
	c.t.Helper()
	ctx := context.Background()
	mails := map[string]int{}
	for {
		due, err := c.store.ClaimSingles(ctx, queue.Lease{Owner: "test", For: time.Minute}, 8, true)
		if err != nil {
			c.t.Fatal(err)
		}
		if len(due) == 0 {
			return mails
		}
		for _, s := range due {
			to := s.Key
			if to == "" {
				to = fmt.Sprintf("%s %d", s.Kind, s.Recipients[0].Account)
			}
			mails[to]++
			now, err := c.store.Now(ctx)
			if err != nil {
				c.t.Fatal(err)
			}
			var marks []queue.Mark
			for _, id := range s.IDs {
				marks = append(marks, queue.Mark{ID: id, State: queue.Sent, At: now, Kind: s.Kind, Tried: true})
			}
			if _, err := c.store.MarkSingles(ctx, "test", marks); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// stranger is one of many addresses that an attacker has.
func stranger(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}) }

// bombed lets a day of 1,000 requests go by and counts the mails of each hour. The cap holds, and whoever is bombed is never without a link for
// longer than an hour: the links live as long.
func (c clockwork) bombed(to string) {
	c.t.Helper()
	total := 0
	for hour := range 25 {
		got := c.deliver()[to]
		if got == 0 {
			c.t.Errorf("no mail in hour %d: a stranger keeps the member from getting one", hour)
		}
		total += got
		c.ahead.Add(int64(time.Hour))
	}
	if total > ratelimit.ForgotMail.PerDay() {
		c.t.Errorf("%d mails in a day, more than the cap of %d", total, ratelimit.ForgotMail.PerDay())
	}
	if late := c.deliver(); len(late) != 0 {
		c.t.Errorf("after the day these mails are left: %v", late)
	}
}

// TestMailBombing is attack 19: 1,000 requests for one address, from everywhere.
func TestMailBombing(t *testing.T) {
	eachClock(t, func(c clockwork) {
		ctx := context.Background()
		link := c.mint(time.Now(), time.Hour)
		for n := range 1000 {
			c.ok("asking", c.Request(ctx, "member@example.com", stranger(n), "en"))
		}
		c.ok("the member asks too", c.Request(ctx, "member@example.com", client, "en"))
		c.bombed("member@example.com")
		c.ok("the member's own link", c.Redeem(ctx, submission(link, newPassword)))
	})
}

// TestReissueBombing presses the button of one old link 1,000 times, which needs no more than the link.
func TestReissueBombing(t *testing.T) {
	eachClock(t, func(c clockwork) {
		ctx := context.Background()
		old := c.mint(time.Now().Add(-48*time.Hour), time.Hour)
		for n := range 1000 {
			c.ok("pressing", c.Reissue(ctx, old, stranger(n)))
		}
		c.bombed(fmt.Sprintf("reissue %d", c.id))
	})
}

// TestOneClientAsksForMany: a request each for 1,000 addresses from one client ends in 429 after the first hundred, which get one mail each, and
// others go on.
func TestOneClientAsksForMany(t *testing.T) {
	eachClock(t, func(c clockwork) {
		ctx := context.Background()
		refused := 0
		for n := range 1000 {
			if err := c.Request(ctx, fmt.Sprintf("m%d@example.com", n), client, "en"); err != nil {
				c.want("asking", err, problem.Limited)
				refused++
			}
		}
		if allowed := 1000 - refused; allowed < ratelimit.ForgotAddress.Burst || allowed > ratelimit.ForgotAddress.Burst+10 {
			c.t.Errorf("%d requests were taken, want the limit of %d and what comes back meanwhile", allowed, ratelimit.ForgotAddress.Burst)
		}
		c.ok("somebody else", c.Request(ctx, "m999@example.com", stranger(1), "en"))
		mails := c.deliver()
		if len(mails) != 1001-refused || mails["m0@example.com"] != 1 || mails["m999@example.com"] != 1 {
			c.t.Errorf("%d addresses got mail, want %d with one each", len(mails), 1001-refused)
		}
	})
}

// TestNoticesOfChangeAreCapped: the owner hears of the first changes at once; a stranger who reads the mailbox cannot flood it, and no notice is lost.
func TestNoticesOfChangeAreCapped(t *testing.T) {
	eachClock(t, func(c clockwork) {
		const changes = 8
		for n := range changes {
			c.ok("changing", c.Redeem(context.Background(), submission(c.mint(time.Now(), time.Hour), fmt.Sprintf("%d a quite different one", n))))
		}
		notice := fmt.Sprintf("changed %d", c.id)
		if got := c.deliver()[notice]; got != ratelimit.NoticeAccount.Burst {
			c.t.Errorf("%d notices went at once, want %d", got, ratelimit.NoticeAccount.Burst)
		}
		for range changes - ratelimit.NoticeAccount.Burst {
			c.ahead.Add(int64(time.Hour))
			if got := c.deliver()[notice]; got != 1 {
				c.t.Errorf("%d notices went an hour later, want 1", got)
			}
		}
	})
}

package ratelimit_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/ratelimit/limittest"
)

// clock is a hand-moved clock.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func TestMemory(t *testing.T) {
	t.Parallel()
	limittest.Run(t, func(*testing.T) (ratelimit.Source, func(time.Duration)) {
		c := &clock{}
		return ratelimit.NewMemory(100, c.now), c.advance
	})
}

func TestLargeMemory(t *testing.T) {
	t.Parallel()
	limittest.Run(t, func(*testing.T) (ratelimit.Source, func(time.Duration)) {
		c := &clock{}
		return ratelimit.NewMemory(100_000, c.now), c.advance
	})
}

func TestLayered(t *testing.T) {
	t.Parallel()
	limittest.Run(t, func(*testing.T) (ratelimit.Source, func(time.Duration)) {
		c := &clock{}
		return ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), ratelimit.NewMemory(100, c.now), nil), c.advance
	})
}

// A source that is down for good: memory alone must still pass everything.
func TestLayeredWithoutDurable(t *testing.T) {
	t.Parallel()
	limittest.Run(t, func(*testing.T) (ratelimit.Source, func(time.Duration)) {
		c := &clock{}
		d := &durable{Source: ratelimit.NewMemory(1, c.now)}
		d.down.Store(true)
		return ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), d, nil), c.advance
	})
}

// GCRA must be the token bucket it stands for: the same decisions as a counter of tokens that refills with time.
func TestSpendIsATokenBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := ratelimit.Limit{
			Name: "p", Burst: rapid.IntRange(1, 50).Draw(t, "burst"),
			Every: time.Duration(rapid.IntRange(1, 5_000_000).Draw(t, "every")) * time.Microsecond,
		}
		tat, now, full := int64(0), int64(0), l.Window()
		level := full // in microseconds of refill
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			pass := rapid.Int64Range(0, full/2+1).Draw(t, "pass")
			now, level = now+pass, min(full, level+pass)
			cost := float64(rapid.IntRange(1, l.Burst*10).Draw(t, "tenths")) / 10
			if rapid.Bool().Draw(t, "refund") {
				tat, level = l.Refund(tat, now, cost), min(full, level+l.Cost(cost))
				continue
			}
			var d ratelimit.Decision
			tat, d = l.Spend(tat, now, cost)
			if want := level >= l.Cost(cost); d.Allowed != want {
				t.Fatalf("allowed = %v with %d of %d, cost %v", d.Allowed, level, full, cost)
			}
			if !d.Allowed {
				if want := l.Cost(cost) - level; d.RetryAfter.Microseconds() != want {
					t.Fatalf("retry after %v, want %d µs", d.RetryAfter, want)
				}
				continue
			}
			level -= l.Cost(cost)
			if d.Remaining != int(level/l.Every.Microseconds()) {
				t.Fatalf("%d remaining of level %d", d.Remaining, level)
			}
		}
	})
}

var ten = ratelimit.Limit{Name: "ten", Burst: 10, Every: time.Minute, MaxDelay: time.Hour}

func must(t *testing.T, s ratelimit.Source, l ratelimit.Limit, key string, want bool) ratelimit.Decision {
	t.Helper()
	d, err := s.Take(context.Background(), l, key, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.Allowed != want {
		t.Fatalf("Take of %q: %+v, want allowed = %v", key, d, want)
	}
	return d
}

// Every key is hammered from all sides at once while the clock stands still: exactly its burst gets through.
func TestMemoryIsExactUnderContention(t *testing.T) {
	t.Parallel()
	c := &clock{}
	const keys, workers, tries = 4, 8, 5000
	l := ratelimit.Limit{Name: "hot", Burst: 10_000, Every: time.Minute}
	m := ratelimit.NewMemory(100, c.now)
	var allowed [keys]atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range tries * keys {
				if d, err := m.Take(context.Background(), l, string(rune('a'+i%keys)), 1); err == nil && d.Allowed {
					allowed[i%keys].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range allowed {
		if n := allowed[i].Load(); n != int64(l.Burst) {
			t.Errorf("key %d: %d of %d takes passed, want %d", i, n, workers*tries, l.Burst)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{}
	for _, size := range []int{3, 5000} {
		m := ratelimit.NewMemory(size, c.now)
		for i := range 4 * size {
			must(t, m, ten, strings.Repeat("x", i%7)+string(rune(i)), true)
		}
		if m.Len() > size {
			t.Errorf("%d keys in a memory for %d", m.Len(), size)
		}
		if m.Evicted() == 0 {
			t.Errorf("keys in use were forgotten and nobody counted")
		}
	}
}

func TestMemoryForgetsTheKeyUnusedForLongest(t *testing.T) {
	t.Parallel()
	c := &clock{}
	m := ratelimit.NewMemory(2, c.now)
	one := ratelimit.Limit{Name: "one", Burst: 1, Every: time.Hour}
	must(t, m, one, "attacker", true)
	must(t, m, one, "old", true)
	must(t, m, one, "attacker", false) // being refused is a use
	must(t, m, one, "new", true)
	must(t, m, one, "attacker", false)
	must(t, m, one, "old", true)
}

func TestMemoryKeepsNoFullBuckets(t *testing.T) {
	t.Parallel()
	c := &clock{}
	m := ratelimit.NewMemory(100, c.now)
	ctx := context.Background()
	must(t, m, ten, "a", true)
	if err := m.Give(ctx, ten, "a", 1); err != nil {
		t.Fatal(err)
	}
	if err := m.Give(ctx, ten, "b", 1); err != nil {
		t.Fatal(err)
	}
	if m.Len() != 0 || m.Evicted() != 0 {
		t.Errorf("%d keys held, %d evicted, want none", m.Len(), m.Evicted())
	}
}

// A rush of strangers leaves behind what is still in use, though nobody comes back, and though a key that stays in use for longer is older than all.
func TestMemoryForgetsWhatIsFullAgain(t *testing.T) {
	t.Parallel()
	c := &clock{}
	m := ratelimit.NewMemory(100_000, c.now)
	one := ratelimit.Limit{Name: "one", Burst: 1, Every: time.Hour}
	must(t, m, one, "kept", true)
	const inUse = 1000 // each for a second, one a millisecond
	for i := range 50 * inUse {
		must(t, m, ratelimit.Limit{Name: "brief", Burst: 5, Every: time.Second}, strconv.Itoa(i), true)
		c.advance(time.Millisecond)
	}
	if n := m.Len(); n < inUse || n > 3*inUse {
		t.Errorf("%d keys held, of which %d are in use", n, inUse)
	}
	must(t, m, one, "kept", false)
	if m.Evicted() != 0 {
		t.Errorf("%d keys forgotten in use", m.Evicted())
	}
}

// durable counts what reaches it and can be taken down.
type durable struct {
	ratelimit.Source
	calls atomic.Int64
	down  atomic.Bool
}

func (d *durable) reach() error {
	d.calls.Add(1)
	if d.down.Load() {
		return errors.New("database is down")
	}
	return nil
}

func (d *durable) Take(ctx context.Context, l ratelimit.Limit, key string, cost float64) (ratelimit.Decision, error) {
	if err := d.reach(); err != nil {
		return ratelimit.Decision{}, err
	}
	return d.Source.Take(ctx, l, key, cost)
}

func (d *durable) Give(ctx context.Context, l ratelimit.Limit, key string, cost float64) error {
	if err := d.reach(); err != nil {
		return err
	}
	return d.Source.Give(ctx, l, key, cost)
}

func (d *durable) Reserve(ctx context.Context, l ratelimit.Limit, key string) (time.Duration, error) {
	if err := d.reach(); err != nil {
		return 0, err
	}
	return d.Source.Reserve(ctx, l, key)
}

func TestFloodDoesNotReachTheDatabase(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := &durable{Source: ratelimit.NewMemory(100, c.now)}
	y := ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), d, nil)
	for range 10 {
		must(t, y, ten, "k", true)
	}
	for range 1000 {
		must(t, y, ten, "k", false)
	}
	if n := d.calls.Load(); n != 10 {
		t.Errorf("1,010 takes reached the database %d times, want 10", n)
	}
}

// What another replica used up is learned with one call, then repeated from memory until the moment it ends, and not longer.
func TestRefusalOfAnotherReplicaIsRemembered(t *testing.T) {
	t.Parallel()
	c := &clock{}
	shared := ratelimit.NewMemory(100, c.now)
	d := &durable{Source: shared}
	y := ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), d, nil)
	for range 10 {
		must(t, shared, ten, "k", true)
	}
	if got := must(t, y, ten, "k", false).RetryAfter; got != time.Minute {
		t.Errorf("told to wait %v, want %v", got, time.Minute)
	}
	c.advance(40 * time.Second)
	for range 100 {
		if got := must(t, y, ten, "k", false).RetryAfter; got != 20*time.Second {
			t.Fatalf("told to wait %v, want %v", got, 20*time.Second)
		}
	}
	if n := d.calls.Load(); n != 1 {
		t.Errorf("the database was asked %d times, want once", n)
	}
	c.advance(20 * time.Second)
	must(t, y, ten, "k", true)
	must(t, y, ten, "other", true)
}

// A rush of keys that are used once leaves nothing in memory; who comes again is refused, at length without the database; while that is down,
// memory holds what it sees then.
func TestKeysUsedOnceAreNotKept(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := &durable{Source: ratelimit.NewMemory(1000, c.now)}
	memory := ratelimit.NewMemory(1000, c.now)
	y := ratelimit.NewLayered(memory, d, nil)
	once := ratelimit.Limit{Name: "once", Burst: 1, Every: time.Minute, Once: true}
	for i := range 100 {
		must(t, y, once, strconv.Itoa(i), true)
	}
	if n := memory.Len(); n != 0 {
		t.Errorf("%d keys in memory", n)
	}
	for range 10 {
		must(t, y, once, "7", false)
	}
	if n := d.calls.Load(); n != 101 {
		t.Errorf("the database was asked %d times, want once for each key and once more", n)
	}
	d.down.Store(true)
	must(t, y, once, "new", true)
	must(t, y, once, "new", false)
}

// told counts what a source says of an outage.
type told struct {
	without, began, ended atomic.Int64
	cause                 atomic.Value
}

func (o *told) outage() *ratelimit.Outage {
	return &ratelimit.Outage{
		Without: func(ratelimit.Limit) { o.without.Add(1) },
		Began:   func(err error) { o.began.Add(1); o.cause.Store(err.Error()) },
		Ended:   func() { o.ended.Add(1) },
	}
}

func (o *told) check(t *testing.T, without, began, ended int64) {
	t.Helper()
	if diff := cmp.Diff([]int64{without, began, ended}, []int64{o.without.Load(), o.began.Load(), o.ended.Load()}); diff != "" {
		t.Errorf("decisions without the source, outages begun, outages ended:\n%s", diff)
	}
}

func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := &durable{Source: ratelimit.NewMemory(100, c.now)}
	var o told
	y := ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), d, o.outage())
	for range 6 {
		must(t, y, ten, "k", true)
	}
	d.down.Store(true)
	for range 4 { // memory has seen the six: the limit holds, nothing fails open
		must(t, y, ten, "k", true)
	}
	must(t, y, ten, "k", false)
	if w, err := y.Reserve(context.Background(), ten, "k"); err != nil || w != time.Minute {
		t.Errorf("Reserve = %v, %v, want a minute", w, err)
	}
	if n := d.calls.Load(); n != 7 {
		t.Errorf("the dead database was asked %d times, want once and then left alone", n-6)
	}
	if o.check(t, 5, 1, 0); o.cause.Load() != "database is down" {
		t.Errorf("the cause told is %v", o.cause.Load())
	}
	c.advance(2 * time.Second)
	must(t, y, ten, "fresh", true)
	o.check(t, 6, 1, 0) // still down, and told once
	d.down.Store(false)
	c.advance(2 * time.Second)
	must(t, y, ten, "fresh", true)
	if n := d.calls.Load(); n != 9 {
		t.Errorf("the database was not asked again after its rest")
	}
	o.check(t, 6, 1, 1)
}

func TestHangingUpDoesNotTakeTheDatabaseAway(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := &durable{Source: ratelimit.NewMemory(100, c.now)}
	y := ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), d, nil)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	d.down.Store(true)
	if _, err := y.Take(gone, ten, "k", 1); err != nil {
		t.Fatal(err)
	}
	d.down.Store(false)
	must(t, y, ten, "other", true)
	if n := d.calls.Load(); n != 2 {
		t.Errorf("the database was asked %d times, want 2", n)
	}
}

func TestMemoryLimitsNeverReachTheDatabase(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := &durable{Source: ratelimit.NewMemory(100, c.now)}
	y := ratelimit.NewLayered(ratelimit.NewMemory(100, c.now), d, nil)
	ctx := context.Background()
	for _, l := range []ratelimit.Limit{ratelimit.Flood, ratelimit.GateKey, ratelimit.ForgotGlobal} {
		must(t, y, l, "k", true)
		if err := y.Give(ctx, l, "k", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := y.Reserve(ctx, l, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.calls.Load(); n != 0 {
		t.Errorf("the database was asked %d times", n)
	}
}

func TestChargeSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	c := &clock{}
	m := ratelimit.NewMemory(10, c.now)
	if err := ratelimit.Charge(context.Background(), m, ten, "k", 10); err != nil {
		t.Fatalf("a full bucket: %v", err)
	}
	err := ratelimit.Charge(context.Background(), m, ten, "k", 2)
	if !problem.Is(err, problem.Limited) || problem.RetryAfter(err) != 2*time.Minute {
		t.Errorf("got %v after %v, want Limited after 2m", err, problem.RetryAfter(err))
	}
	if err := ratelimit.Charge(context.Background(), m, ten, "k", 11); !problem.Is(err, problem.Internal) {
		t.Errorf("an impossible cost: %v, want Internal", err)
	}
}

func TestKeyer(t *testing.T) {
	t.Parallel()
	keyer := func(secret string) ratelimit.Keyer {
		return ratelimit.NewKeyer(func(parts ...string) []byte {
			h := hmac.New(sha256.New, []byte(secret))
			h.Write([]byte(strings.Join(parts, "")))
			return h.Sum(nil)
		})
	}
	k := keyer("one")
	seen := map[string][]string{}
	for _, parts := range [][]string{{"a", "bc"}, {"ab", "c"}, {"abc"}, {"abc", ""}, {"", "abc"}, {}, {""}, {"1:a"}, {"x:y"}, {"x", "y"}, {":x", "y"}, {strings.Repeat("long", 1000)}} {
		key := k.Key(parts...)
		if len(key) != 22 || strings.Contains(key, "abc") {
			t.Errorf("Key(%q) = %q, want 22 characters that say nothing", parts, key)
		}
		if other, taken := seen[key]; taken {
			t.Errorf("%q and %q share a key", parts, other)
		}
		seen[key] = parts
	}
	if again := k.Key("a"); again != k.Key("a") || k.Key("a") == keyer("two").Key("a") {
		t.Error("a key must depend on the parts and the secret, and on nothing else")
	}
}

func TestClientPrefix(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.7":                "192.0.2.7",
		"::ffff:192.0.2.7":         "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":      "2001:db8:1:2::/64",
		"2001:db8:1:3::1":          "2001:db8:1:3::/64",
		"fe80::1%eth0":             "fe80::/64",
		"64:ff9b::c000:207":        "192.0.2.7",
		"64:ff9b:1::c000:207":      "64:ff9b:1::/64",
		"::1":                      "::/64",
		"2001:db8:1:2:3:4:5:6%any": "2001:db8:1:2::/64",
	} {
		if got := ratelimit.ClientPrefix(netip.MustParseAddr(in)); got != want {
			t.Errorf("ClientPrefix(%s) = %s, want %s", in, got, want)
		}
	}
	if got := ratelimit.ClientPrefix(netip.Addr{}); got != "unknown" {
		t.Errorf("ClientPrefix of nothing = %q", got)
	}
}

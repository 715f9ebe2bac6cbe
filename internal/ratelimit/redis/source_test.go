package redis_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/ratelimit/limittest"
	"github.com/seed-1c168855/rekey/internal/ratelimit/redis"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

var ten = ratelimit.Limit{Name: "ten", Burst: 10, Every: time.Hour, MaxDelay: 3 * time.Hour}

// patience is long, so that a busy machine does not look like a server that is down.
const patience = 30 * time.Second

func open(t testing.TB, url string) *redis.Source {
	t.Helper()
	return openFor(t, url, patience)
}

func openFor(t testing.TB, url string, timeout time.Duration) *redis.Source {
	t.Helper()
	s, err := redis.Open(url, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// direct is a connection of the test's own, to look at what is kept.
func direct(t testing.TB, url string) *goredis.Client {
	t.Helper()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() }) // nothing is lost with it
	return c
}

func must(t testing.TB, s ratelimit.Source, key string, want bool) ratelimit.Decision {
	t.Helper()
	d, err := s.Take(context.Background(), ten, key, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.Allowed != want {
		t.Fatalf("Take of %q: %+v, want allowed = %v", key, d, want)
	}
	return d
}

// pass lets time pass for all keys of a database: Redis's clock cannot be moved, so what the keys say moves the other way.
func pass(t testing.TB, c *goredis.Client, d time.Duration) {
	t.Helper()
	ctx := context.Background()
	keys, err := c.Keys(ctx, "*").Result()
	for _, key := range keys {
		err = errors.Join(err, c.DecrBy(ctx, key, d.Microseconds()).Err())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The suite of every source, against a real server. Each test has a database of its own.
func TestSource(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	var used atomic.Int64
	limittest.Run(t, func(t *testing.T) (ratelimit.Source, func(time.Duration)) {
		url := fmt.Sprintf("%s?db=%d", server.URL(), used.Add(1))
		c := direct(t, url)
		return open(t, url), func(d time.Duration) { pass(t, c, d) }
	})
}

// Two processes share one bucket: of all their tries exactly the burst passes.
func TestProcessesShareABucket(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	sources := []*redis.Source{open(t, server.URL()), open(t, server.URL())}
	var allowed [2]atomic.Int64
	var wg sync.WaitGroup
	for i, s := range sources {
		for range 4 {
			wg.Go(func() {
				for range 50 {
					d, err := s.Take(context.Background(), ten, "k", 0.1)
					if err != nil {
						t.Error(err)
					}
					if d.Allowed {
						allowed[i].Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	if a, b := allowed[0].Load(), allowed[1].Load(); a+b != 100 || a == 0 || b == 0 {
		t.Errorf("%d and %d of 200 takes of a tenth passed, want 100 together", a, b)
	}
}

// A key is gone by itself when its bucket is full again, and a full bucket is no key.
func TestKeysExpire(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	s, c, ctx := open(t, server.URL()), direct(t, server.URL()), context.Background()
	must(t, s, "k", true)
	must(t, s, "k", true)
	ttl, err := c.PTTL(ctx, "rekey:limit:ten:k").Result()
	if err != nil || ttl > 2*time.Hour+time.Second || ttl < 2*time.Hour-time.Minute {
		t.Errorf("two tokens an hour apart last %v, %v", ttl, err)
	}
	if err := s.Give(ctx, ten, "k", 2); err != nil {
		t.Fatal(err)
	}
	if n, err := c.DBSize(ctx).Result(); n != 0 || err != nil {
		t.Errorf("%d keys for a full bucket, %v", n, err)
	}
}

// What somebody else put where a bucket belongs neither stops a decision nor opens a limit for longer than one burst.
func TestForeignValues(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	s, c, ctx := open(t, server.URL()), direct(t, server.URL()), context.Background()
	const key = "rekey:limit:ten:"
	now := time.Now()
	in := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).UnixMicro(), 10) }
	for name, v := range map[string]struct {
		put  func(key string) error
		left int // tokens the bucket then has
	}{
		"list":          {func(k string) error { return c.LPush(ctx, k, "x").Err() }, 10},
		"hash":          {func(k string) error { return c.HSet(ctx, k, "x", "y").Err() }, 10},
		"text":          {func(k string) error { return c.Set(ctx, k, "x", 0).Err() }, 10},
		"past":          {func(k string) error { return c.Set(ctx, k, "-1e300", 0).Err() }, 10},
		"infinite":      {func(k string) error { return c.Set(ctx, k, "inf", 0).Err() }, 0},
		"not a number":  {func(k string) error { return c.Set(ctx, k, "nan", 0).Err() }, 0},
		"a clock ahead": {func(k string) error { return c.Set(ctx, k, in(1000*time.Hour), 0).Err() }, 0},
		"half":          {func(k string) error { return c.Set(ctx, k, in(5*time.Hour-time.Minute), 0).Err() }, 5},
	} {
		if err := v.put(key + name); err != nil {
			t.Fatal(err)
		}
		for range v.left {
			must(t, s, name, true)
		}
		if wait := must(t, s, name, false).RetryAfter; wait > ten.MaxDelay+time.Hour {
			t.Errorf("%s: told to wait %v, more than any use of the limit can make it", name, wait)
		}
	}
}

// A server that knows no scripts is sent them once; after that the digest does.
func TestScriptsAreSentOnce(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	s, c, ctx := open(t, server.URL()), direct(t, server.URL()), context.Background()
	for range 5 {
		must(t, s, "k", true)
	}
	if err := c.ScriptFlush(ctx).Err(); err != nil { // as a restart does
		t.Fatal(err)
	}
	for range 5 {
		must(t, s, "k", true)
	}
	stats, err := c.Info(ctx, "commandstats").Result()
	if err != nil || !strings.Contains(stats, "cmdstat_eval:calls=2,") || !strings.Contains(stats, "cmdstat_evalsha:calls=10,") {
		t.Errorf("want 10 takes by digest, 2 of them sent again with the text: %v\n%s", err, stats)
	}
}

// Killed under way: decisions go on from the other source, which still limits; once the server is back it is used by itself.
func TestOutage(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	var without, began, ended atomic.Int64
	spare := ratelimit.NewMemory(100, nil)
	s := ratelimit.NewFallback(open(t, server.URL()), spare, clock, &ratelimit.Outage{
		Without: func(ratelimit.Limit) { without.Add(1) },
		Began:   func(error) { began.Add(1) },
		Ended:   func() { ended.Add(1) },
	})
	check := func(want ...int64) {
		t.Helper()
		if diff := cmp.Diff(want, []int64{without.Load(), began.Load(), ended.Load(), int64(spare.Len())}); diff != "" {
			t.Fatalf("decisions without Redis, outages begun and ended, keys in the other source:\n%s", diff)
		}
	}
	for range 10 {
		must(t, s, "k", true)
	}
	must(t, s, "k", false)
	check(0, 0, 0, 0)

	server.Kill(t)
	for range 10 {
		must(t, s, "k", true)
	}
	must(t, s, "k", false)
	check(11, 1, 0, 1)
	ahead.Add(int64(2 * time.Second))
	must(t, s, "k", false)
	check(12, 1, 0, 1)

	server.Start(t)
	ahead.Add(int64(2 * time.Second))
	for range 10 {
		must(t, s, "back", true)
	}
	must(t, s, "back", false)
	check(12, 1, 1, 1)
}

// A server that takes connections and does not answer costs no more than the time-out, however many ask at once.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	server := testdb.StartRedis(t)
	const timeout = 100 * time.Millisecond
	s := openFor(t, server.URL(), timeout)
	server.Hang(t)
	start := time.Now()
	var wg sync.WaitGroup
	for range 100 { // more than there are connections
		wg.Go(func() {
			if d, err := s.Take(context.Background(), ten, "k", 1); err == nil {
				t.Errorf("got %+v from a server that does not answer", d)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 20*timeout { // a busy machine
		t.Errorf("100 decisions at once took %v to fail, want about %v", took, timeout)
	}
	server.Wake(t)
	must(t, open(t, server.URL()), "fresh", true)
}

// A server that breaks off every connection is dialled once a decision: whoever falls back must not wait for more.
func TestNothingIsRetried(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var dialled atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			dialled.Add(1)
			_ = conn.Close() // that is the point
		}
	}()
	s := open(t, "redis://"+l.Addr().String())
	for range 5 {
		if d, err := s.Take(context.Background(), ten, "k", 1); err == nil {
			t.Errorf("got %+v", d)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if n := dialled.Load(); n != 5 {
		t.Errorf("5 decisions dialled %d times", n)
	}
}

func freePort(t *testing.T) string { return strconv.Itoa(testdb.FreePort(t)) }

// node starts a cluster node with some of the 16,384 slots.
func node(t *testing.T, first, last int) (server *testdb.Redis, own *goredis.Client, port, bus string) {
	t.Helper()
	port, bus = freePort(t), freePort(t)
	server = testdb.StartRedis(t, "--bind", "127.0.0.1", "--port", port, "--cluster-port", bus, "--cluster-enabled", "yes", "--databases", "1")
	own = direct(t, server.URL())
	if err := own.ClusterAddSlotsRange(context.Background(), first, last).Err(); err != nil {
		t.Fatal(err)
	}
	return server, own, port, bus
}

// awaitCluster returns when both nodes say that the cluster is whole: they offer no way to be told.
func awaitCluster(t *testing.T, nodes ...*goredis.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, n := range nodes {
		for {
			info, err := n.ClusterInfo(ctx).Result()
			if err != nil {
				t.Fatalf("the cluster is not whole: %v", err)
			}
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:2") {
				break
			}
			<-tick.C
		}
	}
}

// Half of the slots on each of two nodes: from the address of one alone, the keys of both are found and held to their limits.
// When a node is gone, no decision takes longer than the time-out.
func TestCluster(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, a, port, _ := node(t, 0, 8191)
	second, b, otherPort, otherBus := node(t, 8192, 16383)
	if err := a.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", otherPort, otherBus).Err(); err != nil {
		t.Fatal(err)
	}
	awaitCluster(t, a, b)
	s := open(t, "redis://127.0.0.1:"+port+"?addr=127.0.0.1:"+port)
	for k := range 10 {
		for range 10 {
			must(t, s, strconv.Itoa(k), true)
		}
		must(t, s, strconv.Itoa(k), false)
	}
	onA, errA := a.DBSize(ctx).Result()
	onB, errB := b.DBSize(ctx).Result()
	if errA != nil || errB != nil || onA == 0 || onB == 0 || onA+onB != 10 {
		t.Errorf("%d keys on one node and %d on the other, %v, %v", onA, onB, errA, errB)
	}
	second.Kill(t)
	const timeout = 100 * time.Millisecond
	s = openFor(t, "redis://127.0.0.1:"+port+"?addr=127.0.0.1:"+port, timeout)
	failed := 0
	for k := range 10 {
		start := time.Now()
		if _, err := s.Take(ctx, ten, strconv.Itoa(k), 1); err != nil {
			failed++
		}
		if took := time.Since(start); took > 20*timeout { // a busy machine
			t.Errorf("with a node gone a decision took %v", took)
		}
	}
	if failed < int(onB) {
		t.Errorf("%d decisions failed, want those of the %d keys that are gone", failed, onB)
	}
}

// A password, given in the URL as Redis wants it, opens; a wrong one is an error that does not show it.
func TestPassword(t *testing.T) {
	t.Parallel()
	const word = "p/a?s s#1"
	server := testdb.StartRedis(t, "--requirepass", word)
	must(t, open(t, strings.Replace(server.URL(), "unix://", "unix://:p%2Fa%3Fs%20s%231@", 1)), "k", true)
	for _, user := range []string{"", ":hunter2hunter2@", "someone:hunter2hunter2@"} {
		_, err := open(t, strings.Replace(server.URL(), "unix://", "unix://"+user, 1)).Take(context.Background(), ten, "k", 1)
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), word) {
			t.Errorf("as %q: %v", user, err)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"redis://cache", "redis://cache:7000/3", "rediss://user:pw@cache:6380", "redis://:pw@[::1]:6379/0", "unix:///run/redis.sock",
		"unix://user:pw@/run/redis.sock?db=2", "redis://a:1?addr=b:1&addr=c:1", "rediss://user:pw@a:1/?addr=a:1",
	} {
		open(t, good)
	}
	for _, bad := range []string{
		"", "cache:6379", "http://hunter2@cache", "redis://", "redis:cache", "redis://:hunter2@", "redis://:hunter2@cache:port", "redis://:hunt/er2@cache", "redis://:hunt#er2@cache",
		"redis://:hunt%er2@cache", "redis://cache/hunter2", "redis://cache/1/2", "redis://cache/-1", "redis://cache?db=1", "redis://cache?password=hunter2",
		"redis://cache?read_timeout=1h", "redis://cache?skip_verify=true", "unix://", "unix:///s?db=hunter2", "unix:///s?addr=b", "redis://a/1?addr=b:1", "redis://a?db=1&addr=b:1",
	} {
		s, err := redis.Open(bad, patience)
		if err == nil {
			t.Errorf("%q was taken", bad)
			_ = s.Close() // it holds nothing yet
			continue
		}
		if strings.Contains(err.Error(), "hunt") || strings.Contains(err.Error(), "er2") {
			t.Errorf("%q: the error shows the password: %v", bad, err)
		}
	}
}

// rediss checks the server's name and certificate, whatever the URL says.
func TestTLSIsChecked(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	if err := selfSigned(dir); err != nil {
		t.Fatal(err)
	}
	testdb.StartRedis(t, "--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", dir+"/cert.pem", "--tls-key-file", dir+"/key.pem", "--tls-auth-clients", "no")
	_, err := open(t, "rediss://127.0.0.1:"+port).Take(context.Background(), ten, "k", 1)
	if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
		t.Errorf("a certificate of its own making: %v", err)
	}
}

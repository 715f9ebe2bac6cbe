package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

func init() { redisTimeout = 30 * time.Second }

// replica is a process of the service on the terminal's database.
func (r *terminal) replica(redisURL string) (*app, *bytes.Buffer) {
	r.t.Helper()
	var logged bytes.Buffer
	c := &cli{}
	s := &session{getenv: r.getenv, stdin: strings.NewReader(""), stdout: io.Discard, stderr: &logged, settings: &c.Settings}
	if _, status := parse(context.Background(), c, s, []string{"version", "--redis-url=" + redisURL}); status != exitOK {
		r.t.Fatalf("exit %d: %s", status, logged.String())
	}
	a, err := newApp(r.t.Context(), &c.Settings, slog.New(slog.NewJSONHandler(&logged, nil)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := a.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return a, &logged
}

// spend takes n tokens, all of which have to be there.
func spend(t *testing.T, a *app, key string, n int) {
	t.Helper()
	for i := range n {
		if err := ratelimit.Charge(t.Context(), a.limits, ratelimit.VerifyPair, key, 1); err != nil {
			t.Fatalf("token %d of %q: %v", i+1, key, err)
		}
	}
}

// shared checks that two processes have one bucket of ten, whoever keeps it: each alone has seen less than the burst.
func shared(t *testing.T, a, b *app, key string) {
	t.Helper()
	spend(t, a, key, 6)
	spend(t, b, key, 4)
	if d, err := b.limits.Take(t.Context(), ratelimit.VerifyPair, key, 1); err != nil || d.Allowed {
		t.Errorf("%q: an eleventh token of ten: %+v, %v", key, d, err)
	}
}

// fallen is how many decisions on a limit the database made in place of Redis.
func (a *app) fallen(t *testing.T, l ratelimit.Limit) float64 {
	t.Helper()
	families, err := a.http.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "rekey_limit_fallback_total" && m.GetLabel()[0].GetValue() == l.Name {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// Two processes share their limits through Redis; without it through the database; and through Redis again as soon as it is back.
// Each outage is one line in the log and counts in a metric.
func TestRedisAndItsOutage(t *testing.T) {
	t.Parallel()
	redis := testdb.StartRedis(t)
	r := atTerminal(t)
	a, log := r.replica(redis.URL())
	b, _ := r.replica(redis.URL())
	fallen := func() float64 { return a.fallen(t, ratelimit.VerifyPair) }
	shared(t, a, b, "all is well")
	if fallen() != 0 || log.Len() != 0 {
		t.Errorf("%v decisions without Redis, log: %s", fallen(), log)
	}

	redis.Kill(t)
	shared(t, a, b, "without Redis")
	if fallen() != 6 || strings.Count(log.String(), "Redis does not answer") != 1 {
		t.Errorf("%v decisions without Redis, want 6; log: %s", fallen(), log)
	}

	redis.Start(t)
	tick := time.NewTicker(20 * time.Millisecond) // a rest is in real time here
	defer tick.Stop()
	for _, each := range []*app{a, b} {
		for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
			before := each.fallen(t, ratelimit.VerifyLogin)
			if err := each.limits.Give(t.Context(), ratelimit.VerifyLogin, "nobody", 1); err != nil || time.Now().After(deadline) {
				t.Fatalf("Redis is not used again: %v", err)
			}
			if each.fallen(t, ratelimit.VerifyLogin) == before {
				break
			}
		}
	}
	before := fallen()
	shared(t, a, b, "all is well again")
	if fallen() != before || strings.Count(log.String(), "in Redis again") != 1 || strings.Count(log.String(), "\n") != 2 {
		t.Errorf("%v more decisions without Redis; log: %s", fallen()-before, log)
	}
}

// The service starts while Redis is down, says so once, and limits.
func TestServeStartsWithoutRedis(t *testing.T) {
	r := atTerminal(t)
	s := r.serve("--redis-url=unix://" + t.TempDir() + "/none.sock")
	for range 3 {
		if status, _ := s.ask(http.MethodPost, s.public+"/reset/check", "", "application/json", `{"token":"x"}`); status >= 500 {
			t.Errorf("a check without Redis: %d", status)
		}
	}
	if _, metrics := s.get(s.admin + "/metrics"); !strings.Contains(metrics, `rekey_limit_fallback_total{limit="reset_address"}`) {
		t.Error("no metric counts that Redis did not answer")
	}
	if status := s.stop(); status != exitOK || strings.Count(s.log.String(), "Redis does not answer") != 1 {
		t.Errorf("exit %d, log: %s", status, s.log)
	}
}

// A URL that is none is refused before anything is opened, and never repeated.
func TestRedisURLIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://:hunter2@cache", "redis://:hunter2@cache:port", "redis://:hunter2@cache/x", "redis://:hun/ter2@cache", "redis://cache?password=hunter2"} {
		r := atTerminal(t)
		r.env["REKEY_REDIS_URL"] = url
		var said bytes.Buffer
		status := run(t.Context(), []string{"serve"}, r.getenv, strings.NewReader(""), io.Discard, &said)
		if status != exitUsage || !strings.Contains(said.String(), "REKEY_REDIS_URL: must b") || strings.Contains(said.String(), "hun") || strings.Contains(said.String(), "ter2") {
			t.Errorf("%s: exit %d, %s", url, status, said.String())
		}
	}
}

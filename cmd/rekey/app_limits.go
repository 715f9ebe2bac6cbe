package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/ratelimit/redis"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// redisTimeout is how long a decision waits for Redis before the database makes it. Tests are more patient, so that a busy machine
// does not look like an outage.
var redisTimeout = 250 * time.Millisecond

// openRedis makes the source that REKEY_REDIS_URL names, nil if none. It connects to nothing.
func openRedis(s *config.Settings) (*redis.Source, error) {
	if s.RedisURL.IsZero() {
		return nil, nil
	}
	source, err := redis.Open(s.RedisURL.Reveal(), redisTimeout)
	if err != nil {
		return nil, usagef("REKEY_REDIS_URL: %w", err)
	}
	return source, nil
}

// buildLimits stacks the sources: memory, then Redis if there is one, then the database.
func (a *app) buildLimits(master secret.Master) {
	a.memory = ratelimit.NewMemory(a.settings.LimitKeys, nil)
	var durable ratelimit.Source = a.store.Limits()
	if a.redis != nil {
		durable = ratelimit.NewFallback(a.redis, durable, nil, a.redisOutage())
	}
	a.limits = ratelimit.NewLayered(a.memory, durable, a.databaseOutage())
	a.limitKeys = limitKeyer(master)
}

func limitKeyer(master secret.Master) ratelimit.Keyer {
	return ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) })
}

func (a *app) databaseOutage() *ratelimit.Outage {
	return &ratelimit.Outage{
		Without: func(l ratelimit.Limit) { a.metrics.alone.WithLabelValues(l.Name).Inc() },
		Began:   func(err error) { a.logger.Warn("rate limits are counted by this process alone", "error", err) },
		Ended:   func() { a.logger.Info("rate limits are shared again") },
	}
}

func (a *app) redisOutage() *ratelimit.Outage {
	return &ratelimit.Outage{
		Without: func(l ratelimit.Limit) { a.metrics.fallback.WithLabelValues(l.Name).Inc() },
		Began: func(err error) {
			a.logger.Warn("Redis does not answer: rate limits are counted in the database until it does", "error", err)
		},
		Ended: func() { a.logger.Info("rate limits are counted in Redis again") },
	}
}

func (a *app) closeRedis() error {
	if a.redis == nil {
		return nil
	}
	return a.redis.Close()
}

// tryLimits asks Redis once, by giving back a token that nobody took, so that a wrong password or host shows in the log now and not at
// the first member. That Redis is down is no error.
func (a *app) tryLimits(ctx context.Context) error {
	if a.redis == nil {
		return nil
	}
	if err := a.limits.Give(ctx, ratelimit.ForgotMail, a.limitKeys.Key("start"), 1); err != nil {
		return fmt.Errorf("trying the rate limits: %w", err)
	}
	return nil
}

// Package redis counts rate limits in Redis, for a fleet whose database should not carry them. It promises the decisions of every other source (limittest), by one clock, Redis's own,
// and an answer or an error within its timeout; only cmd may call it. Nothing of go-redis/redis_rate is in it: that module knows neither refunds nor bookings nor costs below one, and counts in fractions of a second.
package redis

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// prefix keeps the keys apart from those of others in the same Redis. Two installations cannot meet: their keys are MACs under different master keys.
const prefix = "rekey:limit:"

// Source is a ratelimit.Source in Redis 5 or newer, Valkey, or a cluster of either. A key is a string of decimal digits, the tat in microseconds
// since 1970 by Redis's clock, and expires when its bucket is full again. What is not such a number is replaced; one beyond what the limit can
// reach, such as after Redis's clock was set back, counts as the most it can.
type Source struct {
	client  redis.UniversalClient
	timeout time.Duration
}

// Close ends the connections.
func (s *Source) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("closing the connections to Redis: %w", err)
	}
	return nil
}

// Each script gets one key, so that it runs on any cluster.
var (
	//go:embed head.lua
	head string
	//go:embed take.lua
	takeBody string
	//go:embed give.lua
	giveBody string
	//go:embed reserve.lua
	reserveBody string

	take    = redis.NewScript(head + takeBody)
	give    = redis.NewScript(head + giveBody)
	reserve = redis.NewScript(head + reserveBody)
)

// Take implements ratelimit.Source.
func (s *Source) Take(ctx context.Context, l ratelimit.Limit, key string, cost float64) (d ratelimit.Decision, err error) {
	if err := l.Check(cost); err != nil {
		return d, err
	}
	a, err := s.run(ctx, take, l, key, cost)
	switch {
	case err != nil:
		return d, fmt.Errorf("charging limit %s in Redis: %w", l.Name, err)
	case a.moved:
		return l.Granted(a.tat, a.now), nil
	default:
		return l.Refused(a.tat, a.now, cost), nil
	}
}

// Give implements ratelimit.Source.
func (s *Source) Give(ctx context.Context, l ratelimit.Limit, key string, cost float64) error {
	if err := l.Check(cost); err != nil {
		return err
	}
	if _, err := s.run(ctx, give, l, key, cost); err != nil {
		return fmt.Errorf("refunding limit %s in Redis: %w", l.Name, err)
	}
	return nil
}

// Reserve implements ratelimit.Source.
func (s *Source) Reserve(ctx context.Context, l ratelimit.Limit, key string) (time.Duration, error) {
	a, err := s.run(ctx, reserve, l, key, 1)
	if err != nil {
		return 0, fmt.Errorf("booking limit %s in Redis: %w", l.Name, err)
	}
	return time.Duration(max(0, a.tat-a.now-l.Window())) * time.Microsecond, nil
}

// answer is what a script gives back.
type answer struct {
	moved    bool  // whether it moved the tat
	tat, now int64 // microseconds since 1970, by Redis's clock
}

// run runs a script by its digest, and sends the text only where Redis does not know it.
func (s *Source) run(ctx context.Context, script *redis.Script, l ratelimit.Limit, key string, cost float64) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	keys := []string{prefix + l.Name + ":" + key}
	got, err := script.Run(ctx, s.client, keys, l.Cost(cost), l.Window(), l.MaxDelay.Microseconds()).Int64Slice()
	if err != nil {
		return answer{}, err
	}
	if len(got) != 3 {
		return answer{}, fmt.Errorf("a script gave %d numbers in place of 3", len(got))
	}
	return answer{moved: got[0] == 1, tat: got[1], now: got[2]}, nil
}

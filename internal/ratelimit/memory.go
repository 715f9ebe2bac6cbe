package ratelimit

import (
	"container/list"
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Memory is the source of one process. It forgets at a restart and knows nothing of other replicas.
type Memory struct {
	clock   func() time.Time
	start   time.Time
	seed    maphash.Seed
	shards  []shard
	evicted atomic.Int64
}

type entryKey struct{ limit, key string }

type entry struct {
	key entryKey
	tat int64
}

// shard is a least-recently-used map. Full buckets are not kept, so what fills it are keys in use: one that is full again goes when a hand that
// walks from the one not used for longest to the one used last, and begins anew, comes by.
type shard struct {
	mu      sync.Mutex
	max     int
	entries map[entryKey]*list.Element
	order   list.List     // front: used last
	hand    *list.Element // nil: at the end of its way
}

// steps are how many keys the hand looks at for each new one, so that it comes round while there are at most half as many new ones as keys.
const steps = 2

// shardCount spreads the locks; a source small enough to be cheap anyway has one shard and evicts in exact order.
const shardCount, smallSource = 32, 4096

// NewMemory makes a source that keeps at most about maxKeys keys (some 200 bytes each); when more are in use the one not used for longest is forgotten.
// A nil clock is time.Now, whose monotonic reading a stepping wall clock does not move.
func NewMemory(maxKeys int, clock func() time.Time) *Memory {
	if clock == nil {
		clock = time.Now
	}
	n := shardCount
	if maxKeys < smallSource {
		n = 1
	}
	m := &Memory{clock: clock, start: clock(), seed: maphash.MakeSeed(), shards: make([]shard, n)}
	for i := range m.shards {
		m.shards[i].max = max(1, maxKeys/n)
		m.shards[i].entries = make(map[entryKey]*list.Element)
	}
	return m
}

// Take implements Source.
func (m *Memory) Take(_ context.Context, l Limit, key string, cost float64) (Decision, error) {
	if err := l.Check(cost); err != nil {
		return Decision{}, err
	}
	var d Decision
	m.change(l, key, func(tat, now int64) (next int64) {
		next, d = l.Spend(tat, now, cost)
		return next
	})
	return d, nil
}

// Give implements Source.
func (m *Memory) Give(_ context.Context, l Limit, key string, cost float64) error {
	if err := l.Check(cost); err != nil {
		return err
	}
	m.change(l, key, func(tat, now int64) int64 { return l.Refund(tat, now, cost) })
	return nil
}

// Reserve implements Source.
func (m *Memory) Reserve(_ context.Context, l Limit, key string) (time.Duration, error) {
	var wait time.Duration
	m.change(l, key, func(tat, now int64) (next int64) {
		next, wait = l.Book(tat, now)
		return next
	})
	return wait, nil
}

// Len is how many keys are held.
func (m *Memory) Len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += len(s.entries)
		s.mu.Unlock()
	}
	return n
}

// Evicted counts keys forgotten while still in use. When it rises, maxKeys is too small for the traffic or somebody is spraying keys.
func (m *Memory) Evicted() int64 { return m.evicted.Load() }

// learn undoes a Take that a stricter source refused, and raises the tat to what that source must hold, so that
// the next refusals come from here until the wait is over.
func (m *Memory) learn(l Limit, key string, cost float64, wait time.Duration) {
	m.change(l, key, func(tat, now int64) int64 {
		theirs := now + wait.Microseconds() + l.Window() - l.Cost(cost)
		return max(l.Refund(tat, now, cost), theirs)
	})
}

func (m *Memory) now() int64 { return m.clock().Sub(m.start).Microseconds() }

// change runs f on the key's tat under the shard's lock. The clock is read inside, so that takes are judged in the order they are applied.
func (m *Memory) change(l Limit, key string, f func(tat, now int64) int64) {
	s := &m.shards[maphash.String(m.seed, key)%uint64(len(m.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.now()
	k := entryKey{l.Name, key}
	e := s.entries[k]
	tat := now
	if e != nil {
		tat = e.Value.(*entry).tat
	}
	s.put(k, e, f(tat, now), now, &m.evicted)
}

// put stores the tat, or nothing where the bucket is full: an unknown key is a full one.
func (s *shard) put(k entryKey, e *list.Element, tat, now int64, evicted *atomic.Int64) {
	switch {
	case e != nil && tat <= now:
		s.remove(e)
	case e != nil:
		e.Value.(*entry).tat = tat
		s.order.MoveToFront(e)
	case tat > now:
		s.entries[k] = s.order.PushFront(&entry{k, tat})
		s.sweep(now)
		s.trim(now, evicted)
	}
}

// sweep moves the hand on.
func (s *shard) sweep(now int64) {
	for range steps {
		e := s.hand
		if e == nil {
			e = s.order.Back()
		}
		s.hand = e.Prev()
		if e.Value.(*entry).tat <= now {
			s.remove(e)
		}
	}
}

func (s *shard) trim(now int64, evicted *atomic.Int64) {
	for len(s.entries) > s.max {
		if s.remove(s.order.Back()).tat > now {
			evicted.Add(1)
		}
	}
}

func (s *shard) remove(e *list.Element) *entry {
	if s.hand == e {
		s.hand = e.Prev()
	}
	old := s.order.Remove(e).(*entry)
	delete(s.entries, old.key)
	return old
}

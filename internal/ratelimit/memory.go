package ratelimit

import (
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

// tag stands for a limit and a key, under a seed that is new with each process, so that nobody can look for two that share one and then a bucket.
// By chance two of the 200,000 keys of the default size do with a probability of 1e-9.
type tag uint64

// shard is a least-recently-used map. Full buckets are not kept, so what fills it are keys in use: one that is full again goes when a hand that
// walks from the one not used for longest to the one used last, and begins anew, comes by. There are no pointers in it, so that in a rush,
// when it holds tens of thousands of keys, the collector need not look at each.
type shard struct {
	mu    sync.Mutex
	max   int
	index map[tag]uint32 // where in entries
	// entries are a ring by next and prev, from the key used last to the one not used for longest. Entry 0 is no key but where the ring begins and
	// ends, so that 0 is "none" everywhere else.
	entries []entry
	free    uint32 // the first of those out of use, which next links
	hand    uint32 // 0: at the end of its way
}

type entry struct {
	tag        tag
	tat        int64
	next, prev uint32
}

// steps are how many keys the hand looks at for each new one, so that it comes round while there are at most half as many new ones as keys.
const steps = 2

// shardCount spreads the locks; a source small enough to be cheap anyway has one shard and evicts in exact order.
const shardCount, smallSource = 32, 4096

// NewMemory makes a source that keeps at most about maxKeys keys (some 60 bytes each); when more are in use the one not used for longest is forgotten.
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
		m.shards[i] = shard{max: max(1, maxKeys/n), index: map[tag]uint32{}, entries: make([]entry, 1)}
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
		n += len(s.index)
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
	t := tag(maphash.Comparable(m.seed, [2]string{l.Name, key}))
	s := &m.shards[t%tag(len(m.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.now()
	i, tat := s.index[t], now
	if i != 0 {
		tat = s.entries[i].tat
	}
	s.put(t, i, f(tat, now), now, &m.evicted)
}

// put stores the tat, or nothing where the bucket is full: an unknown key is a full one.
func (s *shard) put(t tag, i uint32, tat, now int64, evicted *atomic.Int64) {
	switch {
	case i != 0 && tat <= now:
		s.remove(i)
	case i != 0:
		s.entries[i].tat = tat
		s.unlink(i)
		s.link(i)
	case tat > now:
		s.add(t, tat)
		s.sweep(now)
		s.trim(now, evicted)
	}
}

// sweep moves the hand on.
func (s *shard) sweep(now int64) {
	for range steps {
		i := s.hand
		if i == 0 {
			i = s.entries[0].prev
		}
		s.hand = s.entries[i].prev
		if s.entries[i].tat <= now {
			s.remove(i)
		}
	}
}

func (s *shard) trim(now int64, evicted *atomic.Int64) {
	for len(s.index) > s.max {
		oldest := s.entries[0].prev
		if s.entries[oldest].tat > now {
			evicted.Add(1)
		}
		s.remove(oldest)
	}
}

func (s *shard) add(t tag, tat int64) {
	i := s.free
	if i == 0 {
		i = uint32(len(s.entries))
		s.entries = append(s.entries, entry{})
	} else {
		s.free = s.entries[i].next
	}
	s.entries[i].tag, s.entries[i].tat = t, tat
	s.index[t] = i
	s.link(i)
}

func (s *shard) remove(i uint32) {
	delete(s.index, s.entries[i].tag)
	s.unlink(i)
	s.entries[i].next, s.free = s.free, i
}

// link puts an entry at the front, unlink takes it out; the hand goes on from where it was.
func (s *shard) link(i uint32) {
	first := s.entries[0].next
	s.entries[i].next, s.entries[i].prev = first, 0
	s.entries[first].prev, s.entries[0].next = i, i
}

func (s *shard) unlink(i uint32) {
	e := s.entries[i]
	if s.hand == i {
		s.hand = e.prev
	}
	s.entries[e.prev].next, s.entries[e.next].prev = e.next, e.prev
}

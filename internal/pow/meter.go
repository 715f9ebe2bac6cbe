package pow

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"time"
)

// span is how far back meters look: long enough that a second's rush of people is none, short enough to be in time.
const span = 10 * time.Second

// Meter reads how fast something is used up. Its load is 1 where marks come at the rate it was made with. It is safe for concurrent use.
type Meter struct {
	full float64 // marks in a span at load 1

	mu    sync.Mutex
	start time.Time // of the span that is being counted
	now   float64
	last  float64
}

// NewMeter makes one for so many marks a second.
func NewMeter(perSecond float64) *Meter { return &Meter{full: perSecond * span.Seconds()} }

// Mark counts one.
func (m *Meter) Mark(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now)
	m.now++
}

// Trip raises the load to 1 at least, at once: what was being used up has run out.
func (m *Meter) Trip(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now)
	m.now = max(m.now+1, m.full)
}

// Load implements the type of that name: the marks of the last span, those of its older part as if they had come evenly.
func (m *Meter) Load(now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now)
	older := 1 - now.Sub(m.start).Seconds()/span.Seconds()
	return (m.now + m.last*max(0, older)) / m.full
}

// turn begins a new span where one has passed. Marks come with clocks read a moment apart; one from before the span counts into it.
func (m *Meter) turn(now time.Time) {
	switch passed := now.Sub(m.start); {
	case passed >= 2*span:
		m.start, m.last, m.now = now, 0, 0
	case passed >= span:
		m.start, m.last, m.now = m.start.Add(span), m.now, 0
	}
}

// Crowd reads how many different sources were refused in a span. One source alone, however loud, is held by its own limit and
// gives no reason to ask everybody for work. It keeps 64 bits, so whoever sprays sources fills nothing. It is safe for concurrent use.
type Crowd struct {
	full int // sources in a span at load 1
	seed maphash.Seed

	mu        sync.Mutex
	start     time.Time
	now, last uint64
}

// NewCrowd makes one for so many different sources in ten seconds, at most 16: it counts to about 64.
func NewCrowd(sources int) *Crowd { return &Crowd{full: sources, seed: maphash.MakeSeed()} }

// Mark notes one source.
func (c *Crowd) Mark(source string, now time.Time) {
	bit := uint64(1) << (maphash.String(c.seed, source) % 64)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	c.now |= bit
}

// Load implements the type of that name.
func (c *Crowd) Load(now time.Time) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	return float64(bits.OnesCount64(c.now|c.last)) / float64(c.full)
}

func (c *Crowd) turn(now time.Time) {
	switch passed := now.Sub(c.start); {
	case passed >= 2*span:
		c.start, c.last, c.now = now, 0, 0
	case passed >= span:
		c.start, c.last, c.now = c.start.Add(span), c.now, 0
	}
}

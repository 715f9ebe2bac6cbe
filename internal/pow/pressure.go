package pow

import (
	"math"
	"sync"
	"time"
)

// Mode says when proofs are asked for.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"   // under pressure
	Always Mode = "always" // all the time, and more work under pressure
	Never  Mode = "never"
)

const (
	// Rise is how many bits pressure may add: each doubling of the load doubles the work.
	Rise = 3
	// Calm is how long the load must have been lower before less is asked: longer than the gaps between the waves of one attack.
	Calm = time.Minute
)

// Load is a reading of one part: 1 is where proofs begin to be asked for, 2 is twice that, 0 is rest. It is called for every form and must be cheap.
type Load func(now time.Time) float64

// Pressure decides how much work members' browsers are asked for, in one process. It rises at once and falls after Calm. It is safe for concurrent use.
type Pressure struct {
	mode  Mode
	least int
	loads []Load

	mu    sync.Mutex
	level int       // 0: no pressure, else the bits above least, plus one
	since time.Time // when the level was last seen to be needed
}

// NewPressure asks for least bits when the greatest of the loads reaches 1, and for up to Rise more.
func NewPressure(mode Mode, least int, loads ...Load) *Pressure {
	return &Pressure{mode: mode, least: least, loads: loads}
}

// Least is the fewest bits that are ever asked for. A proof of so many is taken also when more are asked for by now, so that nobody who was typing solves twice.
func (p *Pressure) Least() int { return p.least }

// Bits is what is asked for now; 0: nothing.
func (p *Pressure) Bits(now time.Time) int {
	if p.mode == Never {
		return 0
	}
	level := p.look(now)
	if p.mode == Always {
		level = max(level, 1)
	}
	if level == 0 {
		return 0
	}
	return p.least + level - 1
}

func (p *Pressure) look(now time.Time) int {
	load := 0.0
	for _, l := range p.loads {
		load = max(load, l(now))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	needed := levelOf(load)
	if needed >= p.level || now.Sub(p.since) >= Calm {
		p.level, p.since = needed, now
	}
	return p.level
}

// levelOf is 0 below a load of 1, then one more with each doubling.
func levelOf(load float64) int {
	if load < 1 {
		return 0
	}
	return 1 + min(Rise, int(math.Log2(load)))
}

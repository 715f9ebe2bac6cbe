package breached

import (
	"errors"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

const (
	failuresToOpen = 3                // in a row
	openFor        = 10 * time.Second // then one call tries
)

// errOpen is an answer not asked for, because the last ones failed.
var errOpen = errors.New("the breached-password source failed and is left alone for a while")

// Guard asks a source, leaves it alone for ten seconds after three failures in a row, and decides what holds meanwhile.
// It is safe for concurrent use.
type Guard struct {
	source Source
	refuse bool
	report func(err error, asked bool)
	now    func() time.Time

	mu       sync.Mutex
	failures int
	closed   time.Time // when the source may be asked again
}

// NewGuard wraps a source. If it cannot tell, a password is an error with a time to come back (refuse), or else passes on the
// built-in lists, by which the password policy has judged it before; either way report is told each time, and whether the source
// was asked at all.
func NewGuard(source Source, refuse bool, report func(err error, asked bool)) *Guard {
	return &Guard{source: source, refuse: refuse, report: report, now: time.Now}
}

// Breached is the source's answer, or what holds without it.
func (g *Guard) Breached(pw string) (bool, error) {
	err := errOpen
	asked := g.enter()
	if asked {
		var found bool
		if found, err = g.source.Breached(pw); err == nil {
			g.leave(true)
			return found, nil
		}
		g.leave(false)
	}
	g.report(err, asked)
	if !g.refuse {
		return false, nil
	}
	e := problem.Retry(problem.Unavailable, "The list of breached passwords cannot be read just now.", openFor)
	e.Err = err
	return false, e
}

// enter says whether to ask the source. After the pause only one caller does, and the others wait for what it finds.
func (g *Guard) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failures < failuresToOpen {
		return true
	}
	now := g.now()
	if now.Before(g.closed) {
		return false
	}
	g.closed = now.Add(openFor)
	return true
}

func (g *Guard) leave(ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ok {
		g.failures = 0
		return
	}
	g.failures++
	g.closed = g.now().Add(openFor)
}

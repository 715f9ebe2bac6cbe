package breached

import (
	"errors"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// fickle is a source that answers what it is told to.
type fickle struct {
	found bool
	err   error
	asked int
	while func()
}

func (f *fickle) Breached(string) (bool, error) {
	f.asked++
	if f.while != nil {
		f.while()
	}
	return f.found, f.err
}

func TestGuard(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	for _, refuse := range []bool{false, true} {
		source := &fickle{err: down}
		reported, inVain := 0, 0
		g := NewGuard(source, refuse, func(err error, asked bool) {
			reported++
			if asked {
				inVain++
			}
			if err == nil || asked != errors.Is(err, down) {
				t.Errorf("reported %v, asked %v", err, asked)
			}
		})
		now := time.Now()
		g.now = func() time.Time { return now }
		check := func(when string, asked int) {
			t.Helper()
			before := reported
			found, err := g.Breached("exposed number 1")
			if refuse != problem.Is(err, problem.Unavailable) || found || refuse && problem.RetryAfter(err) <= 0 {
				t.Errorf("%s: %v %v", when, found, err)
			}
			if reported != before+1 || source.asked != asked {
				t.Errorf("%s: reported %d times, asked %d, want %d", when, reported-before, source.asked, asked)
			}
		}
		for i := range failuresToOpen {
			check("down", i+1)
		}
		check("left alone", failuresToOpen)
		now = now.Add(openFor)
		source.while = func() {
			source.while = nil
			check("beside the one that tries", failuresToOpen+1)
			reported--
		}
		check("one tries", failuresToOpen+1)
		check("left alone again", failuresToOpen+1)
		now = now.Add(openFor)
		source.found, source.err = true, nil
		for range 2 {
			if found, err := g.Breached("exposed number 1"); !found || err != nil {
				t.Errorf("up again: %v %v", found, err)
			}
		}
		source.err = down
		check("down once more", failuresToOpen+4)
		check("and asked still", failuresToOpen+5)
		if inVain != failuresToOpen+3 {
			t.Errorf("%d reports were of answers asked for", inVain)
		}
	}
}

package reset

import (
	"context"
	"runtime"
	"sync"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// door lets in few submissions at a time to what comes before the hashing queue. Hundreds that arrive at once would else fill processors and
// database connections together, and keep the login service's calls waiting behind all of them. Through the door they pass one by one, and
// lose nothing: each is in it for a few milliseconds, and the hashing behind it takes far longer.
type door chan struct{}

// entrance is the process's, as its processors are.
var entrance = make(door, runtime.NumCPU())

// enter waits for a place. Who calls leave gives it back; calling it again does nothing.
func (d door) enter(ctx context.Context) (leave func(), err error) {
	select {
	case d <- struct{}{}:
		return sync.OnceFunc(func() { <-d }), nil
	case <-ctx.Done():
		return nil, problem.Wrap(problem.Unavailable, "The service is busy. Please try again in a moment.", ctx.Err())
	}
}

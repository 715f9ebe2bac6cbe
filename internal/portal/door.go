package portal

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// door lets in few members' requests at a time to what takes processors and database connections. Hundreds that arrive in the same moment would
// else fill both together, and keep the login service's calls waiting behind all of them. Through the door they pass one by one and lose nothing:
// each is in it for a millisecond or few. Whoever has to wait for something slow leaves it first.
type door chan struct{}

// doorWait is the longest wait for a place: longer than any rush, and for when the database hangs with those who are in.
const doorWait = 10 * time.Second

// newDoor has a place for each processor.
func newDoor() door { return make(door, runtime.GOMAXPROCS(0)) }

// enter waits for a place, first come first served. Who calls leave gives it back; calling it again does nothing. A wait that is too long and one
// that nobody is there for any more are problem.Unavailable.
func (d door) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(doorWait)
	defer timer.Stop()
	select {
	case d <- struct{}{}:
		return sync.OnceFunc(func() { <-d }), nil
	case <-timer.C:
		return nil, problem.Retry(problem.Unavailable, "The service is busy. Please try again in a moment.", busyWait)
	case <-ctx.Done():
		return nil, problem.Wrap(problem.Unavailable, "The request ended before its turn came.", ctx.Err())
	}
}

// doorKey is where the way out is kept for leaveDoor.
const doorKey = "door"

// inTurn lets requests without a form through the door, until their answer is made.
func (p *Portal) inTurn(c *gin.Context) {
	leave, err := p.door.enter(c.Request.Context())
	if err != nil {
		server.Fail(c, err)
		return
	}
	defer leave()
	c.Set(doorKey, leave)
	c.Next()
}

// leaveDoor comes before an answer is written: who reads slowly keeps nobody waiting.
func leaveDoor(c *gin.Context) {
	if leave, inside := c.Get(doorKey); inside {
		leave.(func())()
	}
}

// submit does what a form asks for: in its turn, if it may go on without a proof of work or has a good one, and with the time that work has. act gets the way out.
func (p *Portal) submit(c *gin.Context, proof string, act func(ctx context.Context, leave func()) error) error {
	leave, err := p.door.enter(c.Request.Context())
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := p.work(c)
	defer cancel()
	spent, err := p.admit(ctx, c, proof)
	if err != nil {
		return err
	}
	err = act(ctx, leave)
	p.giveBack(ctx, c, spent, err)
	return err
}

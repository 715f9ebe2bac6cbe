// Package process does password hashing, and judges new passwords by the estimator, in a process of its own, a child of the same program: it leaves
// requests beside it the processors and gives memory back at once. It promises an answer or problem.Unavailable within a deadline, a new child whenever one dies, and that none
// outlives its parent. The child is given passwords, stored hashes and the words to judge by, by pipe, and nothing else: no key, no database, no
// environment. cmd starts it; use cases know it as a password.Hasher and a password.Policy.
package process

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Times of a child's life.
const (
	answerTime = 25 * time.Second // longer than the dearest hash takes a slow processor; web answers are cut after 30 s
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
	steadyTime = 30 * time.Second // who lived so long is started again after the first pause
	endTime    = 2 * time.Second  // from the end of its input until it is killed
)

// Child is a hashing process that is started again when it dies. It is a password.Elsewhere, safe for concurrent use.
type Child struct {
	args   []string
	logger *slog.Logger
	answer time.Duration // a job's time; whoever takes longer hangs, and is killed

	mu     sync.Mutex
	now    *life // nil between two lives
	starts int64
	closed bool

	end  chan struct{} // closed when there shall be no more lives
	done chan struct{} // closed when there are none
}

// Start starts this program as a child with the arguments under which it calls Main, and an empty environment. Whoever starts one closes it.
func Start(logger *slog.Logger, args ...string) (*Child, error) {
	return start(logger, answerTime, args...)
}

func start(logger *slog.Logger, answer time.Duration, args ...string) (*Child, error) {
	c := &Child{args: args, logger: logger, answer: answer, end: make(chan struct{}), done: make(chan struct{})}
	l, err := c.bear()
	if err != nil {
		return nil, err
	}
	go c.keep(l)
	return c, nil
}

// Do has the child do a job. While there is no child, when it dies meanwhile, and when it does not answer in time, the error is
// problem.Unavailable with RetryAfter.
func (c *Child) Do(j password.Job) (password.Outcome, error) {
	c.mu.Lock()
	l := c.now
	c.mu.Unlock()
	if l == nil {
		return password.Outcome{}, unavailable(errors.New("there is no hashing process"))
	}
	r, err := l.ask(j, c.answer)
	if err != nil {
		return password.Outcome{}, err
	}
	if r.status == statusFailed {
		return r.outcome, fmt.Errorf("hashing process: %s", r.failure)
	}
	return r.outcome, nil
}

// Starts is how often a child was started.
func (c *Child) Starts() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starts
}

// Close ends the child and returns when it is gone. What it was computing is unavailable. Closing again does nothing.
func (c *Child) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.end)
		if c.now != nil {
			c.now.finish()
		}
	}
	c.mu.Unlock()
	<-c.done
	return nil
}

// bear starts a child. A Child that was closed meanwhile ends it at once.
func (c *Child) bear() (*life, error) {
	name, err := self()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(name, c.args...) //nolint:gosec // this very program
	cmd.Args[0] = "rekey"
	cmd.Env = []string{"GOTRACEBACK=none"} // and nothing of ours: there are secrets in it
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's Ctrl-C is for the parent; harden sets the session's priority
	l, err := begin(cmd)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = l
	c.starts++
	if c.closed {
		l.finish()
	}
	return l, nil
}

// keep follows one life after the other, until the Child is closed.
func (c *Child) keep(l *life) {
	defer close(c.done)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		if l != nil {
			cause := c.follow(l)
			if time.Since(l.began) > steadyTime {
				pause = firstPause
			}
			if !c.over() {
				c.logger.Warn("the hashing process ended; it is started again", "pid", l.pid(), "cause", cause, "after", pause)
			}
		}
		if c.over() {
			return
		}
		select {
		case <-c.end:
			return
		case <-time.After(pause):
		}
		var err error
		if l, err = c.bear(); err != nil {
			c.logger.Error("the hashing process cannot be started; tried again", "error", err)
		}
	}
}

// follow returns when the life is over, and why it is.
func (c *Child) follow(l *life) error {
	cause := l.read()
	c.mu.Lock()
	c.now = nil
	c.mu.Unlock()
	return errors.Join(cause, l.bury())
}

func (c *Child) over() bool {
	select {
	case <-c.end:
		return true
	default:
		return false
	}
}

// unavailable is an honest refusal: nothing was decided, and soon there is a child again.
func unavailable(cause error) error {
	return &problem.Error{
		Kind: problem.Unavailable, Text: "The service is busy checking passwords. Please try again in a moment.", RetryAfter: time.Second, Err: cause,
	}
}

// pipes are both ends of both ways.
type pipes struct{ theirIn, ourOut, ourIn, theirOut *os.File }

func newPipes() (p pipes, err error) {
	if p.theirIn, p.ourOut, err = os.Pipe(); err != nil {
		return p, fmt.Errorf("making a pipe: %w", err)
	}
	if p.ourIn, p.theirOut, err = os.Pipe(); err != nil {
		return p, errors.Join(fmt.Errorf("making a pipe: %w", err), p.theirIn.Close(), p.ourOut.Close())
	}
	return p, nil
}

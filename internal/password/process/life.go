package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/password"
)

// life is one child from its start to its end, and the requests it has not answered.
type life struct {
	cmd   *exec.Cmd
	out   *os.File // to it
	in    *os.File // from it
	began time.Time

	writing sync.Mutex // of one frame after the other

	mu      sync.Mutex
	waiting map[uint64]chan<- reply
	last    uint64        // id
	gone    chan struct{} // closed when no answer comes any more
}

var errGone = errors.New("the hashing process ended")

func begin(cmd *exec.Cmd) (*life, error) {
	p, err := newPipes()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout = p.theirIn, p.theirOut
	err = cmd.Start()
	err = errors.Join(err, p.theirIn.Close(), p.theirOut.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the hashing process: %w", err), p.ourIn.Close(), p.ourOut.Close())
	}
	return &life{cmd: cmd, out: p.ourOut, in: p.ourIn, began: time.Now(), waiting: map[uint64]chan<- reply{}, gone: make(chan struct{})}, nil
}

func (l *life) pid() int { return l.cmd.Process.Pid }

// ask sends a request and waits for its reply. A child that cannot be written to or does not answer in time hangs: it is killed, so that it
// takes no memory that others were let in to use.
func (l *life) ask(j password.Job, within time.Duration) (reply, error) {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	answer := make(chan reply, 1)
	id := l.enlist(answer)
	defer l.strike(id)
	frame, err := requestFrame(id, j)
	if err != nil {
		return reply{}, err
	}
	if err := l.write(frame, within); err != nil {
		l.kill()
		return reply{}, unavailable(fmt.Errorf("asking the hashing process: %w", err))
	}
	select {
	case r := <-answer:
		return r, nil
	case <-l.gone:
		return l.lastWord(answer)
	case <-deadline.C:
		l.kill()
		return reply{}, unavailable(fmt.Errorf("the hashing process did not answer within %s", within))
	}
}

// lastWord is a reply that came just before the end.
func (l *life) lastWord(answer <-chan reply) (reply, error) {
	select {
	case r := <-answer:
		return r, nil
	default:
		return reply{}, unavailable(errGone)
	}
}

// write sends a frame and wipes it.
func (l *life) write(frame []byte, within time.Duration) error {
	defer clear(frame)
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.out.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := l.out.Write(frame)
	return err
}

func (l *life) enlist(answer chan<- reply) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	l.waiting[l.last] = answer
	return l.last
}

func (l *life) strike(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

// read hands replies out until the child ends, or says what it must not: then it is killed. It gives what was wrong, if anything was.
func (l *life) read() error {
	defer close(l.gone)
	for {
		body, err := readFrame(l.in, replyBytes)
		if err == nil {
			err = l.deliver(body)
		}
		if err != nil {
			l.kill()
			return err
		}
	}
}

// deliver hands a reply to whoever waits for it. One that nobody waits for is none of ours: who gives up kills the child.
func (l *life) deliver(body []byte) error {
	r, err := readReply(body)
	if err != nil {
		return err
	}
	l.mu.Lock()
	answer := l.waiting[r.id]
	delete(l.waiting, r.id)
	l.mu.Unlock()
	if answer == nil {
		return fmt.Errorf("%w: a reply that nobody waits for", errFrame)
	}
	answer <- r
	return nil
}

// finish ends the child's input, which ends the child; one that hangs is killed.
func (l *life) finish() {
	_ = l.out.Close() // it is a pipe: there is nothing to lose
	time.AfterFunc(endTime, l.kill)
}

func (l *life) kill() { _ = l.cmd.Process.Kill() } // it may have ended

// bury waits for the end and gives how it ended, if not well.
func (l *life) bury() error {
	_ = l.out.Close() // finish may have
	_ = l.in.Close()
	return l.cmd.Wait()
}

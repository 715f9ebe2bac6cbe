package account

import (
	"context"
	"errors"
	"sync"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// JointGate is a GateStore for many who ask at once. So many statements are under way at a time; whoever comes meanwhile waits, and the next
// statement asks for all who wait with the same key. Most of what a statement costs it costs once, however many accounts it asks for. Who comes alone waits for
// nobody, and nobody is told what was read before they asked.
type JointGate struct {
	store GateStore

	mu      sync.Mutex
	free    int // statements that may begin
	waiting []*gateAsker
}

// NewJointGate lets most statements for one account each, or for several who ask for one each, be under way at a time; the store needs as many connections.
func NewJointGate(store GateStore, most int) *JointGate {
	return &JointGate{store: store, free: max(most, 1)}
}

// gateAsker is one who waits for one account's record.
type gateAsker struct {
	ctx     context.Context
	key     string
	scope   string
	subject string

	lead chan []*gateAsker // all for whom it is to ask, itself first; or else
	done chan struct{}     // closed when there is an answer:

	records []GateRecord
	err     error
}

// Gate is GateStore's. Whoever asks for several accounts has a statement of their own.
func (j *JointGate) Gate(ctx context.Context, keySHA256 []byte, scope string, subjects []string) ([]GateRecord, error) {
	if len(subjects) != 1 {
		return j.store.Gate(ctx, keySHA256, scope, subjects)
	}
	a := j.enter(ctx, keySHA256, scope, subjects[0])
	if a == nil {
		defer j.leave()
		return j.store.Gate(ctx, keySHA256, scope, subjects)
	}
	gone := ctx.Done()
	for {
		select {
		case together := <-a.lead:
			return j.ask(together)
		case <-a.done:
			return a.records, a.err
		case <-gone:
			if j.strike(a) {
				return nil, problem.Wrap(problem.Unavailable, "The request ended before its turn came.", ctx.Err())
			}
			gone = nil // somebody asks for it by now, or it has to ask for others
		}
	}
}

// enter gives nil to whom may ask at once.
func (j *JointGate) enter(ctx context.Context, keySHA256 []byte, scope, subject string) *gateAsker {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.free > 0 {
		j.free--
		return nil
	}
	a := &gateAsker{ctx: ctx, key: string(keySHA256), scope: scope, subject: subject, lead: make(chan []*gateAsker, 1), done: make(chan struct{})}
	j.waiting = append(j.waiting, a)
	return a
}

// leave hands a statement's turn on: to whom waits longest, with all who can be asked for together with them.
func (j *JointGate) leave() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.waiting) == 0 {
		j.free++
		return
	}
	first := j.waiting[0]
	var together, others []*gateAsker
	for _, a := range j.waiting {
		if a.key == first.key && a.scope == first.scope && len(together) < MaxChecks {
			together = append(together, a)
		} else {
			others = append(others, a)
		}
	}
	j.waiting = others
	first.lead <- together
}

// strike takes back the wish of one who does not wait any more. False: their turn has come.
func (j *JointGate) strike(gone *gateAsker) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, a := range j.waiting {
		if a == gone {
			j.waiting = append(j.waiting[:i], j.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// errGateBroke is what the others get when the one who asked for them did not come back.
var errGateBroke = errors.New("reading the gate for several: it did not end")

// ask has one statement for all, and gives the answer of the first.
func (j *JointGate) ask(together []*gateAsker) ([]GateRecord, error) {
	first, others := together[0], together[1:]
	for _, a := range others {
		a.err = errGateBroke
	}
	defer func() {
		j.leave()
		for _, a := range others {
			close(a.done)
		}
	}()
	if len(others) == 0 {
		return first.alone(j.store)
	}
	subjects := make([]string, len(together))
	for i, a := range together {
		subjects[i] = a.subject
	}
	last := together[len(together)-1] // whose time ends last
	records, err := j.store.Gate(last.ctx, []byte(first.key), first.scope, subjects)
	for i, a := range together {
		switch {
		case err == nil:
			a.records, a.err = records[i:i+1:i+1], nil
		case problem.KindOf(err) == problem.Internal: // something about one of them, which is no matter of the others'
			a.records, a.err = a.alone(j.store)
		default:
			a.err = err
		}
	}
	return first.records, first.err
}

func (a *gateAsker) alone(store GateStore) ([]GateRecord, error) {
	return store.Gate(a.ctx, []byte(a.key), a.scope, []string{a.subject})
}

package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// inFlight is how many mails of one connection may be taken by the server, or under way, while their marks are not committed: what a crash
// sends twice is at most this many for each connection. Waiting for each mark would make the disk's flush the pace of the mailing.
const inFlight = 16

// gather is how long a group waits for company. It is over before a connection has sent all it may, so that nobody waits for it.
const gather = 10 * time.Millisecond

// marker commits marks in groups, so that a commit serves many; senders run ahead of it by inFlight.
type marker struct {
	w     *Worker
	in    chan marking
	alive context.Context // outlives the worker's: what was sent must be marked, above all when we are stopping
	kill  func()
}

// marking is one request; done is closed when it is committed, or given up.
type marking struct {
	campaign int64
	marks    []queue.Mark
	after    func() // when it has been committed
	done     chan struct{}
}

// maxGroup bounds one statement.
const maxGroup = 500

func newMarker(w *Worker) *marker {
	m := &marker{w: w, in: make(chan marking, maxGroup)}
	m.alive, m.kill = context.WithCancel(context.Background())
	return m
}

// outlive gives the marks that are open when ctx ends one hand-off's time and a mark's, all together; then a database that does not
// answer must not keep the process from ending.
func (m *marker) outlive(ctx context.Context) (stop func()) {
	var last *time.Timer
	var mu sync.Mutex
	undo := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		last = time.AfterFunc(2*m.w.o.Session, m.kill)
	})
	return func() {
		undo()
		mu.Lock()
		defer mu.Unlock()
		if last != nil {
			last.Stop()
		}
		m.kill()
	}
}

// mark hands a mark in. What it returns is closed when the mark is in the database.
func (m *marker) mark(campaign int64, after func(), marks ...queue.Mark) <-chan struct{} {
	at := m.w.view.clock()
	for i := range marks {
		marks[i].At = at
	}
	r := marking{campaign: campaign, marks: marks, after: after, done: make(chan struct{})}
	m.in <- r
	return r.done
}

func (m *marker) stop() { close(m.in) }

// run ends when stop was called and everything is written.
func (m *marker) run() {
	for first := range m.in {
		group := map[int64][]marking{}
		for _, r := range m.company(first) {
			group[r.campaign] = append(group[r.campaign], r)
		}
		for campaign, some := range group {
			m.commit(campaign, some)
		}
	}
}

// company waits until half of what all connections may have in flight is there, then takes what else has gathered.
func (m *marker) company(first marking) []marking {
	some := []marking{first}
	late := time.NewTimer(gather)
	defer late.Stop()
	for len(some) < min(maxGroup, m.w.o.Connections*inFlight/2) {
		select {
		case next, ok := <-m.in:
			if !ok {
				return some
			}
			some = append(some, next)
		case <-late.C:
			return some
		}
	}
	for len(some) < maxGroup {
		select {
		case next, ok := <-m.in:
			if !ok {
				return some
			}
			some = append(some, next)
		default:
			return some
		}
	}
	return some
}

// markFor is how long a mark is tried while the database does not answer. The lease is over by then, nearly: trying longer would be in vain.
func (m *marker) markFor() time.Duration { return m.w.o.Session }

func (m *marker) commit(campaign int64, some []marking) {
	var marks []queue.Mark
	for _, r := range some {
		marks = append(marks, r.marks...)
	}
	ctx, cancel := context.WithTimeout(m.alive, m.markFor())
	defer cancel()
	n, err := m.write(ctx, campaign, marks)
	for err != nil && pause(ctx, time.Second) {
		m.w.report(ctx, "marking mail", err)
		n, err = m.write(ctx, campaign, marks)
	}
	if err != nil {
		m.w.log.ErrorContext(ctx, "mails may be sent twice: what came of them could not be written down", "campaign", campaign, "mails", len(marks), "error", err)
	} else if n < len(marks) {
		m.w.log.WarnContext(ctx, "leases ran out before their mails were marked", "campaign", campaign, "mails", len(marks)-n)
	}
	for _, r := range some {
		if r.after != nil && err == nil {
			r.after()
		}
		close(r.done)
	}
}

func (m *marker) write(ctx context.Context, campaign int64, marks []queue.Mark) (int, error) {
	if campaign == 0 {
		return m.w.o.Store.MarkSingles(ctx, m.w.lease.Owner, marks)
	}
	return m.w.o.Store.MarkMembers(ctx, m.w.lease.Owner, campaign, marks)
}

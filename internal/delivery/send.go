package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// Outcomes as Observe sees them, beside the states.
const (
	outcomeRetry    = "retry"    // failed for now
	outcomeReleased = "released" // given back unsent: stopped, late, or the mail server cannot be used
)

// sender is one kept connection and the goroutine that uses it.
type sender struct {
	w                *Worker
	conn             Conn
	singles, members <-chan *job
	unmarked         []<-chan struct{} // of mails handed over, oldest first; each is closed when its mark is committed
}

// send takes mails until both lanes are closed and empty. After the context has ended it gives back what it takes.
func (w *Worker) send(ctx context.Context) {
	s := &sender{w: w, singles: w.singles, members: w.members}
	defer s.hangUp()
	for {
		w.pace.wait(ctx)
		j := s.next()
		if j == nil {
			return
		}
		s.handle(ctx, j)
	}
}

// next takes single mails first. nil: both lanes are closed.
func (s *sender) next() *job {
	for s.singles != nil || s.members != nil {
		select {
		case j, ok := <-s.singles:
			if ok {
				return j
			}
			s.singles = nil
			continue
		default:
		}
		select {
		case j, ok := <-s.singles:
			if ok {
				return j
			}
			s.singles = nil
		case j, ok := <-s.members:
			if ok {
				return j
			}
			s.members = nil
		}
	}
	return nil
}

func (s *sender) hangUp() {
	for _, done := range s.unmarked {
		<-done
	}
	if s.conn != nil {
		s.conn.Close()
	}
}

// handle sends a mail and hands its mark in. After a hand-off it returns when there is room for another: a crash finds at most inFlight
// unmarked mails on a connection, the one under way among them. What was not handed over need not be waited for.
func (s *sender) handle(ctx context.Context, j *job) {
	mark, outcome := s.attempt(ctx, j)
	kind := j.kind()
	s.w.o.Observe(string(kind), outcome)
	marks := []queue.Mark{mark}
	var after func()
	if j.campaign != 0 {
		marks[0].ID = j.member.Account
		if outcome == outcomeReleased && j.member.Attempts == 0 {
			after = func() { s.w.cursors.rewind(j.campaign, j.member.Account) }
		}
	} else {
		marks = marks[:0]
		for _, id := range j.single.IDs {
			mark.ID = id
			marks = append(marks, mark)
		}
	}
	done := s.w.marks.mark(j.campaign, after, marks...)
	if !mark.Tried {
		return
	}
	s.unmarked = append(s.unmarked, done)
	for len(s.unmarked) >= inFlight {
		<-s.unmarked[0]
		s.unmarked = s.unmarked[1:]
	}
}

// attempt does everything from the last look at what is true to the server's answer, and says what to write down.
func (s *sender) attempt(ctx context.Context, j *job) (queue.Mark, string) {
	w := s.w
	if w.lane.shut(time.Now()) > 0 {
		return release()
	}
	if err := w.allowed(ctx, j); err != nil {
		return release()
	}
	if err := w.refresh(ctx, j); err != nil {
		w.report(ctx, "reading a recipient again", err)
		return release()
	}
	if reason := j.skip(); reason != "" {
		return j.unsent(reason), string(queue.Skipped)
	}
	id, kind, err := s.deliver(ctx, j)
	return s.judge(ctx, j, id, kind, err)
}

func release() (queue.Mark, string) {
	return queue.Mark{State: queue.Pending}, outcomeReleased
}

// judge turns the result of a hand-off into a mark.
func (s *sender) judge(ctx context.Context, j *job, id string, kind queue.Kind, err error) (queue.Mark, string) {
	w := s.w
	if err == nil {
		w.lane.works()
		if kind == queue.Reminder {
			kind = queue.Reset
		}
		return queue.Mark{State: queue.Sent, Kind: kind, MessageID: id, Tried: true}, string(queue.Sent)
	}
	var failed *sendError
	switch {
	case errors.Is(err, errAddress):
		return queue.Mark{State: queue.Failed, Error: errAddress.Error()}, string(queue.Failed)
	case !errors.As(err, &failed):
		return release() // not allowed any more, just before DATA
	case ctx.Err() != nil && failed.fault == faultServer:
		return release() // it was we who hung up
	case failed.fault == faultServer, failed.fault == faultTemporary && w.lane.refused():
		if wait, first := w.lane.trip(time.Now()); first {
			w.log.WarnContext(ctx, "the mail server cannot be used; mail waits", "wait", wait.Round(time.Millisecond), "error", failed)
		}
		return release()
	}
	if failed.broken {
		w.lane.trip(time.Now())
	}
	n := j.attempts() + 1
	w.log.InfoContext(ctx, "a mail was not taken", "kind", kind, "campaign", j.campaign, "id", j.id(), "attempt", n, "error", failed)
	mark := queue.Mark{State: queue.Failed, Error: failed.Error(), Tried: true}
	switch {
	case failed.deadAddress():
		mark.Suppress = j.addressKey()
	case failed.fault == faultTemporary && n < w.o.Retry.Max:
		mark.State, mark.After = queue.Pending, w.o.Retry.after(n)
		return mark, outcomeRetry
	}
	return mark, string(queue.Failed)
}

// id is the account of a member or the row of a single mail: what a log may say.
func (j *job) id() int64 {
	if j.campaign != 0 {
		return j.member.Account
	}
	return j.single.IDs[0]
}

func (j *job) addressKey() string {
	if j.campaign != 0 {
		return j.member.EmailKey
	}
	return j.single.Recipients[0].EmailKey
}

// deliver writes the mail, or the mails of a single row, and hands them over.
func (s *sender) deliver(ctx context.Context, j *job) (id string, kind queue.Kind, err error) {
	ring, err := s.w.o.Ring(ctx)
	if err != nil {
		return "", "", &sendError{fault: faultServer, step: "write", text: "the signing keys: " + redact(err.Error()), err: err}
	}
	if j.campaign != 0 {
		seen := s.w.view.now()
		if seen == nil {
			return "", "", errBlind
		}
		k, _ := seen.campaign(j.campaign)
		m, kind, err := s.w.composer.member(ring, k, j.member)
		if err != nil {
			return "", kind, composeError(err)
		}
		return m.ID, kind, s.hand(ctx, j, m)
	}
	for _, to := range j.letters() {
		m, err := s.w.composer.single(ring, j.single, to)
		if err != nil {
			return "", "", composeError(err)
		}
		if err := s.hand(ctx, j, m); err != nil {
			return "", j.single.Kind, err
		}
		id = m.ID
	}
	return id, j.single.Kind, nil
}

// composeError tells a bad address from what is wrong with every mail, such as a key ring that cannot sign.
func composeError(err error) error {
	if errors.Is(err, errAddress) {
		return err
	}
	return &sendError{fault: faultServer, step: "write", text: redact(err.Error()), err: err}
}

// hand uses the kept connection. Servers drop connections that rest or that took many mails, so when a kept one fails, a new one is tried at once.
func (s *sender) hand(ctx context.Context, j *job, m *Message) error {
	kept := s.conn != nil
	err := s.handOnce(ctx, j, m)
	var failed *sendError
	if kept && errors.As(err, &failed) && failed.fault == faultServer && failed.broken {
		err = s.handOnce(ctx, j, m)
	}
	return err
}

func (s *sender) handOnce(ctx context.Context, j *job, m *Message) error {
	if s.conn == nil {
		conn, err := s.w.o.Dialer.Dial(ctx)
		if err != nil {
			return serverError(err)
		}
		s.conn = conn
	}
	err := s.conn.Deliver(m, func() error { return s.w.allowed(ctx, j) })
	if !s.conn.Usable() {
		s.conn.Close()
		s.conn = nil
	}
	return err
}

// serverError makes every failure to connect one of the server, whoever dialled.
func serverError(err error) error {
	var failed *sendError
	if errors.As(err, &failed) {
		return failed
	}
	return &sendError{fault: faultServer, step: stepConnect, text: redact(err.Error()), err: err, broken: true}
}

// Package delivery hands Rekey's mail to a mail server: it claims what waits in the database, decides at hand-off what is true, mints link and code,
// and marks what came of it. It promises that everybody in scope is written to, and more than once only for messages in flight in a crash, at most 16 a connection;
// only cmd starts it.
package delivery

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/token"
)

// Claims lease what waits. A claim is committed when it returns.
type Claims interface {
	ClaimSingles(ctx context.Context, lease queue.Lease, limit int, links bool) ([]queue.Single, error)
	ClaimMembers(ctx context.Context, lease queue.Lease, pick queue.Pick) ([]queue.Member, error)
	Window(ctx context.Context, campaign, after int64, n int) (upto int64, err error)
	Recipients(ctx context.Context, accounts []int64, keys []string) ([]queue.Recipient, error)
}

// Marks write down what came of claims that are still the owner's, and say how many that were.
type Marks interface {
	MarkMembers(ctx context.Context, owner string, campaign int64, marks []queue.Mark) (int, error)
	MarkSingles(ctx context.Context, owner string, marks []queue.Mark) (int, error)
}

// Upkeep sees to it that nobody is missed.
type Upkeep interface {
	Outlook(ctx context.Context) (queue.Outlook, error)
	Expire(ctx context.Context, campaign int64, limit int) (int, error)
	TopUp(ctx context.Context, campaign int64, limit int) (added int, more bool, err error)
	Rearm(ctx context.Context, campaign int64, limit int) (int, error)
	Settle(ctx context.Context, campaign int64) (done bool, untried int64, err error)
	Forgetting
}

// Forgetting removes what nobody needs any more, a page of rows after another; it goes on behind next until there is none.
type Forgetting interface {
	ForgetMails(ctx context.Context, after int64, limit int) (next int64, err error)
	ForgetFailures(ctx context.Context, after []byte, limit int) (next []byte, err error)
}

// Store is the database as delivery sees it.
type Store interface {
	Claims
	Marks
	Upkeep
}

// Options make a Worker. Store, Ring, Coder, Dialer and the letterhead are required; the rest has defaults.
type Options struct {
	Store      Store
	Ring       func(context.Context) (*token.Ring, error)
	Coder      *token.Coder
	Dialer     Dialer
	Letterhead Letterhead

	Connections int           // kept connections to the mail server; default 8
	Rate        float64       // mails a second of this process; 0: no limit
	Session     time.Duration // longest hand-off of one mail, as the Dialer keeps it; default 60 s
	Lease       time.Duration // of a claim; default and least 2.5 × Session
	Retry       Retry         // of mails that failed for now
	Owner       string        // this process, in leases; default random
	Logger      *slog.Logger  // default: discard

	// Observe counts what came of a mail, by its kind and one of sent, skipped, failed, retry, released. Default: nobody counts.
	Observe func(kind, outcome string)

	Batch int           // members claimed at once; default 200
	Poll  time.Duration // how often an idle lane looks for mail; default 250 ms
	Watch time.Duration // how often lockdown and campaigns are read; default 400 ms, at most half a second
	Sweep time.Duration // how often leases, arrivals and ends are looked after; default 30 s
	Tidy  time.Duration // how often old rows are looked for; default 1 h
}

// Worker delivers. Any number of processes may run one on the same database.
type Worker struct {
	o        Options
	composer *Composer
	lease    queue.Lease
	log      *slog.Logger

	singles, members chan *job
	marks            *marker
	cursors          *cursors // over the fresh members
	reminded         *cursors // over those the last reminder is for
	view             *view
	lane             *breaker
	pace             *pacer
	reported         sync.Map      // when each kind of trouble was last logged
	tidy             chan struct{} // a campaign may have come to its end
}

// New checks the options and the templates; it starts nothing.
func New(o Options) (*Worker, error) {
	composer, err := NewComposer(o.Letterhead, o.Coder)
	if err != nil {
		return nil, err
	}
	if o.Store == nil || o.Ring == nil || o.Coder == nil || o.Dialer == nil {
		return nil, problem.New(problem.Internal, "delivery needs a store, a key ring, a coder and a mail server")
	}
	o.defaults()
	w := &Worker{
		o: o, composer: composer, lease: queue.Lease{Owner: o.Owner, For: o.Lease}, log: o.Logger,
		singles: make(chan *job, o.Connections), members: make(chan *job, o.Batch),
		cursors: newCursors(), reminded: newCursors(), view: &view{}, lane: &breaker{}, pace: newPacer(o.Rate), tidy: make(chan struct{}, 1),
	}
	w.marks = newMarker(w)
	return w, nil
}

func (o *Options) defaults() {
	set(&o.Connections, 8)
	set(&o.Batch, 200)
	set(&o.Session, time.Minute)
	set(&o.Poll, 250*time.Millisecond)
	set(&o.Watch, 400*time.Millisecond)
	set(&o.Sweep, 30*time.Second)
	set(&o.Tidy, time.Hour)
	o.Watch = min(o.Watch, maxView/4)
	o.Lease = max(o.Lease, o.Session*5/2)
	o.Retry.defaults()
	if o.Rate > 0 {
		o.Batch = max(1, min(o.Batch, int(o.Rate))) // not more than a second's worth, so that it is fresh when sent
	}
	if o.Owner == "" {
		var b [8]byte
		rand.Read(b[:])
		o.Owner = hex.EncodeToString(b[:])
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(string, string) {}
	}
}

func set[T int | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}

// Run delivers until the context ends, then finishes what is in flight, gives the rest back and returns nil.
func (w *Worker) Run(ctx context.Context) error {
	var claimers, senders, marking sync.WaitGroup
	defer w.marks.outlive(ctx)()
	w.look(ctx) // else all claims wait for the next poll
	claimers.Go(func() { w.watch(ctx) })
	claimers.Go(func() { w.upkeep(ctx) })
	claimers.Go(func() { defer close(w.singles); w.claimSingles(ctx) })
	claimers.Go(func() { defer close(w.members); w.claimMembers(ctx) })
	for range w.o.Connections {
		senders.Go(func() { w.send(ctx) })
	}
	marking.Go(w.marks.run)
	claimers.Wait()
	senders.Wait()
	w.marks.stop()
	marking.Wait()
	return nil
}

// pause waits, or tells that the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reportEvery is how often the same trouble is logged while it lasts.
const reportEvery = 30 * time.Second

// report logs a failure of the database where it happened; what follows is that mail waits.
func (w *Worker) report(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	now := time.Now()
	last, known := w.reported.Swap(doing, now)
	if known && now.Sub(last.(time.Time)) < reportEvery {
		w.reported.Store(doing, last)
		return
	}
	w.log.WarnContext(ctx, "mail waits", "doing", doing, "error", err)
}

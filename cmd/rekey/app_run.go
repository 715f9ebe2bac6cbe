package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/password/process"
	"github.com/seed-1c168855/rekey/internal/server"
)

// parts says what a process runs.
type parts struct {
	web, delivery bool
	listening     func(public, admin net.Addr) // told once requests are answered; may be nil
}

// run runs the parts until the context ends or one fails, then ends the others: requests and mails in flight are finished, what
// was recorded last is sealed.
func (a *app) run(ctx context.Context, p parts) error {
	servers, worker, err := a.prepare(p)
	if err != nil {
		return err
	}
	places, err := outsidePlaces(a.settings)
	if err != nil {
		return err
	}
	herald, err := a.herald()
	if err != nil {
		return err
	}
	sealed := make(chan struct{})
	sealing, stopSealing := context.WithCancel(context.WithoutCancel(ctx))
	go func() { defer close(sealed); audit.NewSequencer(a.store, a.logger).Run(sealing) }()
	defer func() { stopSealing(); <-sealed }()

	if err := a.recordServe(ctx, audit.ServeStart, p); err != nil {
		return err
	}
	if p.web {
		a.learn(ctx) // before the first answer: without its floor, the time of a wrong password tells who has an account
		settle()
	}
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { close(a.ending) })
	if worker != nil {
		group.Go(func() error { return worker.Run(ctx) })
		group.Go(func() error { herald.Run(ctx); return nil })
	}
	group.Go(func() error { return server.Runner{Servers: servers, Ready: a.announce(p)}.Run(ctx) })
	group.Go(func() error { a.tend(ctx); return nil })
	group.Go(func() error { a.openings.Run(ctx); return nil })
	a.keepCheckpoints(ctx, group, places)
	err = group.Wait()
	a.logger.InfoContext(ctx, "stopped", "cause", context.Cause(ctx))
	return errors.Join(err, a.recordServe(context.WithoutCancel(ctx), audit.ServeStop, p))
}

// prepare makes what the parts need, so that a wrong setting shows before anything runs. Without the web there is still the
// admin address: health and metrics.
func (a *app) prepare(p parts) (servers []*http.Server, worker *delivery.Worker, err error) {
	if servers, err = a.servers(p.web); err != nil {
		return nil, nil, err
	}
	if !p.web {
		servers = servers[1:]
	}
	if p.delivery {
		worker, err = a.worker()
	}
	return servers, worker, err
}

func (a *app) worker() (*delivery.Worker, error) {
	letter, err := letterhead(a.settings)
	if err != nil {
		return nil, err
	}
	dialer, err := mailServer(a.settings)
	if err != nil {
		return nil, err
	}
	return delivery.New(delivery.Options{
		Store: a.store, Ring: a.keys.Ring, Coder: a.coder, Dialer: dialer, Letterhead: letter,
		Connections: a.settings.MailConnections, Rate: a.settings.MailRate, Session: smtpSession, Logger: a.logger,
		Observe: func(kind, outcome string) { a.metrics.mails.WithLabelValues(kind, outcome).Inc() },
	})
}

// announce tells that all servers listen.
func (a *app) announce(p parts) func([]net.Addr) {
	return func(addrs []net.Addr) {
		admin := addrs[len(addrs)-1]
		var public net.Addr
		if p.web {
			public = addrs[0]
			a.logger.Info("serving", "public", public.String(), "admin", admin.String(), "url", a.settings.PublicURL, "database", a.store.Dialect(), "delivery", p.delivery)
		} else {
			a.logger.Info("delivering", "admin", admin.String(), "database", a.store.Dialect())
		}
		if p.listening != nil {
			p.listening(public, admin)
		}
	}
}

func (a *app) recordServe(ctx context.Context, action audit.Action, p parts) error {
	ctx, cancel := context.WithTimeout(ctx, sealTime)
	defer cancel()
	if err := a.store.Record(ctx, audit.New(a.actor, action, "process", audit.Detail{"version": version, "web": p.web, "delivery": p.delivery})); err != nil {
		return fmt.Errorf("recording %s: %w", action, err)
	}
	return nil
}

// How often the process looks after things, and how much it sweeps in one statement.
const (
	learnEvery = time.Minute
	sweepEvery = time.Minute
	sweepRows  = 10_000
)

// tend measures new password schemes, for the floor of time, removes rate limits that are full again and sessions that ended, and notes
// which clients were used.
func (a *app) tend(ctx context.Context) {
	learn, sweep := time.NewTicker(learnEvery), time.NewTicker(sweepEvery)
	defer learn.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			a.noteUses(context.WithoutCancel(ctx))
			return
		case <-learn.C:
			a.learn(ctx)
		case <-sweep.C:
			a.sweep(ctx)
			a.noteUses(ctx)
		}
	}
}

func (a *app) learn(ctx context.Context) {
	labels, err := a.store.Schemes(ctx)
	if err == nil {
		err = a.floor.Learn(ctx, append(labels, a.hasher.Label()))
	}
	a.complain(ctx, "learning what the password schemes cost", err)
}

func (a *app) sweep(ctx context.Context) {
	a.tendOperators(ctx)
	for {
		n, err := a.store.SweepLimits(ctx, sweepRows)
		if err != nil || n < sweepRows {
			a.complain(ctx, "sweeping rate limits", err)
			return
		}
	}
}

// noteTime bounds the last note of a process that ends.
const noteTime = 5 * time.Second

func (a *app) noteUses(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	a.complain(ctx, "noting which clients were used", a.uses.Flush(ctx))
}

func (a *app) complain(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil {
		a.logger.WarnContext(ctx, "upkeep failed and will be tried again", "doing", doing, "error", err)
	}
}

// baseMemory is what the process takes beside password hashing, with room for a busy hour.
const baseMemory = 192 << 20

// settle gives back what only the start needed, and it needed several times what idling does.
func settle() {
	process.DropProgram()
	debug.FreeOSMemory()
}

// limitMemory makes the collector give blocks of finished hashes back before the process outgrows its budget: they are large,
// come in bursts, and would otherwise stay for minutes. GOMEMLIMIT wins.
func (a *app) limitMemory() {
	limit := int64(baseMemory)
	if a.hashing == nil {
		limit += int64(a.settings.HashMemory)
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(limit)
	}
}

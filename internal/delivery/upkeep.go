package delivery

import (
	"context"
	"math"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// watch keeps the view fresh until the context ends.
func (w *Worker) watch(ctx context.Context) {
	for {
		w.look(ctx)
		if !pause(ctx, w.o.Watch) {
			return
		}
	}
}

// look reads the outlook once. If that fails the view grows old, and mail stops by itself.
func (w *Worker) look(ctx context.Context) {
	at := time.Now()
	bounded, cancel := context.WithTimeout(ctx, maxView/2)
	defer cancel()
	outlook, err := w.o.Store.Outlook(bounded)
	if err != nil {
		w.report(ctx, "reading what may be mailed", err)
		return
	}
	w.noticeReminders(w.view.latest.Swap(&seen{Outlook: outlook, at: at}), outlook.Campaigns)
	w.cursors.keep(outlook.Campaigns)
	w.reminded.keep(outlook.Campaigns)
}

// noticeReminders begins anew with the members of a campaign when another reminder was ordered since the last look, whoever ordered it.
func (w *Worker) noticeReminders(before *seen, campaigns []queue.Campaign) {
	if before == nil {
		return
	}
	for _, k := range campaigns {
		if known, ok := before.campaign(k.ID); ok && known.Reminders != k.Reminders {
			w.reminded.rewind(k.ID, 0)
		}
	}
}

// Bounds of the upkeep's statements, in rows.
const (
	expireStep = 1000
	topUpStep  = 10000
	rearmStep  = 1000
	rearmEvery = 10 // sweeps
	forgetStep = 5000
)

// settleSoon is how long after the last claim of a campaign its end is looked for: the batch is out by then, mostly.
const settleSoon = 2 * time.Second

// upkeep looks after all campaigns at each sweep, and a little after one seems to be at its end.
func (w *Worker) upkeep(ctx context.Context) {
	var tidied time.Time
	for n := 0; ; n++ {
		if !w.waitSweep(ctx, n == 0) {
			return
		}
		seen := w.view.now()
		if seen == nil {
			continue
		}
		if time.Since(tidied) >= w.o.Tidy {
			tidied = time.Now()
			w.forget(ctx)
		}
		for _, k := range seen.Campaigns {
			w.tend(ctx, k, n%rearmEvery == 0)
		}
	}
}

func (w *Worker) waitSweep(ctx context.Context, first bool) bool {
	sweep := w.o.Sweep
	if first {
		sweep = min(sweep, settleSoon)
	}
	timer := time.NewTimer(sweep)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.tidy:
		return pause(ctx, min(settleSoon, w.o.Sweep))
	case <-ctx.Done():
		return false
	}
}

// tend does for a campaign what no claim does.
func (w *Worker) tend(ctx context.Context, k queue.Campaign, rearm bool) {
	if k.Mailing != "done" {
		w.repeat(ctx, "giving back leases that ran out", func() (bool, error) {
			n, err := w.o.Store.Expire(ctx, k.ID, expireStep)
			return n == expireStep, err
		})
	}
	if k.Everyone {
		w.repeat(ctx, "adding later accounts", func() (bool, error) {
			added, more, err := w.o.Store.TopUp(ctx, k.ID, topUpStep)
			if added > 0 {
				w.cursors.rewind(k.ID, math.MaxInt64) // they stand above all that was claimed
			}
			return more, err
		})
	}
	if rearm {
		w.repeat(ctx, "looking for new addresses", func() (bool, error) {
			n, err := w.o.Store.Rearm(ctx, k.ID, rearmStep)
			return n == rearmStep, err
		})
	}
	if k.Mailing == running && w.cursors.get(k.ID).empty && (k.Reminders == 0 || w.reminded.get(k.ID).empty) {
		w.settle(ctx, k.ID)
	}
}

// forget looks through single mails and counted failures for old ones, page by page.
func (w *Worker) forget(ctx context.Context) {
	var mail int64
	w.repeat(ctx, "forgetting finished single mails", func() (more bool, err error) {
		mail, err = w.o.Store.ForgetMails(ctx, mail, forgetStep)
		return mail != 0, err
	})
	var login []byte
	w.repeat(ctx, "forgetting failed logins of long ago", func() (more bool, err error) {
		login, err = w.o.Store.ForgetFailures(ctx, login, forgetStep)
		return login != nil, err
	})
}

func (w *Worker) repeat(ctx context.Context, doing string, step func() (more bool, err error)) {
	for {
		more, err := step()
		if err != nil {
			w.report(ctx, doing, err)
		}
		if err != nil || !more || ctx.Err() != nil {
			return
		}
	}
}

func (w *Worker) settle(ctx context.Context, campaign int64) {
	done, untried, err := w.o.Store.Settle(ctx, campaign)
	switch {
	case err != nil:
		w.report(ctx, "looking for the end of a mailing", err)
	case done:
		w.log.InfoContext(ctx, "everybody in the campaign has been dealt with", "campaign", campaign)
	case untried != 0:
		w.cursors.rewind(campaign, untried)
		w.reminded.rewind(campaign, untried)
	}
}

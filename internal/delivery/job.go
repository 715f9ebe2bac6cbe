package delivery

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// job is a claimed mail on its way through this process.
type job struct {
	campaign int64 // 0: a single mail
	single   queue.Single
	member   queue.Member
	claimed  time.Time // before the claim, by our clock: the lease runs at least from here
	read     time.Time // when its recipients were read
}

// kind is what the mail would be by what is known now.
func (j *job) kind() queue.Kind {
	switch {
	case j.campaign == 0:
		return j.single.Kind
	case j.member.Dead && j.member.HasPassword:
		return queue.Reset
	}
	return queue.Notice
}

func (j *job) attempts() int {
	if j.campaign == 0 {
		return j.single.Attempts
	}
	return j.member.Attempts
}

// Reasons why there is nothing to send.
const (
	reasonSuppressed = "address suppressed"
	reasonNobody     = "no account has this address"
	reasonNoPassword = "the account has no password"
	reasonEnabled    = "the password is no longer switched off"
)

// skip says why nothing is sent; empty: send. Those of a single mail's recipients who get none are left out of it.
func (j *job) skip() string {
	if j.campaign != 0 {
		return unreachable(j.member.Recipient)
	}
	reason := reasonNobody
	j.single.Recipients = slices.DeleteFunc(slices.Clone(j.single.Recipients), func(r queue.Recipient) bool {
		why := unreachable(r)
		switch {
		case why != "":
		case j.single.Kind == queue.Reissue && !r.HasPassword:
			why = reasonNoPassword
		case j.single.Kind == queue.Disabled && !r.Disabled:
			why = reasonEnabled
		default:
			return false
		}
		reason = why
		return true
	})
	if len(j.single.Recipients) > 0 {
		return ""
	}
	return reason
}

func unreachable(r queue.Recipient) string {
	switch {
	case r.Email == "":
		return queue.NoAddress
	case r.Suppressed:
		return reasonSuppressed
	}
	return ""
}

// letters groups the recipients of a single mail by stored address. Nearly always there is one: addresses that fold alike and are
// spelled differently may be different mailboxes, so each gets its own mail about its own accounts.
func (j *job) letters() [][]queue.Recipient {
	var groups [][]queue.Recipient
	sorted := slices.Clone(j.single.Recipients)
	slices.SortStableFunc(sorted, func(a, b queue.Recipient) int { return cmp.Compare(a.Email, b.Email) })
	for i, r := range sorted {
		if i > 0 && r.Email == sorted[i-1].Email {
			groups[len(groups)-1] = append(groups[len(groups)-1], r)
		} else {
			groups = append(groups, []queue.Recipient{r})
		}
	}
	return groups
}

// maxWait is how old what is known of a recipient may be at hand-off. What waited longer is read again.
const maxWait = time.Second

// refresh reads the recipients again if they waited.
func (w *Worker) refresh(ctx context.Context, j *job) error {
	if time.Since(j.read) < maxWait {
		return nil
	}
	read := time.Now()
	var ids []int64
	var keys []string
	switch {
	case j.campaign != 0:
		ids = []int64{j.member.Account}
	case j.single.Key != "":
		keys = []string{j.single.Key}
	default:
		for _, r := range j.single.Recipients {
			ids = append(ids, r.Account)
		}
	}
	known, err := w.o.Store.Recipients(ctx, ids, keys)
	if err != nil {
		return err
	}
	if j.campaign == 0 {
		j.single.Recipients = known
	} else if len(known) == 1 {
		j.member.Recipient = known[0]
	}
	j.read = read
	return nil
}

// Why a claimed mail is given back unsent.
var (
	errStopping = errors.New("delivery is stopping")
	errLate     = errors.New("the lease is too short for another hand-off")
	errBlind    = errors.New("what may be mailed is not known")
	errLocked   = errors.New("the service is locked down")
	errEnded    = errors.New("the campaign does not mail now")
)

// allowed is asked when a mail is taken up and again just before DATA.
func (w *Worker) allowed(ctx context.Context, j *job) error {
	seen := w.view.now()
	switch {
	case ctx.Err() != nil:
		return errStopping
	case time.Since(j.claimed) > w.lease.For-w.o.Session:
		return errLate
	case seen == nil:
		return errBlind
	case seen.Locked && hasLinks(j.kind()):
		return errLocked
	}
	if j.campaign != 0 {
		if k, ok := seen.campaign(j.campaign); !ok || k.Mailing != running {
			return errEnded
		}
	}
	return nil
}

// running is the mailing of a campaign that sends.
const running = "running"

// claimSingles keeps the lane of single mails filled until the context ends.
func (w *Worker) claimSingles(ctx context.Context) {
	for w.laneOpen(ctx) {
		n := w.claimSomeSingles(ctx)
		if n < w.o.Connections && !pause(ctx, w.o.Poll) {
			return
		}
	}
}

// laneOpen waits while the mail server cannot be used, and tells whether to go on.
func (w *Worker) laneOpen(ctx context.Context) bool {
	for {
		wait := w.lane.shut(time.Now())
		if wait == 0 {
			return ctx.Err() == nil
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

func (w *Worker) claimSomeSingles(ctx context.Context) int {
	seen := w.view.now()
	if seen == nil {
		return 0
	}
	claimed := time.Now()
	some, err := w.o.Store.ClaimSingles(ctx, w.lease, w.o.Connections, !seen.Locked)
	if err != nil {
		w.report(ctx, "claiming single mails", err)
		return 0
	}
	for _, s := range some {
		w.singles <- &job{single: s, claimed: claimed, read: claimed}
	}
	return len(some)
}

// claimMembers keeps the lane of campaign mails filled until the context ends.
func (w *Worker) claimMembers(ctx context.Context) {
	passing := newCursors() // over the members that get notices, while links wait
	for w.laneOpen(ctx) {
		n := 0
		if seen := w.view.now(); seen != nil {
			if !seen.Locked {
				passing = newCursors()
			}
			for _, k := range seen.Campaigns {
				switch {
				case k.Mailing != running:
				case seen.Locked:
					n += w.claimNotices(ctx, k.ID, passing)
				default:
					n += w.claim(ctx, queue.Pick{Campaign: k.ID, Retries: true}) + w.claimFresh(ctx, k.ID)
				}
			}
		}
		if n == 0 && !pause(ctx, w.o.Poll) {
			return
		}
	}
}

// claimFresh goes on from the cursor.
func (w *Worker) claimFresh(ctx context.Context, campaign int64) int {
	at := w.cursors.get(campaign)
	if at.empty {
		return 0
	}
	last, n, err := w.claimTo(ctx, queue.Pick{Campaign: campaign, After: at.after, Upto: math.MaxInt64})
	if err != nil {
		return 0
	}
	w.cursors.advance(campaign, at.after, max(last, at.after), n == 0)
	if n == 0 {
		w.nudge()
	}
	return n
}

// window is how many members one step looks over for some that get notices.
const window = 2000

func (w *Worker) claimNotices(ctx context.Context, campaign int64, passing *cursors) int {
	at := passing.get(campaign)
	if at.empty {
		return 0
	}
	upto, err := w.o.Store.Window(ctx, campaign, at.after, window)
	if err != nil {
		w.report(ctx, "looking for members who get a notice", err)
		return 0
	}
	if upto == 0 {
		passing.advance(campaign, at.after, at.after, true)
		return 0
	}
	last, n, err := w.claimTo(ctx, queue.Pick{Campaign: campaign, After: at.after, Upto: upto, NoticesOnly: true})
	if err != nil {
		return 0
	}
	if n < w.o.Batch {
		last = upto
	}
	passing.advance(campaign, at.after, last, false)
	return max(n, 1) // go on looking
}

func (w *Worker) claim(ctx context.Context, pick queue.Pick) int {
	_, n, _ := w.claimTo(ctx, pick) // reported there
	return n
}

// claimTo puts a batch into the lane, and gives the highest account in it.
func (w *Worker) claimTo(ctx context.Context, pick queue.Pick) (last int64, n int, err error) {
	pick.Limit = w.o.Batch
	claimed := time.Now()
	some, err := w.o.Store.ClaimMembers(ctx, w.lease, pick)
	if err != nil {
		w.report(ctx, "claiming members", err)
		return 0, 0, err
	}
	for _, m := range some {
		last = max(last, m.Account)
		w.members <- &job{campaign: m.Campaign, member: m, claimed: claimed, read: claimed}
	}
	return last, len(some), nil
}

// nudge asks the upkeep to look whether a campaign is at its end.
func (w *Worker) nudge() {
	select {
	case w.tidy <- struct{}{}:
	default:
	}
}

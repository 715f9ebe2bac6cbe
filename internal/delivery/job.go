package delivery

import (
	"cmp"
	"context"
	"errors"
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
	if j.campaign == 0 {
		return j.single.Kind
	}
	return kindOf(j.member)
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
	reasonAnswered   = "there is nothing left to reset"
)

// skip says why nothing is sent; empty: send. Those of a single mail's recipients who get none are left out of it.
func (j *job) skip() string {
	if j.campaign != 0 {
		if reason := unreachable(j.member.Recipient); reason != "" || !j.member.Reminder || kindOf(j.member) == queue.Reminder {
			return reason
		}
		return reasonAnswered
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

// unsent is the mark of a mail that there is no reason to send. A reminder leaves its member as the first mail left it.
func (j *job) unsent(reason string) queue.Mark {
	if j.campaign != 0 && j.member.Reminder {
		return queue.Mark{State: queue.Sent, Error: reason}
	}
	return queue.Mark{State: queue.Skipped, Error: reason}
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

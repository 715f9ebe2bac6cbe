package campaign

import (
	"testing"
	"time"
)

// The rate divides by the time in which mail went out; where that or the mails are too few to tell, no end is named.
func TestRate(t *testing.T) {
	t.Parallel()
	now := time.Date(2011, 6, 17, 12, 0, 0, 0, time.UTC)
	going := func(span time.Duration, sent, pending int64) Progress {
		since := now.Add(-span)
		return Progress{At: now, Status: Status{State: Active, Mailing: Running, SentLastMinute: sent, SentSince: &since, Delivery: Delivery{Pending: pending}}}
	}
	with := func(p Progress, change func(*Progress)) Progress { change(&p); return p }
	for name, c := range map[string]struct {
		p    Progress
		rate float64 // a second; 0: none is told
		left time.Duration
	}{
		"a full minute":           {going(time.Minute, 600, 1000), 10, 100 * time.Second},
		"the first minute":        {going(20*time.Second, 600, 3000), 30, 100 * time.Second},
		"ten seconds":             {going(10*time.Second, 100, 100), 10, 10 * time.Second},
		"too early":               {going(9900*time.Millisecond, 600, 3000), 0, 0},
		"too few":                 {going(time.Minute, 9, 3000), 0, 0},
		"nobody is left":          {going(time.Minute, 600, 0), 0, 0},
		"those to remind":         {with(going(time.Minute, 600, 0), func(p *Progress) { p.Reminders.Waiting = 50 }), 10, 5 * time.Second},
		"paused":                  {with(going(time.Minute, 600, 9), func(p *Progress) { p.Mailing = Paused }), 0, 0},
		"closed":                  {with(going(time.Minute, 600, 9), func(p *Progress) { p.State = Closed }), 0, 0},
		"nothing went out":        {with(going(time.Minute, 0, 9), func(p *Progress) { p.SentSince = nil }), 0, 0},
		"dated after the reading": {going(-time.Second, 600, 3000), 0, 0},
	} {
		ends := c.p.ends()
		if (ends == nil) != (c.rate == 0) {
			t.Errorf("%s: %+v", name, ends)
			continue
		}
		if ends != nil && (ends.Rate != c.rate || !ends.At.Equal(now.Add(c.left))) {
			t.Errorf("%s: %v a second until %s, want %v until %s", name, ends.Rate, ends.At, c.rate, now.Add(c.left))
		}
	}
}

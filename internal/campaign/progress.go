package campaign

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Progress is how a campaign goes, as people watch it.
type Progress struct {
	Status
	Opened  int64    `json:"opened"` // members whose page said that their link works; a scanner may have opened it
	Hours   []Hour   `json:"hours"`  // from the activation, in order; hours in which nothing happened are left out
	Locales []Locale `json:"locales"`

	LocalesAt time.Time `json:"locales_at"`     // when these were counted: on a large campaign seldomer than the rest
	At        time.Time `json:"at"`             // the database's clock
	Ends      *EndsAt   `json:"ends,omitempty"` // nil while nothing goes out, or too little to tell
}

// Hour is what happened in one hour of UTC.
type Hour struct {
	Start  time.Time `json:"start"`
	Sent   int64     `json:"sent"`
	Opened int64     `json:"opened"`
	Reset  int64     `json:"reset"`
}

// Locale is the part of the members who read one language.
type Locale struct {
	Locale  string `json:"locale"` // BCP 47; "" unknown
	Members int64  `json:"members"`
	Sent    int64  `json:"sent"`
	Reset   int64  `json:"reset"`
}

// EndsAt is when everybody will have been written to, who is to be reminded too, if the last minute's rate holds.
type EndsAt struct {
	At   time.Time `json:"at"`
	Rate float64   `json:"rate"` // mails a second
}

// ProgressStore counts.
type ProgressStore interface {
	CampaignStatus(ctx context.Context, id int64) (Status, error)
	// CampaignHours counts by hour.
	CampaignHours(ctx context.Context, id int64) ([]Hour, error)
	// CampaignLocales counts by language, the most members first.
	CampaignLocales(ctx context.Context, id int64) ([]Locale, error)
	Now(ctx context.Context) (time.Time, error)
}

// ReadProgress counts everything once: one pass over the members for each of status, hours and languages.
func ReadProgress(ctx context.Context, s ProgressStore, id int64) (Progress, error) {
	return NewCounter(s).Read(ctx, id)
}

// localeShare is how much longer than counting the languages takes they are not counted again: that pass reads every account too, and is the dearest.
const localeShare = 100

// Counter counts campaigns again and again, and the languages seldomer than the rest.
type Counter struct {
	store ProgressStore
	mu    sync.Mutex
	by    map[int64]spoken
}

// spoken is a count of the languages.
type spoken struct {
	locales []Locale
	at      time.Time
	until   time.Time // on this process's clock
}

// NewCounter has counted nothing.
func NewCounter(s ProgressStore) *Counter { return &Counter{store: s, by: map[int64]spoken{}} }

// locales are counted anew if the last count is old enough.
func (c *Counter) locales(ctx context.Context, id int64, now time.Time) (spoken, error) {
	c.mu.Lock()
	last, found := c.by[id]
	c.mu.Unlock()
	if found && time.Now().Before(last.until) {
		return last, nil
	}
	began := time.Now()
	list, err := c.store.CampaignLocales(ctx, id)
	if err != nil {
		return spoken{}, fmt.Errorf("counting campaign %d by language: %w", id, err)
	}
	last = spoken{locales: list, at: now, until: time.Now().Add(time.Since(began) * localeShare)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by[id] = last
	return last, nil
}

// Read counts.
func (c *Counter) Read(ctx context.Context, id int64) (Progress, error) {
	var p Progress
	var err error
	s := c.store
	if p.At, err = s.Now(ctx); err != nil {
		return p, fmt.Errorf("dating the counts of campaign %d: %w", id, err)
	}
	if p.Status, err = s.CampaignStatus(ctx, id); err != nil {
		return p, fmt.Errorf("counting campaign %d: %w", id, err)
	}
	if p.Hours, err = s.CampaignHours(ctx, id); err != nil {
		return p, fmt.Errorf("counting campaign %d by hour: %w", id, err)
	}
	spoken, err := c.locales(ctx, id, p.At)
	if err != nil {
		return p, err
	}
	p.Locales, p.LocalesAt = spoken.locales, spoken.at
	for _, h := range p.Hours {
		p.Opened += h.Opened
	}
	p.Ends = p.ends()
	return p, nil
}

// Below these a rate says nothing: one mail a second ago is no sixty a minute.
const (
	leastSpan  = 10 * time.Second
	leastMails = 10
)

// ends divides by the time in which mail went out, which in the first minute is less than one.
func (p Progress) ends() *EndsAt {
	left := p.Delivery.Pending + p.Reminders.Waiting
	if p.State != Active || p.Mailing != Running || left == 0 || p.SentLastMinute < leastMails || p.SentSince == nil {
		return nil
	}
	span := p.At.Sub(*p.SentSince)
	if span < leastSpan {
		return nil
	}
	rate := float64(p.SentLastMinute) / span.Seconds()
	return &EndsAt{At: p.At.Add(time.Duration(float64(left) / rate * float64(time.Second))), Rate: rate}
}

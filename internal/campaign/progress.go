package campaign

import (
	"context"
	"fmt"
	"time"
)

// Progress is how a campaign goes, as people watch it.
type Progress struct {
	Status
	Opened  int64     `json:"opened"` // members whose page said that their link works; a scanner may have opened it
	Hours   []Hour    `json:"hours"`  // from the activation, in order; hours in which nothing happened are left out
	Locales []Locale  `json:"locales"`
	At      time.Time `json:"at"`             // the database's clock
	Ends    *EndsAt   `json:"ends,omitempty"` // nil while nothing goes out
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

// EndsAt is when everybody will have been written to, if the last minute's rate holds.
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
	var p Progress
	var err error
	if p.Status, err = s.CampaignStatus(ctx, id); err != nil {
		return p, fmt.Errorf("counting campaign %d: %w", id, err)
	}
	if p.Hours, err = s.CampaignHours(ctx, id); err != nil {
		return p, fmt.Errorf("counting campaign %d by hour: %w", id, err)
	}
	if p.Locales, err = s.CampaignLocales(ctx, id); err != nil {
		return p, fmt.Errorf("counting campaign %d by language: %w", id, err)
	}
	if p.At, err = s.Now(ctx); err != nil {
		return p, fmt.Errorf("dating the counts of campaign %d: %w", id, err)
	}
	for _, h := range p.Hours {
		p.Opened += h.Opened
	}
	p.Ends = p.ends()
	return p, nil
}

func (p Progress) ends() *EndsAt {
	if p.State != Active || p.Mailing != Running || p.SentLastMinute == 0 || p.Delivery.Pending == 0 {
		return nil
	}
	rate := float64(p.SentLastMinute) / 60
	return &EndsAt{At: p.At.Add(time.Duration(float64(p.Delivery.Pending) / rate * float64(time.Second))), Rate: rate}
}

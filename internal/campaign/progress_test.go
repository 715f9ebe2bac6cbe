package campaign

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// tally answers each count after a while, and counts how often the languages were asked for.
type tally struct {
	ProgressStore
	took    time.Duration
	locales int64
}

func (s *tally) CampaignStatus(context.Context, int64) (Status, error) { return Status{}, nil }
func (s *tally) CampaignHours(context.Context, int64) ([]Hour, error) {
	return []Hour{{Opened: 2}, {Opened: 3}}, nil
}
func (s *tally) Now(context.Context) (time.Time, error) { return time.Now(), nil }

func (s *tally) CampaignLocales(context.Context, int64) ([]Locale, error) {
	time.Sleep(s.took)
	s.locales++
	return []Locale{{Members: s.locales}}, nil
}

// The languages, whose count is the dearest, are counted anew only after a hundred times what that takes; each campaign has its own.
func TestLanguagesAreCountedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tally{took: time.Second}
		c := NewCounter(s)
		read := func(id int64) Progress {
			t.Helper()
			p, err := c.Read(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		first := read(1)
		time.Sleep(99 * time.Second)
		if again := read(1); again.Locales[0].Members != 1 || !again.LocalesAt.Equal(first.LocalesAt) || again.At.Equal(first.At) || again.Opened != 5 {
			t.Errorf("%+v", again)
		}
		if other := read(2); other.Locales[0].Members != 2 {
			t.Errorf("another campaign is given %+v", other.Locales)
		}
		time.Sleep(time.Second)
		if late := read(1); late.Locales[0].Members != 3 || late.LocalesAt.Equal(first.LocalesAt) {
			t.Errorf("%+v", late)
		}
	})
}

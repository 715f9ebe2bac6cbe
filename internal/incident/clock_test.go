package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// The deadlines are those of the laws, counted from Friday 5 June 2026, 12:00.
func TestSuggestedDeadlines(t *testing.T) {
	t.Parallel()
	found := time.Date(2026, 6, 5, 12, 0, 0, 0, time.UTC)
	got := map[string]string{}
	for _, s := range Suggest(Incident{FoundAt: &found}, []Clock{{Name: "HIPAA: individuals and HHS"}}) {
		got[s.Name] = s.DueAt.Format("2006-01-02 15:04")
	}
	want := map[string]string{
		"GDPR Art. 33: supervisory authority":      "2026-06-08 12:00",
		"UK GDPR Art. 33: ICO":                     "2026-06-08 12:00",
		"NIS2 Art. 23: early warning to the CSIRT": "2026-06-06 12:00",
		"NIS2 Art. 23: incident notification":      "2026-06-08 12:00",
		"NIS2 Art. 23: final report":               "2026-07-08 12:00",
		"California (SB 446): residents":           "2026-07-05 12:00",
		"California (SB 446): Attorney General":    "2026-07-20 12:00",
		"SEC Form 8-K item 1.05":                   "2026-06-11 12:00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	told := found.AddDate(0, 0, 3)
	for _, s := range Suggest(Incident{FoundAt: &found, PublishedAt: &told}, nil) {
		if strings.HasSuffix(s.Name, "Attorney General") && !s.DueAt.Equal(told.AddDate(0, 0, 15)) {
			t.Errorf("the Attorney General is told by %v after a notice of %v", s.DueAt, told)
		}
	}
	if s := Suggest(Incident{}, nil); len(s) != 0 {
		t.Errorf("counted from nothing: %+v", s)
	}
}

func TestClockRules(t *testing.T) {
	t.Parallel()
	due, name, empty, long, far := time.Now(), "GDPR", " ", strings.Repeat("x", maxNote+1), time.Date(20260, 1, 1, 0, 0, 0, 0, time.UTC)
	rule := func(c ClockChange, allowed bool) {
		t.Helper()
		if err := c.check(); (err == nil) != allowed || !allowed && !problem.Is(err, problem.Unprocessable) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	rule(ClockChange{Slug: "a", Name: &name, DueAt: &due}, true)
	rule(ClockChange{Slug: "a", ID: 1, Note: &empty}, true)
	rule(ClockChange{Slug: "a", Name: &name}, false)
	rule(ClockChange{Slug: "a", DueAt: &due}, false)
	rule(ClockChange{Slug: "a", ID: 1, Name: &empty}, false)
	rule(ClockChange{Slug: "a", ID: 1, Note: &long}, false)
	rule(ClockChange{Slug: "a", ID: 1, DueAt: &far}, false)

	late := due.Add(time.Minute)
	for _, c := range []struct {
		clock         Clock
		overdue, late bool
	}{
		{Clock{DueAt: due}, true, false}, {Clock{DueAt: late.Add(time.Hour)}, false, false},
		{Clock{DueAt: due, DoneAt: &late}, false, true}, {Clock{DueAt: late, DoneAt: &due}, false, false},
	} {
		if c.clock.Overdue(late) != c.overdue || c.clock.Late() != c.late {
			t.Errorf("%+v: overdue %v, late %v", c.clock, c.clock.Overdue(late), c.clock.Late())
		}
	}
}

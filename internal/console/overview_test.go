package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// activated is a campaign in force.
func (w *world) activated(slug string) int64 {
	w.t.Helper()
	id := w.drafted(slug, leak(10))
	_, err := w.desk.Approve(w.t.Context(), w.person("second"), w.asked(id), "")
	must(w.t, err)
	return id
}

// slowly has every count wait until the test lets them pass.
func slowly(let <-chan struct{}) func(fitting) {
	return func(f fitting) {
		count := f.desk.Progress
		f.desk.Progress = func(ctx context.Context, id int64) (campaign.Progress, error) {
			<-let
			return count(ctx, id)
		}
	}
}

// No page counts by itself: where the count takes its time pages come without, say so, and have the numbers once they are there, also without a script.
func TestPagesDoNotWaitForCounts(t *testing.T) {
	t.Parallel()
	let := make(chan struct{})
	w := newWorld(t, slowly(let))
	w.console.patience = time.Millisecond
	w.members(20)
	w.incident("sega-2011", "A breach")
	w.activated("sega-2011")
	v := w.as("responder")
	for path, says := range map[string]string{"/": "Counting the members", "/campaigns/1": "Counting the members", "/incidents/sega-2011/facts": "are being counted"} {
		w.wants(v.get(path), 200, says)
	}
	w.wants(v.get("/"), 200, `aria-busy="true"`, `<noscript> <a href="/">Load the page again</a>`)
	close(let)
	w.console.patience = 10 * time.Second
	for path, says := range map[string]string{"/": `<span data-live="members">10</span>`, "/campaigns/1": `<dd data-live="pending">10</dd>`, "/incidents/sega-2011/facts": "Campaign 1: 10 members, counted"} {
		w.wants(v.get(path), 200, says)
	}
	if got := v.get("/"); strings.Contains(got.body, "aria-busy") || !strings.Contains(got.body, "Counted <time") {
		t.Errorf("the age of the numbers is not told: %s", got.body)
	}
}

// A count that fails says so, and the page stays one.
func TestCountsThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(f fitting) {
		f.desk.Progress = func(context.Context, int64) (campaign.Progress, error) {
			return campaign.Progress{}, fmt.Errorf("disk on fire")
		}
	})
	w.members(20)
	w.incident("sega-2011", "A breach")
	w.activated("sega-2011")
	v := w.as("responder")
	for _, path := range []string{"/", "/campaigns/1", "/incidents/sega-2011/facts"} {
		got := v.get(path)
		if w.wants(got, 200, "could not be counted"); strings.Contains(got.body, "on fire") {
			t.Errorf("%s tells the cause", path)
		}
	}
}

// The overview's line tells of every campaign it shows, and of none where none is in force.
func TestOverviewEvents(t *testing.T) {
	t.Parallel()
	ending := make(chan struct{})
	w := newWorld(t, func(f fitting) { f.console.Ending = ending })
	w.members(20)
	w.incident("sega-2011", "A breach")
	if got := w.as("auditor").get("/events"); got.status != http.StatusNoContent {
		t.Fatalf("with nothing in force: %d", got.status)
	}
	w.activated("sega-2011")
	w.activated("sega-2011")
	lines := w.as("auditor").follow("/events")
	if one, other := first(t, lines), first(t, lines); one.ID+other.ID != 3 {
		t.Errorf("told of campaigns %d and %d", one.ID, other.ID)
	}
	close(ending)
	ends(t, "the end of the process", lines)
}

// What the law waits for comes first: what ran out, then what soon will; what was met, or has time, is not there.
func TestDeadlinesOnTheOverview(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		v := w.as("responder")
		if strings.Contains(v.get("/").body, "Deadlines") {
			t.Error("there are deadlines of nothing")
		}
		w.incident("sega-2011", "A breach")
		yes := true
		add := func(name string, due time.Duration, done *bool) incident.Clock {
			at := time.Now().Add(due)
			c, err := w.desk.ChangeClock(t.Context(), w.person("responder"), incident.ClockChange{Slug: "sega-2011", Name: &name, DueAt: &at, Done: done})
			must(t, err)
			return c
		}
		add("has time", 25*time.Hour, nil)
		add("was met", -time.Hour, &yes)
		add("is near", 23*time.Hour+30*time.Minute, nil)
		near := v.get("/")
		w.wants(near, 200, "Deadlines that run out within a day", "is near", "23\u00a0h", `<span class="state soon">`)
		over := add("ran out", -2*time.Hour, nil)
		got := v.get("/")
		w.wants(got, 200, "Deadlines that ran out, or will within a day", "overdue by 2\u00a0h", `<span class="state overdue">`, fmt.Sprintf(`href="/incidents/sega-2011/clocks#clock-%d"`, over.ID))
		if a, b := strings.Index(got.body, "ran out</strong>"), strings.Index(got.body, "is near"); a < 0 || a > b || b > strings.Index(got.body, "Campaigns in force") {
			t.Errorf("the order is not that of urgency: %s", got.body)
		}
		for _, not := range []string{"has time", "was met"} {
			if strings.Contains(got.body, not) {
				t.Errorf("%q presses", not)
			}
		}
		for n := range shownDue {
			add(fmt.Sprint("one more ", n), -time.Hour, nil)
		}
		if got := v.get("/"); !strings.Contains(got.body, "There are more") || strings.Count(got.body, `<span class="state overdue">`) != shownDue {
			t.Errorf("too many: %s", got.body)
		}
	})
}

package console

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

var toOlder = regexp.MustCompile(`rel="next" href="([^"]+)"`)

// walk follows a list to its end, and counts its lines.
func (w *world) walk(v *visitorClient, path, line string) (pages, lines int) {
	w.t.Helper()
	for {
		got := v.get(path)
		w.wants(got, 200)
		pages, lines = pages+1, lines+strings.Count(got.body, line)
		next := toOlder.FindStringSubmatch(got.body)
		if next == nil {
			return pages, lines
		}
		path = strings.ReplaceAll(next[1], "&amp;", "&")
	}
}

// Long lists come in pages, each line once, of one state where that is asked for.
func TestLongLists(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		w.members(5)
		for n := range rows + 1 {
			slug := fmt.Sprintf("i-%d", n)
			_, err := incident.Set(t.Context(), s, incident.Change{Slug: slug}, tester)
			must(t, err)
			_, err = w.desk.CreateCampaign(t.Context(), w.person("responder"), campaign.CreateRequest{Incident: "i-0", Scope: campaign.Everyone})
			must(t, err)
		}
		must(t, w.desk.DiscardCampaign(t.Context(), w.person("responder"), 7))
		v := w.as("auditor")
		for path, want := range map[string][2]int{
			"/campaigns": {2, rows + 1}, "/campaigns?state=draft": {1, rows}, "/campaigns?state=discarded": {1, 1}, "/campaigns?incident=i-0&state=draft": {1, rows}, "/campaigns?incident=i-1": {1, 0},
			"/campaigns?incident=i-0": {2, rows + 1},
		} {
			if pages, lines := w.walk(v, path, `<a href="/campaigns/`); pages != want[0] || lines != want[1] {
				t.Errorf("%s: %d lines on %d pages, want %v", path, lines, pages, want)
			}
		}
		if pages, lines := w.walk(v, "/incidents", `<th scope="row" class="name">`); pages != 2 || lines != rows+1 {
			t.Errorf("incidents: %d lines on %d pages", lines, pages)
		}
		w.wants(v.get("/incidents/i-0"), 200, "All campaigns of this incident")
		w.wants(v.get("/campaigns?state=closed"), 200, "No campaign is closed.")
		w.wants(v.get("/campaigns?before=1"), 200, "There are no older campaigns", `href="/campaigns">The newest`)
		w.wants(v.get("/campaigns?state=dead"), 422)
		for _, path := range []string{"/campaigns?before=x", "/campaigns?before=-1", "/incidents?before=0", "/approvals?before=1x"} {
			w.wants(v.get(path), 404)
		}
		w.asked(w.drafted("i-0", ""))
		w.wants(v.get("/approvals?state=pending"), 200, "campaign:")
		w.wants(v.get("/approvals?state=void"), 200, "No request is void.")
	})
}

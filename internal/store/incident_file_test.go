package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestClocks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "a"}, responder))
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "b"}, responder))
		change := func(c incident.ClockChange) (incident.Clock, error) {
			return incident.ChangeClock(t.Context(), s, c, responder)
		}
		add := func(slug, name string, due time.Time) incident.Clock {
			t.Helper()
			return got[incident.Clock](t)(change(incident.ClockChange{Slug: slug, Name: &name, DueAt: &due}))
		}
		late, early := add("a", "late", day(time.July, 2)), add("a", "early", day(time.July, 1))
		add("b", "late", day(time.July, 3)) // another incident's
		yes, no, note, name := true, false, "filed as 4711", "late"
		done := got[incident.Clock](t)(change(incident.ClockChange{Slug: "a", ID: early.ID, Done: &yes, Note: &note}))
		if done.DoneAt == nil || done.Note != note || done.Name != "early" || !done.DueAt.Equal(day(time.July, 1)) || !done.Late() {
			t.Errorf("met %+v", done)
		}
		again := got[incident.Clock](t)(change(incident.ClockChange{Slug: "a", ID: early.ID, Done: &yes}))
		if !again.DoneAt.Equal(*done.DoneAt) || again.Note != note {
			t.Errorf("marked twice: %+v, was %+v", again, done)
		}
		list := got[[]incident.Clock](t)(s.Clocks(t.Context(), "a"))
		if len(list) != 2 || list[0].ID != late.ID || list[1].ID != early.ID {
			t.Errorf("listed %+v", list)
		}
		if open := got[incident.Clock](t)(change(incident.ClockChange{Slug: "a", ID: early.ID, Done: &no})); open.DoneAt != nil {
			t.Errorf("runs again %+v", open)
		}
		for want, c := range map[problem.Kind]incident.ClockChange{
			problem.Conflict: {Slug: "a", ID: early.ID, Name: &name},
			problem.NotFound: {Slug: "b", ID: early.ID, Done: &yes},
		} {
			if _, err := change(c); !problem.Is(err, want) {
				t.Errorf("%+v: %v", c, err)
			}
		}
		if _, err := change(incident.ClockChange{Slug: "none", Name: &name, DueAt: moment(day(time.July, 1))}); !problem.Is(err, problem.NotFound) {
			t.Errorf("of no incident: %v", err)
		}
		if n := got[int64](t)(s.Count(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = 'incident.clock'`)); n != 6 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestFacts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "a"}, responder))
		set := func(values map[string]string) {
			t.Helper()
			must(t, incident.SetFacts(t.Context(), s, "a", values, responder))
		}
		read := func() map[string]incident.Fact {
			t.Helper()
			return got[map[string]incident.Fact](t)(s.Facts(t.Context(), "a"))
		}
		set(map[string]string{"nature": "stolen", "contact": "dpo"})
		first := read()
		set(map[string]string{"nature": "stolen", "contact": "", "aware": "the board"})
		second := read()
		if len(second) != 2 || second["aware"].Value != "the board" || !second["nature"].UpdatedAt.Equal(first["nature"].UpdatedAt) {
			t.Errorf("%+v, before %+v", second, first)
		}
		if err := incident.SetFacts(t.Context(), s, "none", map[string]string{"nature": "x"}, responder); !problem.Is(err, problem.NotFound) {
			t.Errorf("of no incident: %v", err)
		}
		page, _, err := s.AuditSearch(t.Context(), audit.Query{Action: "incident.fact"})
		must(t, err)
		if len(page) != 2 || page[0].EncodeDetail() != `{"fields":["aware","contact","nature"]}` {
			t.Errorf("entries %+v", page)
		}
	})
}

// Versions count up without a gap however many are made at once, each comes back byte for byte, and its digest stands in the audit log.
func TestReportsAreKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "a"}, responder))
		pageOf := func(version int) []byte {
			return []byte(fmt.Sprintf("<p>version %d – ü %s", version, strings.Repeat("x", 100_000)))
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				_, err := incident.MakeReport(context.Background(), s, "a", func(version int, _ time.Time) ([]byte, error) { return pageOf(version), nil }, responder)
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		list := got[[]incident.Report](t)(s.Reports(t.Context(), "a"))
		logged, _, err := s.AuditSearch(t.Context(), audit.Query{Action: "report.make"})
		must(t, err)
		if len(list) != 5 || len(logged) != 5 {
			t.Fatalf("%d reports, %d entries", len(list), len(logged))
		}
		for i, r := range list {
			if r.Version != 5-i || r.MadeBy != "cli:responder" || logged[i].Detail["sha256"] != r.SHA256 || fmt.Sprint(logged[i].Detail["version"]) != fmt.Sprint(r.Version) {
				t.Errorf("%+v, logged %+v", r, logged[i].Detail)
			}
			kept, page, err := incident.ReadReport(t.Context(), s, "a", r.Version)
			if diff := cmp.Diff(r, kept); err != nil || diff != "" || !bytes.Equal(page, pageOf(r.Version)) {
				t.Errorf("%v %s", err, diff)
			}
		}
		broken := errors.New("no page")
		if _, err := incident.MakeReport(t.Context(), s, "a", func(int, time.Time) ([]byte, error) { return nil, broken }, responder); !errors.Is(err, broken) {
			t.Errorf("a page that cannot be made: %v", err)
		}
		if _, _, err := s.Report(t.Context(), "a", 6); !problem.Is(err, problem.NotFound) {
			t.Errorf("a version that was not made: %v", err)
		}
		must(t, s.Exec(t.Context(), `UPDATE incident_reports SET page = (SELECT page FROM incident_reports WHERE version = 2) WHERE version = 1`))
		if _, _, err := incident.ReadReport(t.Context(), s, "a", 1); !problem.Is(err, problem.Internal) {
			t.Errorf("a page that was exchanged is shown: %v", err)
		}
	})
}

func TestMailProof(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		k := active(t, s, "")
		if p, err := s.MailProof(t.Context(), k, 3); err != nil || p.First != nil || p.MessageIDs != 0 || len(p.Sample) != 0 {
			t.Errorf("before the first mail: %+v %v", p, err)
		}
		must(t, s.Exec(t.Context(), `UPDATE campaign_members SET state = 'sent', kind = 'reset', sent_at = ?, message_id = '<a@x>' WHERE account_id = 1`, day(time.June, 2)))
		must(t, s.Exec(t.Context(), `UPDATE campaign_members SET state = 'sent', kind = 'reset', sent_at = ?, reminded_at = ?, message_id = '<b@x>' WHERE account_id = 2`, day(time.June, 1), day(time.June, 9)))
		p, err := s.MailProof(t.Context(), k, 1)
		must(t, err)
		// printf %s '<a@x>' | sha256sum
		const digest = "79baa4529ab1d2f073d22e2a7cc87c9fc83c0af47a79581d60d26ac0ee33d252"
		if !p.First.Equal(day(time.June, 1)) || !p.Last.Equal(day(time.June, 9)) || p.MessageIDs != 2 || len(p.Sample) != 1 || p.Sample[0] != digest {
			t.Errorf("%+v", p)
		}
		sent := int64(0)
		for _, c := range p.Counts {
			if c.State == "sent" && c.Kind == "reset" {
				sent = c.N
			}
		}
		if sent != 2 {
			t.Errorf("%+v", p.Counts)
		}
	})
}

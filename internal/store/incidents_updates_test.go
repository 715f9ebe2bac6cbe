package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestIncidentSaysWhatWasNotExposed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		june, advice := day(time.June, 16), "tell your bank"
		set := func(c incident.Change) incident.Incident {
			t.Helper()
			c.Slug = "a"
			return got[incident.Incident](t)(incident.Set(t.Context(), s, c, responder))
		}
		set(incident.Change{OccurredAt: &june, Classes: []string{"names"}, Unexposed: []string{"payment data"}, Advice: &advice, ContainedAt: &june})
		i := set(incident.Change{})
		if i.Unexposed[0] != "payment data" || i.Advice != advice || !i.ContainedAt.Equal(june) {
			t.Errorf("what is not given is not kept: %+v", i)
		}
		for _, c := range []incident.Change{{Unexposed: []string{"Names"}}, {Classes: []string{"Payment-Data"}}, {ContainedAt: moment(june.Add(-time.Hour))}} {
			c.Slug = "a"
			if _, err := incident.Set(t.Context(), s, c, responder); !problem.Is(err, problem.Invalid) {
				t.Errorf("%+v against what is stored: %v", c, err)
			}
		}
		if i := set(incident.Change{Classes: []string{"payment data"}, Unexposed: []string{}}); len(i.Unexposed) != 0 || i.Classes[0] != "payment data" {
			t.Errorf("moved %+v", i)
		}
	})
}

func TestIncidentUpdates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		yes := true
		change := func(c incident.UpdateChange) incident.Incident {
			t.Helper()
			c.Slug = "a"
			return got[incident.Incident](t)(incident.ChangeUpdate(t.Context(), s, c, responder))
		}
		texts := func(i incident.Incident) (list []string) {
			for _, u := range i.Updates {
				list = append(list, u.Text)
			}
			return list
		}
		refused := func(c incident.UpdateChange) {
			t.Helper()
			if _, err := incident.ChangeUpdate(t.Context(), s, c, responder); !problem.Is(err, problem.NotFound) {
				t.Errorf("%+v: %v", c, err)
			}
		}
		refused(incident.UpdateChange{Slug: "a", Text: "of nothing"})
		before := got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "a", Publish: &yes}, responder))
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "b"}, responder))
		change(incident.UpdateChange{Text: "now"})
		july := day(time.July, 1)
		change(incident.UpdateChange{Text: "july", At: &july})
		i := change(incident.UpdateChange{Text: "june", At: moment(day(time.June, 20))})
		if diff := cmp.Diff([]string{"june", "july", "now"}, texts(i)); diff != "" {
			t.Error(diff)
		}
		if !i.UpdatedAt.Equal(before.UpdatedAt) || !i.ChangedAt.After(i.UpdatedAt) || !i.ChangedAt.Equal(i.Updates[0].UpdatedAt) {
			t.Errorf("the incident is of %v, changed %v, was %v", i.UpdatedAt, i.ChangedAt, before.UpdatedAt)
		}
		middle := i.Updates[1]
		i = change(incident.UpdateChange{ID: middle.ID, Text: "july, corrected"})
		if u := i.Updates[1]; u.Text != "july, corrected" || !u.At.Equal(july) || !u.Corrected() || !u.CreatedAt.Equal(middle.CreatedAt) || u.ID != middle.ID {
			t.Errorf("corrected %+v", u)
		}
		change(incident.UpdateChange{ID: middle.ID, Retract: true})
		refused(incident.UpdateChange{Slug: "a", ID: middle.ID, Text: "after it was retracted"})
		refused(incident.UpdateChange{Slug: "a", ID: middle.ID, Retract: true})
		refused(incident.UpdateChange{Slug: "b", ID: i.Updates[0].ID, Text: "of another incident"})
		public := got[incident.Incident](t)(incident.Published(t.Context(), s, "a"))
		if diff := cmp.Diff([]string{"june", "now"}, texts(public)); diff != "" {
			t.Error(diff)
		}
		list := got[[]incident.Incident](t)(incident.List(t.Context(), s))
		if len(list[0].Updates) != 0 || list[0].Updates == nil || len(list[1].Updates) != 3 || list[1].Updates[1].RetractedAt == nil {
			t.Errorf("listed %+v", list)
		}
		want := []string{"incident.set done", "incident.publish done", "incident.set done", "incident.update done", "incident.update done", "incident.update done", "incident.update done", "incident.update done"}
		if diff := cmp.Diff(want, entries(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

// An update and its entry are one: where the commit fails there is neither.
func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "a"}, responder))
		before := entries(t, s)
		s.SetHooks(false, nil, func(string) error { return errors.New("broken") }, nil)
		if _, err := incident.ChangeUpdate(t.Context(), s, incident.UpdateChange{Slug: "a", Text: "lost"}, responder); err == nil {
			t.Error("a failed commit passes for done")
		}
		s.SetHooks(false, nil, nil, nil)
		i := got[incident.Incident](t)(incident.Show(t.Context(), s, "a"))
		if diff := cmp.Diff(before, entries(t, s)); diff != "" || len(i.Updates) != 0 {
			t.Errorf("%+v\n%s", i.Updates, diff)
		}
	})
}

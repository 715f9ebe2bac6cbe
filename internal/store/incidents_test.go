package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestLockdown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := on(s)
		if _, err := c.LockdownOff(t.Context(), "never was", responder); !errors.Is(err, campaign.ErrNotLocked) {
			t.Errorf("lifting none: %v", err)
		}
		if _, err := c.LockdownOn(t.Context(), "  ", responder); !problem.Is(err, problem.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		got[campaign.Lockdown](t)(c.LockdownOn(t.Context(), "breach", responder))
		if _, err := c.LockdownOn(t.Context(), "again", responder); !errors.Is(err, campaign.ErrLocked) {
			t.Errorf("locking twice: %v", err)
		}
		l := got[campaign.Lockdown](t)(c.Lockdown(t.Context()))
		if !l.On || l.Since == nil || l.Reason != "breach" || l.By != "cli:responder" {
			t.Errorf("lockdown %+v", l)
		}
		got[campaign.Lockdown](t)(c.LockdownOff(t.Context(), "contained", responder))
		if l := got[campaign.Lockdown](t)(c.Lockdown(t.Context())); l.On {
			t.Errorf("lockdown after lifting %+v", l)
		}
		want := []string{"lockdown.off refused", "lockdown.on refused", "lockdown.on done", "lockdown.on refused", "lockdown.off done"}
		if diff := cmp.Diff(want, entries(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		title, notice, yes, no := "Sega Pass", "what happened", true, false
		june, july := day(time.June, 16), day(time.July, 1)
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", Title: &title, OccurredAt: &june, Classes: []string{"names", "e-mail addresses"}}, responder))
		if _, err := incident.Published(t.Context(), s, "sega-pass"); !problem.Is(err, problem.NotFound) {
			t.Errorf("an unpublished notice: %v", err)
		}
		i := got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", FoundAt: &july, Notice: &notice, Publish: &yes}, responder))
		if i.Title != title || i.Notice != notice || !i.OccurredAt.Equal(june) || !i.FoundAt.Equal(july) || len(i.Classes) != 2 || i.PublishedAt == nil {
			t.Errorf("incident %+v", i)
		}
		again := got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", Classes: []string{}, Publish: &yes}, responder))
		if !again.PublishedAt.Equal(*i.PublishedAt) || len(again.Classes) != 0 {
			t.Errorf("published again %+v", again)
		}
		if _, err := incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", FoundAt: moment(june.Add(-time.Hour))}, responder); !problem.Is(err, problem.Invalid) {
			t.Errorf("found before it happened: %v", err)
		}
		got[incident.Incident](t)(incident.Published(t.Context(), s, "sega-pass"))
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", Publish: &no}, responder))
		if _, err := incident.Published(t.Context(), s, "sega-pass"); !problem.Is(err, problem.NotFound) {
			t.Errorf("a notice taken back: %v", err)
		}
		create(t, s, "", func(r *campaign.CreateRequest) { r.Incident = "later" })
		create(t, s, "")
		list := got[[]incident.Incident](t)(incident.List(t.Context(), s))
		if len(list) != 2 || list[0].Slug != "later" || list[0].PublishedAt != nil || list[1].Title != title {
			t.Errorf("incidents %+v", list)
		}
	})
}

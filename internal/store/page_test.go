package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// Pages follow each other without a gap or a repetition, also where something new comes in between, and a filter picks.
func TestCampaignPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		campaigns := campaign.On(s, account.EmailKey, nil)
		draft := func(slug string) { create(t, s, "", func(r *campaign.CreateRequest) { r.Incident = slug }) }
		for n := range 5 {
			draft([]string{"a", "b"}[n%2])
		}
		must(t, campaigns.Discard(t.Context(), 2, responder))
		must(t, campaigns.Discard(t.Context(), 3, responder))
		page := func(q campaign.Query) (ids []int64, next int64) {
			t.Helper()
			list, next, err := campaigns.Page(t.Context(), q)
			must(t, err)
			for _, k := range list {
				ids = append(ids, k.ID)
			}
			return ids, next
		}
		wants := func(q campaign.Query, want []int64, wantNext int64) {
			t.Helper()
			ids, next := page(q)
			if diff := cmp.Diff(want, ids); diff != "" || next != wantNext {
				t.Errorf("%+v goes on with %d, want %d %s", q, next, wantNext, diff)
			}
		}
		wants(campaign.Query{}, []int64{5, 4, 3, 2, 1}, 0)
		wants(campaign.Query{Limit: 2}, []int64{5, 4}, 4)
		draft("a")
		wants(campaign.Query{Limit: 2, Before: 4}, []int64{3, 2}, 2)
		wants(campaign.Query{Limit: 1, Before: 2}, []int64{1}, 0) // exactly full, and the last
		wants(campaign.Query{State: campaign.Discarded, Limit: 1}, []int64{3}, 3)
		wants(campaign.Query{State: campaign.Discarded, Limit: 1, Before: 3}, []int64{2}, 0)
		wants(campaign.Query{State: campaign.Draft, Incident: "b"}, []int64{4}, 0)
		wants(campaign.Query{State: campaign.Active}, nil, 0)
		for _, q := range []campaign.Query{{State: "dead"}, {Limit: -1}, {Limit: campaign.MaxPage + 1}, {Before: -1}} {
			if _, _, err := campaigns.Page(t.Context(), q); !problem.Is(err, problem.Unprocessable) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

func TestIncidentPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for n := range 3 {
			got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: fmt.Sprint("i", n+1)}, responder))
		}
		got[incident.Incident](t)(incident.ChangeUpdate(t.Context(), s, incident.UpdateChange{Slug: "i2", Text: "known now"}, responder))
		first, next, err := incident.Page(t.Context(), s, 0, 2)
		must(t, err)
		if len(first) != 2 || first[0].Slug != "i3" || first[1].Slug != "i2" || len(first[1].Updates) != 1 || next != first[1].ID {
			t.Errorf("%+v, then %d", first, next)
		}
		last, next, err := incident.Page(t.Context(), s, next, 2)
		must(t, err)
		if len(last) != 1 || last[0].Slug != "i1" || next != 0 {
			t.Errorf("%+v, then %d", last, next)
		}
		if _, _, err := incident.Page(t.Context(), s, 0, 0); !problem.Is(err, problem.Unprocessable) {
			t.Errorf("an empty page: %v", err)
		}
	})
}

func TestApprovalPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		people := operator.NewPeople(s)
		o, _, err := people.Create(t.Context(), operator.CreateRequest{Name: "ann", Email: "ann@example.org", Roles: operator.Roles{operator.Approver}}, responder)
		must(t, err)
		requests := approval.On(s, 0)
		for n := range 4 {
			got[approval.Request](t)(s.AddApproval(t.Context(), approval.Request{
				Act: operator.CampaignCancel, Object: campaign.Object(int64(n)), Params: []byte("{}"), Effect: []byte("{}"), Basis: "x", Reason: "why", RequestedBy: o.ID,
			}, time.Hour, audit.New(responder, audit.ApprovalAsk, "x", nil)))
		}
		must(t, requests.Withdraw(t.Context(), o.Person(time.Now().Add(time.Minute)), 2))
		for _, c := range []struct {
			q    approval.Query
			want []int64
			next int64
		}{
			{approval.Query{Limit: 3}, []int64{4, 3, 2}, 2}, {approval.Query{Limit: 3, Before: 2}, []int64{1}, 0}, {approval.Query{Limit: 2, State: approval.Pending}, []int64{4, 3}, 3},
			{approval.Query{Limit: 2, State: approval.Pending, Before: 3}, []int64{1}, 0}, {approval.Query{Limit: 9, State: approval.Withdrawn}, []int64{2}, 0},
		} {
			list, next, err := requests.Page(t.Context(), c.q)
			must(t, err)
			var ids []int64
			for _, r := range list {
				ids = append(ids, r.ID)
			}
			if diff := cmp.Diff(c.want, ids); diff != "" || next != c.next {
				t.Errorf("%+v goes on with %d, want %d %s", c.q, next, c.next, diff)
			}
		}
		if _, _, err := requests.Page(t.Context(), approval.Query{Limit: 1, State: "lost"}); !problem.Is(err, problem.Unprocessable) {
			t.Errorf("a state there is none of: %v", err)
		}
	})
}

// Deadlines of all incidents that run and are near, the next due first; what was met presses nobody.
func TestDueClocks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now, yes, title := day(time.July, 10), true, "June"
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "a", Title: &title}, responder))
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "b"}, responder))
		add := func(slug, name string, due time.Time, done *bool) {
			got[incident.Clock](t)(incident.ChangeClock(t.Context(), s, incident.ClockChange{Slug: slug, Name: &name, DueAt: &due, Done: done}, responder))
		}
		add("a", "soon", now.Add(time.Hour), nil)
		add("b", "past", now.Add(-time.Hour), nil)
		add("a", "met", now.Add(-2*time.Hour), &yes)
		add("a", "later", now.Add(24*time.Hour), nil)
		due := got[[]incident.DueClock](t)(s.DueClocks(t.Context(), now.Add(24*time.Hour), 10))
		if len(due) != 2 || due[0].Name != "past" || due[0].Slug != "b" || due[1].Name != "soon" || due[1].Title != title || !due[1].DueAt.Equal(now.Add(time.Hour)) {
			t.Errorf("%+v", due)
		}
		if one := got[[]incident.DueClock](t)(s.DueClocks(t.Context(), now.Add(24*time.Hour), 1)); len(one) != 1 {
			t.Errorf("%+v", one)
		}
	})
}

package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// activating carries the activation of a campaign out, as the desk does.
type activating struct {
	campaigns *campaign.Campaigns
	id        int64
}

func (a activating) Basis(context.Context, approval.Request) (string, error) { return "b", nil }

func (a activating) CarryOut(ctx context.Context, _ approval.Request, p operator.Principal) error {
	none := int64(0)
	_, err := a.campaigns.Activate(ctx, a.id, campaign.ActivateRequest{Expect: &none}, p.Actor())
	return err
}

// A process that ends between a second person's yes and the act leaves neither: the request waits, and the next yes does both. One that ends after both were committed
// leaves both, whoever hears of it, and nothing is done twice.
func TestApprovalAndActStandTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		campaigns := campaign.On(s, account.EmailKey, nil)
		k := got[campaign.Campaign](t)(campaigns.Create(ctx, campaign.CreateRequest{Incident: "breach", Scope: campaign.Everyone}, tester))
		got[campaign.Report](t)(campaigns.Prepare(ctx, k.ID, tester))
		a := approval.On(s, 0)
		asker, others := crew(t, s, 2)
		r := got[approval.Request](t)(a.Ask(ctx, asker, request(campaign.Object(k.ID))))
		stands := func(request approval.State, state campaign.State) {
			t.Helper()
			is, k := got[approval.Request](t)(a.Show(ctx, r.ID)), got[campaign.Campaign](t)(campaigns.Show(ctx, k.ID))
			if is.State != request || k.State != state {
				t.Errorf("the request is %s, the campaign %s; want %s, %s", is.State, k.State, request, state)
			}
		}
		acts := activating{campaigns, k.ID}
		ended := problem.New(problem.Unavailable, "the process ends")

		s.SetHooks(false, nil, func(string) error { return ended }, nil)
		if _, err := a.Approve(ctx, others[0], r.ID, "", acts); !errors.Is(err, ended) {
			t.Errorf("ended before the commit: %v", err)
		}
		s.SetHooks(false, nil, nil, nil)
		stands(approval.Pending, campaign.Prepared)

		s.SetHooks(false, nil, nil, func(string) error { return ended })
		if _, err := a.Approve(ctx, others[1], r.ID, "", acts); err != nil {
			t.Errorf("done, and only the word of it was lost: %v", err)
		}
		s.SetHooks(false, nil, nil, nil)
		stands(approval.Approved, campaign.Active)
		if _, err := a.Approve(ctx, others[0], r.ID, "", acts); !problem.Is(err, problem.Conflict) {
			t.Errorf("carried out again: %v", err)
		}
		page, _, err := s.AuditSearch(ctx, audit.Query{Outcome: audit.Done, Limit: 100})
		must(t, err)
		var log []audit.Action
		for _, e := range slices.Backward(page) {
			if e.Action == audit.ApprovalApprove || e.Action == audit.CampaignActivate {
				log = append(log, e.Action)
			}
		}
		if !slices.Equal(log, []audit.Action{audit.ApprovalApprove, audit.CampaignActivate}) {
			t.Errorf("the log says %v", log)
		}
	})
}

// An approver who is shut out before the commit of the act approved nothing, and a request that ended meanwhile takes the act with it.
func TestActFallsWithItsDecision(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := approval.On(s, 0)
		asker, others := crew(t, s, 2)
		for _, c := range []struct {
			name      string
			meanwhile func(id int64) error
		}{
			{"rejected", func(id int64) error { return a.Reject(t.Context(), others[1], id, "no") }},
			{"shut out", func(int64) error { return operator.NewPeople(s).Disable(t.Context(), others[0].ID, tester) }},
		} {
			r := got[approval.Request](t)(a.Ask(t.Context(), asker, request("campaign:"+c.name)))
			desk := &acts{basis: "b", log: s}
			_, err := a.Approve(t.Context(), others[0], r.ID, "", between{desk, func() { must(t, c.meanwhile(r.ID)) }})
			if !problem.Is(err, problem.Conflict) && !problem.Is(err, problem.Forbidden) || desk.done.Load() != 0 {
				t.Errorf("%s: %v, carried out %d times", c.name, err, desk.done.Load())
			}
			if now := got[approval.Request](t)(a.Show(t.Context(), r.ID)); now.State == approval.Approved {
				t.Errorf("%s: %s", c.name, now.State)
			}
		}
	})
}

// between does something after the second person's right was looked at, and before the act.
type between struct {
	*acts
	do func()
}

func (b between) CarryOut(ctx context.Context, r approval.Request, p operator.Principal) error {
	b.do()
	return b.acts.CarryOut(ctx, r, p)
}

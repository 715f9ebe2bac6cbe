package desk_test

import (
	"context"
	"sync"
	"testing"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
)

// apart tells of decisions that were made beside their acts.
type apart struct {
	*store.Store
	acts []operator.Act
}

func (a *apart) DecideApproval(ctx context.Context, d approval.Decision, entry audit.Entry) (bool, error) {
	if d.To == approval.Approved {
		act, _ := entry.Detail["act"].(string)
		a.acts = append(a.acts, operator.Act(act))
	}
	return a.Store.DecideApproval(ctx, d, entry)
}

// The second person's yes is committed with the act, whichever it is; a permission is nothing but the yes.
func TestDecisionsGoWithTheirActs(t *testing.T) {
	var all sync.Map // by store
	each(t, func(o *desk.Options) {
		beside := &apart{Store: o.Log.(*store.Store)}
		all.Store(beside.Store, beside)
		o.Approvals, o.Keys = approval.On(beside, 0), reset.NewKeys(beside.Store, secret.NewMaster(), "http://localhost:8080")
	}, func(w *world) {
		ctx, root := w.Context(), audit.Actor{Kind: audit.KindCLI, Name: "root"}
		for _, name := range []string{"fay", "gus"} {
			_, _, err := operator.NewPeople(w.store).Create(ctx, operator.CreateRequest{Name: name, Email: name + "@example.com", Roles: operator.Roles{operator.Admin}}, root)
			w.must(err)
		}
		eve, bob := w.person("eve"), w.person("bob")
		_, err := w.desk.LockdownOn(ctx, bob, "under attack")
		w.must(err)
		kid, err := w.desk.RotateKey(ctx, eve)
		w.must(err)
		for _, step := range []struct {
			second string
			ask    func() (desk.Outcome, error)
		}{
			{"cid", func() (desk.Outcome, error) { return w.activate(bob, accounts, "the base was stolen") }},
			{"cid", func() (desk.Outcome, error) { return w.desk.CancelCampaign(ctx, bob, w.campaign, "the wrong base") }},
			{"cid", func() (desk.Outcome, error) { return w.desk.LockdownOff(ctx, bob, "over") }},
			{"fay", func() (desk.Outcome, error) { return w.desk.RevokeKey(ctx, eve, kid, "it leaked") }},
			{"fay", func() (desk.Outcome, error) { return w.desk.RotateAndRevoke(ctx, eve, "all leaked") }},
			{"fay", func() (desk.Outcome, error) { // of who asks, which ends what else they asked for
				return w.desk.SetRoles(ctx, eve, eve.ID, operator.Roles{operator.Auditor}, "leaves the team")
			}},
			{"gus", func() (desk.Outcome, error) { return w.desk.AskExport(ctx, w.person("fay"), true, "for the regulator") }},
		} {
			outcome, err := step.ask()
			w.must(err)
			if outcome.Pending == nil {
				w.Fatalf("done alone: %+v", outcome)
			}
			done, err := w.desk.Approve(ctx, w.person(step.second), outcome.Pending.ID, "")
			if err != nil || done.Request == nil || done.Request.State != approval.Approved || done.Request.Decider != step.second {
				w.Errorf("%s: %+v, %v", outcome.Pending.Act, done.Request, err)
			}
		}
		found, _ := all.Load(w.store)
		beside := found.(*apart)
		if len(beside.acts) != 1 || beside.acts[0] != operator.AuditExport {
			w.Errorf("decided beside the act: %v", beside.acts)
		}
	})
}

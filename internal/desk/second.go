package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// errand is an act that may need a second person. Its exported fields are its parameters: they are kept as JSON while it waits.
type errand interface {
	act() operator.Act
	object() string
	// plan says what carrying it out now would do, and changes nothing.
	plan(ctx context.Context, d *Desk) (Plan, error)
	// carry does it. It refuses if what the plan rests on changed.
	carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error)
}

// errands makes an empty errand of each act that can wait for a second person.
var errands = map[operator.Act]func() errand{
	operator.CampaignActivate: func() errand { return &activation{} },
	operator.CampaignCancel:   func() errand { return &cancellation{} },
	operator.LockdownOff:      func() errand { return &lifting{} },
	operator.KeyRevoke:        func() errand { return &keyRevocation{} },
	operator.OperatorRoles:    func() errand { return &roleChange{} },
	operator.SupportCode:      func() errand { return &spokenCode{} },
	operator.AuditExport:      func() errand { return &export{Log: true} },
	operator.AccountExport:    func() errand { return &export{} },
}

// Plan is exactly what both people are shown.
type Plan struct {
	Text     string         `json:"text"`               // one sentence
	Accounts int64          `json:"accounts"`           // how many it touches; NoAccounts where that says nothing
	Facts    []Fact         `json:"facts,omitempty"`    // what else there is to know, in order
	Warnings []string       `json:"warnings,omitempty"` //
	Basis    string         `json:"-"`                  // digest of what the plan rests on; another one at the decision makes the request void
	Detail   map[string]any `json:"detail,omitempty"`   // the use case's own result, for programs

	Sample []campaign.Sample `json:"-"` // a few accounts to recognise; personal data, so it is not kept with a request
}

// Fact is one line of a plan.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// NoAccounts marks an act whose weight is not a number of accounts: it always needs the second person.
const NoAccounts = -1

// Outcome is what came of an act: done, or waiting for a second person.
type Outcome struct {
	Done    any               // the use case's result; nil while it waits
	Pending *approval.Request // nil when it is done
	Request *approval.Request // the one it rested on; nil where one person sufficed
}

// basis digests parts so that ("a","bc") and ("ab","c") differ.
func basis(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// needsSecond tells whether an act of this weight is for two people.
func (d *Desk) needsSecond(p operator.Principal, a operator.Act, plan Plan) bool {
	rule, _ := operator.RuleOf(a)
	return rule.Second && (!rule.BySetting || d.o.SecondForCodes) && p.Kind != audit.KindCLI && (plan.Accounts == NoAccounts || plan.Accounts > d.o.Above)
}

// show says what an errand would do, to whoever may ask for it; no factor needs to be fresh for that.
func (d *Desk) show(ctx context.Context, p operator.Principal, e errand) (Plan, error) {
	if err := d.MayOpen(ctx, p, e.act(), e.object()); err != nil {
		return Plan{}, err
	}
	return e.plan(ctx, d)
}

// run does an errand, or has it wait for a second person.
func (d *Desk) run(ctx context.Context, p operator.Principal, e errand, reason string) (Outcome, error) {
	if err := d.denied(ctx, p, e.act(), e.object(), p.MayAsk(e.act(), time.Now())); err != nil {
		return Outcome{}, err
	}
	plan, err := e.plan(ctx, d)
	if err != nil {
		return Outcome{}, d.turnedDown(ctx, p, e, err)
	}
	second := d.needsSecond(p, e.act(), plan)
	if rule, _ := operator.RuleOf(e.act()); second && !d.o.SingleHanded || !p.Roles.Has(rule.Roles...) { // who may only ask, asks
		return d.ask(ctx, p, e, plan, reason)
	}
	if err := d.allow(ctx, p, e.act(), e.object()); err != nil {
		return Outcome{}, err
	}
	ctx, alone, err := d.alone(ctx, p, second, reason)
	if err != nil {
		return Outcome{}, err
	}
	done, err := e.carry(ctx, d, p.Actor())
	if err != nil {
		return Outcome{}, err
	}
	if alone {
		d.loud(ctx, p, e.act(), e.object(), reason)
	}
	return Outcome{Done: done}, nil
}

// turnedDown records an act that the state of things refuses before it is tried, and gives the reason back. A failure of a part is no refusal.
func (d *Desk) turnedDown(ctx context.Context, p operator.Principal, e errand, why error) error {
	if k := problem.KindOf(why); k == problem.Internal || k == problem.Unavailable {
		return why
	}
	entry := audit.New(p.Actor(), audit.Action(e.act()), e.object(), nil).Refuse(problem.DetailsOf(why, "").Detail)
	if err := d.o.Log.Record(context.WithoutCancel(ctx), entry); err != nil {
		return errors.Join(why, err)
	}
	return why
}

// alone marks what one person does without the second one, and demands a reason for it.
func (d *Desk) alone(ctx context.Context, p operator.Principal, second bool, reason string) (context.Context, bool, error) {
	switch {
	case p.BreakGlass != "":
		return audit.WithDetail(ctx, audit.Detail{"break_glass": p.BreakGlass}), true, nil
	case !second:
		return ctx, false, nil
	case strings.TrimSpace(reason) == "":
		return ctx, false, &problem.Error{Kind: problem.Unprocessable, Code: "reason", Text: "Say why you act without a second person."}
	}
	return audit.WithDetail(ctx, audit.Detail{"single_handed": true, "reason": reason}), true, nil
}

// ask keeps an errand until a second person decides.
func (d *Desk) ask(ctx context.Context, p operator.Principal, e errand, plan Plan, reason string) (Outcome, error) {
	params, err := json.Marshal(e)
	if err != nil {
		return Outcome{}, fmt.Errorf("keeping the parameters of %s: %w", e.act(), err)
	}
	effect, err := json.Marshal(plan)
	if err != nil {
		return Outcome{}, fmt.Errorf("keeping the effect of %s: %w", e.act(), err)
	}
	asked, err := d.o.Approvals.Ask(ctx, p, approval.Request{
		Act: e.act(), Object: e.object(), Params: params, Effect: effect, Basis: plan.Basis, Accounts: plan.Accounts, Reason: reason,
	})
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Pending: &asked}, nil
}

// Approve carries a waiting act out, as the second person. If what it rests on changed the request is void, and nothing is done.
func (d *Desk) Approve(ctx context.Context, p operator.Principal, id int64, note string) (Outcome, error) {
	acts := &carrying{d: d}
	r, err := d.o.Approvals.Approve(ctx, p, id, note, acts)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Done: acts.done, Request: &r}, nil
}

// carrying is the desk as approval.Acts, for one request.
type carrying struct {
	d    *Desk
	done any
}

// Basis implements approval.Acts.
func (c *carrying) Basis(ctx context.Context, r approval.Request) (string, error) {
	e, err := errandOf(r)
	if err != nil {
		return "", err
	}
	plan, err := e.plan(ctx, c.d)
	return plan.Basis, err
}

// CarryOut implements approval.Acts.
func (c *carrying) CarryOut(ctx context.Context, r approval.Request, p operator.Principal) error {
	e, err := errandOf(r)
	if err != nil {
		return err
	}
	ctx = audit.WithDetail(ctx, audit.Detail{"approval": r.ID, "asked_by": r.Requester})
	c.done, err = e.carry(ctx, c.d, p.Actor())
	return err
}

func errandOf(r approval.Request) (errand, error) {
	empty := errands[r.Act]
	if empty == nil {
		return nil, problem.Newf(problem.Internal, "request %d is for %s, which nobody can carry out", r.ID, r.Act)
	}
	e := empty()
	if err := json.Unmarshal(r.Params, e); err != nil {
		return nil, fmt.Errorf("reading the parameters of request %d: %w", r.ID, err)
	}
	return e, nil
}

// Reject ends a request with the second person's no.
func (d *Desk) Reject(ctx context.Context, p operator.Principal, id int64, note string) error {
	return d.o.Approvals.Reject(ctx, p, id, note)
}

// Withdraw takes a request back; only who made it can.
func (d *Desk) Withdraw(ctx context.Context, p operator.Principal, id int64) error {
	return d.o.Approvals.Withdraw(ctx, p, id)
}

// Approval gives one request.
func (d *Desk) Approval(ctx context.Context, p operator.Principal, id int64) (approval.Request, error) {
	if err := d.allow(ctx, p, operator.ReadApprovals, approval.Object(id)); err != nil {
		return approval.Request{}, err
	}
	return d.o.Approvals.Show(ctx, id)
}

// ApprovalPage gives what the query picks, the newest first, and the Before of the next page; 0: this was the last.
func (d *Desk) ApprovalPage(ctx context.Context, p operator.Principal, q approval.Query) (page []approval.Request, next int64, err error) {
	if err := d.allow(ctx, p, operator.ReadApprovals, "approvals"); err != nil {
		return nil, 0, err
	}
	return d.o.Approvals.Page(ctx, q)
}

// PlanNow says what a waiting request would do if it were carried out now, and whether what it rests on is what was shown to who asked. Errors: Conflict if it
// does not wait any more, and why it would be refused.
func (d *Desk) PlanNow(ctx context.Context, p operator.Principal, id int64) (plan Plan, same bool, err error) {
	r, err := d.Approval(ctx, p, id)
	if err != nil {
		return Plan{}, false, err
	}
	if r.State != approval.Pending {
		return Plan{}, false, approval.ErrOver
	}
	e, err := errandOf(r)
	if err != nil {
		return Plan{}, false, err
	}
	plan, err = d.show(ctx, p, e)
	return plan, plan.Basis == r.Basis, err
}

// ForTwo tells whether an act with this plan would wait for a second person.
func (d *Desk) ForTwo(p operator.Principal, plan Plan, a operator.Act) bool {
	rule, _ := operator.RuleOf(a)
	return d.needsSecond(p, a, plan) && !d.o.SingleHanded || !p.Roles.Has(rule.Roles...)
}

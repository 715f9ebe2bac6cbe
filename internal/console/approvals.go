package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// asked is a request for a second person on its page.
type asked struct {
	Request approval.Request
	Plan    desk.Plan // as it was shown to who asked
	Mine    bool      // who looks is who asked
	May     bool      // who looks may decide
	Note    string
	Now     *present // what it would do now; nil: not looked at

	Code     bool   // who looks asked for a code, and can have it shown
	Download string // where who looks can take the export they asked for, "" for nowhere
}

func (c *Console) approval(r *call) error {
	page, err := c.asked(r)
	if err != nil {
		return err
	}
	return r.page("approval", page)
}

// fact is the value of one line of a plan as people read it: counts in groups, times in the viewer's zone.
func fact(f desk.Fact) any {
	if at, err := time.Parse(time.RFC3339Nano, f.Value); err == nil {
		return new(view).Time(at)
	}
	if _, err := strconv.ParseInt(f.Value, 10, 64); err == nil && f.Name != "campaign" {
		return grouped(f.Value)
	}
	return f.Value
}

// present is what a waiting request would do now, beside what was shown to who asked.
type present struct {
	Plan    desk.Plan
	Moved   []string // what is not as it was
	Warned  bool     // there are warnings that were not there
	Refused string   // why it would be refused; "" it would not
}

// approvalNow weighs a waiting request again: the accounts, the warnings, and whether the numbers moved. It takes as long as a preview does, so the request's own page has it follow.
func (c *Console) approvalNow(r *call) error {
	page, err := c.asked(r)
	if err != nil {
		return err
	}
	if page.Request.State == approval.Pending {
		if err := r.allowTime(longTime); err != nil {
			return err
		}
		if page.Now, err = c.present(r, page); err != nil {
			return err
		}
	}
	return r.page("approval", page)
}

func (c *Console) present(r *call, page *asked) (*present, error) {
	plan, same, err := c.o.Desk.PlanNow(r.Request.Context(), r.who, page.Request.ID)
	switch problem.KindOf(err) {
	case problem.Invalid, problem.Unprocessable, problem.Conflict, problem.NotFound:
		return &present{Refused: problem.DetailsOf(err, "").Detail}, nil
	}
	if err != nil {
		return nil, err
	}
	if !same {
		return &present{Plan: plan, Refused: "What it rests on has changed since it was asked for."}, nil
	}
	n := &present{Plan: plan, Moved: moved(page.Plan, plan)}
	for _, w := range plan.Warnings {
		n.Warned = n.Warned || !slices.Contains(page.Plan.Warnings, w)
	}
	return n, nil
}

// moved says what of a plan is another one now.
func moved(then, now desk.Plan) (list []string) {
	if then.Accounts != now.Accounts {
		list = append(list, fmt.Sprintf("%d accounts, and %d when it was asked for", now.Accounts, then.Accounts))
	}
	was := map[string]string{}
	for _, f := range then.Facts {
		was[f.Name] = f.Value
	}
	for _, f := range now.Facts {
		if was[f.Name] != f.Value {
			list = append(list, fmt.Sprintf("%s: %s, and %s when it was asked for", f.Name, f.Value, was[f.Name]))
		}
	}
	return list
}

func (c *Console) asked(r *call) (*asked, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	q, err := c.o.Desk.Approval(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	page := &asked{Request: q, Mine: q.RequestedBy == r.who.ID, Note: r.PostForm("note")}
	page.May = !page.Mine && r.mayDo(q.Act)
	page.Code = page.Mine && desk.CodeWaits(q, time.Now())
	if page.Mine && q.State == approval.Approved {
		page.Download = map[operator.Act]string{operator.AuditExport: "/audit/export", operator.AccountExport: "/accounts/export"}[q.Act]
	}
	if err := json.Unmarshal(q.Effect, &page.Plan); err != nil {
		return nil, fmt.Errorf("reading the effect of approval %d: %w", id, err)
	}
	return page, nil
}

func (c *Console) approve(r *call) error {
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	return c.decide(r, "Approved, and done.", func(id int64) error {
		_, err := c.o.Desk.Approve(r.work(), r.who, id, r.PostForm("note"))
		return err
	})
}

func (c *Console) reject(r *call) error {
	return c.decide(r, "Rejected. Nothing was done.", func(id int64) error {
		return c.o.Desk.Reject(r.work(), r.who, id, r.PostForm("note"))
	})
}

func (c *Console) withdraw(r *call) error {
	return c.decide(r, "Withdrawn. Nothing was done.", func(id int64) error { return c.o.Desk.Withdraw(r.work(), r.who, id) })
}

// decide decides on the request of the path and goes back to its page, with what came of it or why not.
func (c *Console) decide(r *call, said string, do func(id int64) error) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := do(id); err != nil {
		page, looking := c.asked(r)
		if looking != nil {
			return err
		}
		return r.again("approval", page, err)
	}
	r.say(said)
	r.see("/approvals/" + strconv.FormatInt(id, 10))
	return nil
}

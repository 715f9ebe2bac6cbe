package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
)

func (c *Console) approvals(r *call) error {
	all, err := c.o.Desk.Approvals(r.Request.Context(), r.who)
	if err != nil {
		return err
	}
	return r.page("approvals", all)
}

// asked is a request for a second person on its page.
type asked struct {
	Request approval.Request
	Plan    desk.Plan // as it was shown to who asked
	Mine    bool      // who looks is who asked
	May     bool      // who looks may decide
	Note    string

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

package console

import (
	"fmt"
	"slices"

	"github.com/seed-1c168855/rekey/internal/operator"
)

// team is the list of operators, and what each role may do.
type team struct {
	Operators []operator.Operator
	Rules     []operator.Rule
	Roles     operator.Roles
}

func (c *Console) operators(r *call) error {
	all, err := c.o.Desk.Operators(r.Request.Context(), r.who)
	if err != nil {
		return err
	}
	return r.page("operators", team{Operators: all, Rules: operator.Rules(), Roles: operator.AllRoles()})
}

// newcomer is the form for somebody new, and what was typed into it.
type newcomer struct {
	Name, Email string
	Roles       []roleBox
}

// roleBox is a role to choose.
type roleBox struct {
	Role    operator.Role
	Text    string
	Checked bool
}

// roleTexts say in a line what a role is for.
var roleTexts = map[operator.Role]string{
	operator.Auditor:   "reads everything, changes nothing",
	operator.Responder: "runs the incident: drafts, prepares, mail, members' support, lockdown on",
	operator.Approver:  "activates and cancels campaigns and lifts lockdowns, each with a second person",
	operator.Admin:     "operators, keys, clients, full exports",
}

func roleBoxes(has func(operator.Role) bool) []roleBox {
	var boxes []roleBox
	for _, role := range operator.AllRoles() {
		boxes = append(boxes, roleBox{role, roleTexts[role], has(role)})
	}
	return boxes
}

// typedRoles are those ticked in a form.
func (r *call) typedRoles() operator.Roles {
	var roles operator.Roles
	for _, name := range r.PostFormArray("role") {
		roles = append(roles, operator.Role(name))
	}
	return roles
}

func (c *Console) newcomer(r *call) newcomer {
	typed := r.typedRoles()
	return newcomer{Name: r.PostForm("name"), Email: r.PostForm("email"), Roles: roleBoxes(func(one operator.Role) bool { return slices.Contains(typed, one) })}
}

func (c *Console) newOperator(r *call) error { return r.page("operator-new", c.newcomer(r)) }

func (c *Console) createOperator(r *call) error {
	o, token, err := c.o.Desk.CreateOperator(r.work(), r.who, operator.CreateRequest{Name: r.PostForm("name"), Email: r.PostForm("email"), Roles: r.typedRoles()})
	if err != nil {
		return r.again("operator-new", c.newcomer(r), err)
	}
	return c.showInvite(r, o, token)
}

// showInvite shows an invitation's link, this once.
func (c *Console) showInvite(r *call, o operator.Operator, token string) error {
	return r.page("made", made{
		What: "Invitation for " + o.Name, Name: o.Name, Secret: operator.EnrolURL(c.site.URL, token), Back: fmt.Sprintf("/operators/%d", o.ID), Where: o.Name,
		Hint: "Give the link to " + o.Name + " in person or over a channel that you trust. It works once, within 24 hours, and whoever follows it first becomes " + o.Name + ".",
	})
}

// person is one operator's page.
type person struct {
	Operator operator.Operator
	Sessions []operator.Session
	Roles    []roleBox
	Reason   string
	Self     bool
}

func (c *Console) person(r *call) (person, error) {
	id, err := r.id()
	if err != nil {
		return person{}, err
	}
	o, err := c.o.Desk.Operator(r.Request.Context(), r.who, id)
	if err != nil {
		return person{}, err
	}
	page := person{Operator: o, Roles: roleBoxes(func(one operator.Role) bool { return o.Roles.Has(one) }), Reason: r.PostForm("reason"), Self: o.ID == r.who.ID}
	if r.mayDo(operator.SessionsEnd) {
		page.Sessions, err = operator.Sessions(r.Request.Context(), c.o.Operators, id)
	}
	return page, err
}

func (c *Console) operator(r *call) error { return c.showPerson(r, "operator") }

// planDisable says what shutting somebody out does.
func (c *Console) planDisable(r *call) error { return c.showPerson(r, "operator-disable") }

// planInvite says what a new invitation does.
func (c *Console) planInvite(r *call) error { return c.showPerson(r, "operator-invite") }

func (c *Console) showPerson(r *call, name string) error {
	page, err := c.person(r)
	if err != nil {
		return err
	}
	return r.page(name, page)
}

// onPerson acts on one operator, and shows the page it came from again if that is refused.
func (c *Console) onPerson(r *call, name string, do func(id int64) error) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := do(id); err != nil {
		page, reading := c.person(r)
		if reading != nil {
			return err
		}
		return r.again(name, page, err)
	}
	return nil
}

func (c *Console) setRoles(r *call) error {
	return c.onPerson(r, "operator", func(id int64) error {
		outcome, err := c.o.Desk.SetRoles(r.work(), r.who, id, r.typedRoles(), r.PostForm("reason"))
		if err != nil {
			return err
		}
		return r.came(outcome, fmt.Sprintf("/operators/%d", id), "The roles are changed, and the sessions ended.")
	})
}

func (c *Console) disableOperator(r *call) error {
	return c.onPerson(r, "operator-disable", func(id int64) error {
		if err := c.o.Desk.DisableOperator(r.work(), r.who, id); err != nil {
			return err
		}
		r.say("Shut out: sessions, tokens, invitations and requests ended with it.")
		r.see(fmt.Sprintf("/operators/%d", id))
		return nil
	})
}

func (c *Console) inviteOperator(r *call) error {
	return c.onPerson(r, "operator-invite", func(id int64) error {
		token, err := c.o.Desk.InviteOperator(r.work(), r.who, id)
		if err != nil {
			return err
		}
		o, err := c.o.Desk.Operator(r.Request.Context(), r.who, id)
		if err != nil {
			return err
		}
		return c.showInvite(r, o, token)
	})
}

func (c *Console) endSessions(r *call) error {
	return c.onPerson(r, "operator", func(id int64) error {
		if _, err := c.o.Desk.EndSessions(r.work(), r.who, id, r.PostForm("session")); err != nil {
			return err
		}
		r.say("Ended. Whoever was in there is signed out.")
		r.see(fmt.Sprintf("/operators/%d", id))
		return nil
	})
}

// peopleRoutes are who the operators are.
func (c *Console) peopleRoutes() []route {
	return []route{
		{get, "/operators", operator.ReadOperators, c.operators},
		{get, "/new-operator", operator.OperatorCreate, c.newOperator},
		{post, "/new-operator", operator.OperatorCreate, c.createOperator},
		{get, "/operators/:id", operator.ReadOperators, c.operator},
		{post, "/operators/:id/roles", operator.OperatorRoles, c.setRoles},
		{get, "/operators/:id/disable", operator.OperatorDisable, c.planDisable},
		{post, "/operators/:id/disable", operator.OperatorDisable, c.disableOperator},
		{get, "/operators/:id/invite", operator.OperatorInvite, c.planInvite},
		{post, "/operators/:id/invite", operator.OperatorInvite, c.inviteOperator},
		{post, "/operators/:id/sessions/end", operator.SessionsEnd, c.endSessions},
	}
}

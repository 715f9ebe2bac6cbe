package api

import (
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
)

func (a *Admin) self(r *asked) (Self, error) {
	s := Self{Kind: r.who.Kind, Name: r.who.Name, Roles: r.who.Roles.Names()}
	if r.who.Fresh(time.Now()) {
		s.FreshUntil = seconds(&r.who.FreshUntil)
	}
	return s, nil
}

func (a *Admin) approvals(r *asked) (Approvals, error) {
	before, limit, err := r.page(approval.MaxPage)
	if err != nil {
		return Approvals{}, err
	}
	list, next, err := a.o.Desk.ApprovalPage(r.ctx, r.who, approval.Query{State: approval.State(r.query.Get("state")), Before: before, Limit: limit})
	return Approvals{mirrorAll[Approval](list), further(next)}, err
}

func (a *Admin) approval(r *asked) (Approval, error) {
	id, err := r.id("id")
	if err != nil {
		return Approval{}, err
	}
	request, err := a.o.Desk.Approval(r.ctx, r.who, id)
	return Mirror[Approval](request), err
}

// decided gives a request after what was decided about it.
func (a *Admin) decided(r *asked, decide func(id int64) error) (Approval, error) {
	id, err := r.id("id")
	if err != nil {
		return Approval{}, err
	}
	if err := decide(id); err != nil {
		return Approval{}, err
	}
	return a.approval(r)
}

func (a *Admin) approve(r *asked, q DecisionRequest) (Approval, error) {
	return a.decided(r, func(id int64) error {
		_, err := a.o.Desk.Approve(r.ctx, r.who, id, q.Note)
		return err
	})
}

func (a *Admin) reject(r *asked, q DecisionRequest) (Approval, error) {
	return a.decided(r, func(id int64) error { return a.o.Desk.Reject(r.ctx, r.who, id, q.Note) })
}

func (a *Admin) withdraw(r *asked, _ Nothing) (Approval, error) {
	return a.decided(r, func(id int64) error { return a.o.Desk.Withdraw(r.ctx, r.who, id) })
}

func (a *Admin) operators(r *asked) (Operators, error) {
	list, err := a.o.Desk.Operators(r.ctx, r.who)
	return Operators{mirrorAll[Operator](list)}, err
}

func (a *Admin) operator(r *asked) (Operator, error) {
	id, err := r.id("id")
	if err != nil {
		return Operator{}, err
	}
	o, err := a.o.Desk.Operator(r.ctx, r.who, id)
	return Mirror[Operator](o), err
}

func (a *Admin) createOperator(r *asked, q OperatorRequest) (Invited, error) {
	roles, err := operator.ParseRoles(q.Roles...)
	if err != nil {
		return Invited{}, err
	}
	o, token, err := a.o.Desk.CreateOperator(r.ctx, r.who, operator.CreateRequest{Name: q.Name, Email: q.Email, Roles: roles})
	return Invited{Mirror[Operator](o), operator.EnrolURL(a.o.AdminURL, token)}, err
}

func (a *Admin) inviteOperator(r *asked, _ Nothing) (Invited, error) {
	o, err := a.operator(r)
	if err != nil {
		return Invited{}, err
	}
	token, err := a.o.Desk.InviteOperator(r.ctx, r.who, o.ID)
	return Invited{o, operator.EnrolURL(a.o.AdminURL, token)}, err
}

func (a *Admin) disableOperator(r *asked, _ Nothing) (Operator, error) {
	o, err := a.operator(r)
	if err != nil {
		return o, err
	}
	if err := a.o.Desk.DisableOperator(r.ctx, r.who, o.ID); err != nil {
		return o, err
	}
	return a.operator(r)
}

func (a *Admin) setRoles(r *asked, q RolesRequest) (Operator, *approval.Request, error) {
	id, err := r.id("id")
	if err != nil {
		return Operator{}, nil, err
	}
	roles, err := operator.ParseRoles(q.Roles...)
	if err != nil {
		return Operator{}, nil, err
	}
	o, err := a.o.Desk.SetRoles(r.ctx, r.who, id, roles, q.Reason)
	if err != nil || o.Pending != nil {
		return Operator{}, o.Pending, err
	}
	changed, err := a.operator(r)
	return changed, nil, err
}

func (a *Admin) endSessions(r *asked, _ Nothing) (Ended, error) {
	id, err := r.id("id")
	if err != nil {
		return Ended{}, err
	}
	n, err := a.o.Desk.EndSessions(r.ctx, r.who, id, "")
	return Ended{n}, err
}

func (a *Admin) clients(r *asked) (Clients, error) {
	list, err := a.o.Desk.ListClients(r.ctx, r.who)
	return Clients{mirrorAll[Client](list)}, err
}

func (a *Admin) createClient(r *asked, q ClientRequest) (ClientMade, error) {
	made, key, err := a.o.Desk.CreateClient(r.ctx, r.who, q.Name, q.Scope, moment(q.ExpiresAt))
	return ClientMade{Mirror[Client](made), key}, err
}

func (a *Admin) revokeClient(r *asked, _ Nothing) (Client, error) {
	revoked, err := a.o.Desk.RevokeClient(r.ctx, r.who, r.Param("name"))
	return Mirror[Client](revoked), err
}

func (a *Admin) keys(r *asked) (SigningKeys, error) {
	list, err := a.o.Desk.SigningKeys(r.ctx, r.who)
	answer := SigningKeys{make([]SigningKey, len(list))}
	for i, k := range list {
		answer.Keys[i] = signingKeyOf(k)
	}
	return answer, err
}

func signingKeyOf(k desk.SigningKey) SigningKey {
	return SigningKey{ID: k.ID, State: k.State, CreatedAt: k.CreatedAt.Unix(), RetiredAt: seconds(k.RetiredAt), RevokedAt: seconds(k.RevokedAt)}
}

func (a *Admin) rotateKey(r *asked, q RotateRequest) (SigningKeys, *approval.Request, error) {
	if !q.Revoke {
		if _, err := a.o.Desk.RotateKey(r.ctx, r.who); err != nil {
			return SigningKeys{}, nil, err
		}
	} else if o, err := a.o.Desk.RotateAndRevoke(r.ctx, r.who, q.Reason); err != nil || o.Pending != nil {
		return SigningKeys{}, o.Pending, err
	}
	list, err := a.keys(r)
	return list, nil, err
}

func (a *Admin) planKeyRevocation(r *asked) (Plan, error) {
	plan, err := a.o.Desk.PlanKeyRevocation(r.ctx, r.who, r.Param("kid"))
	return a.plan(r, plan), err
}

func (a *Admin) revokeKey(r *asked, q Reasoned) (SigningKeys, *approval.Request, error) {
	if o, err := a.o.Desk.RevokeKey(r.ctx, r.who, r.Param("kid"), q.Reason); err != nil || o.Pending != nil {
		return SigningKeys{}, o.Pending, err
	}
	list, err := a.keys(r)
	return list, nil, err
}

package api

import (
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
)

func (a *Admin) incidents(r *asked) (Incidents, error) {
	list, err := a.o.Desk.Incidents(r.ctx, r.who)
	return Incidents{mirrorAll[Incident](list)}, err
}

func (a *Admin) incident(r *asked) (Incident, error) {
	i, err := a.o.Desk.Incident(r.ctx, r.who, r.Param("slug"))
	return Mirror[Incident](i), err
}

func (a *Admin) putIncident(r *asked, q IncidentRequest) (Incident, error) {
	change := Mirror[incident.Change](q)
	change.Slug = r.Param("slug")
	i, err := a.o.Desk.SetIncident(r.ctx, r.who, change)
	return Mirror[Incident](i), err
}

func (a *Admin) publishIncident(r *asked, _ Nothing) (Incident, error) { return a.public(r, true) }

func (a *Admin) withdrawIncident(r *asked, _ Nothing) (Incident, error) { return a.public(r, false) }

func (a *Admin) public(r *asked, public bool) (Incident, error) {
	i, err := a.o.Desk.PublishIncident(r.ctx, r.who, r.Param("slug"), public)
	return Mirror[Incident](i), err
}

func (a *Admin) addUpdate(r *asked, q IncidentUpdateRequest) (Incident, error) {
	return a.update(r, incident.UpdateChange{Text: q.Text, At: moment(q.At)})
}

func (a *Admin) correctUpdate(r *asked, q IncidentUpdateRequest) (Incident, error) {
	n, err := r.id("number")
	if err != nil {
		return Incident{}, err
	}
	return a.update(r, incident.UpdateChange{ID: n, Text: q.Text, At: moment(q.At)})
}

func (a *Admin) retractUpdate(r *asked, _ Nothing) (Incident, error) {
	n, err := r.id("number")
	if err != nil {
		return Incident{}, err
	}
	return a.update(r, incident.UpdateChange{ID: n, Retract: true})
}

func (a *Admin) update(r *asked, c incident.UpdateChange) (Incident, error) {
	c.Slug = r.Param("slug")
	i, err := a.o.Desk.UpdateIncident(r.ctx, r.who, c)
	return Mirror[Incident](i), err
}

func (a *Admin) lockdown(r *asked) (Lockdown, error) {
	l, err := a.o.Desk.Lockdown(r.ctx, r.who)
	return Mirror[Lockdown](l), err
}

func (a *Admin) lockdownOn(r *asked, q Reasoned) (Lockdown, error) {
	l, err := a.o.Desk.LockdownOn(r.ctx, r.who, q.Reason)
	return Mirror[Lockdown](l), err
}

func (a *Admin) planLockdownOff(r *asked) (Plan, error) {
	plan, err := a.o.Desk.PlanLockdownOff(r.ctx, r.who)
	return a.plan(r, plan), err
}

func (a *Admin) lockdownOff(r *asked, q Reasoned) (Lockdown, *approval.Request, error) {
	o, err := a.o.Desk.LockdownOff(r.ctx, r.who, q.Reason)
	done, _ := o.Done.(campaign.Lockdown)
	return Mirror[Lockdown](done), o.Pending, err
}

// plan is what both people are shown, with whether there will be two.
func (a *Admin) plan(r *asked, p desk.Plan) Plan {
	plan := Mirror[Plan](p)
	plan.SecondPerson = a.o.Desk.ForTwo(r.who, p, r.route.act)
	return plan
}

// mirrorAll is never nil: an empty list is [].
func mirrorAll[To, From any](list []From) []To {
	answers := make([]To, len(list))
	for i := range list {
		answers[i] = Mirror[To](list[i])
	}
	return answers
}

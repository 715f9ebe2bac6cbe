package operator

import (
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// FreshFor is how long a second factor counts as just shown.
const FreshFor = 5 * time.Minute

// Principal is whoever acts: a person, a program with a key of scope admin, or the command line beside the database.
type Principal struct {
	Kind       string    // audit.KindOperator, audit.KindClient or audit.KindCLI
	ID         int64     // the operator's or the client's; 0 for the command line
	Name       string    // as in the audit log
	Roles      Roles     // as they are now
	FreshUntil time.Time // until when a second factor counts as just shown; zero: never shown
	Token      int64     // the operator token that acts; 0: the person themself
	BreakGlass string    // of the command line alone: why it acts although there are approvers
}

// Person is the principal of a signed-in operator.
func (o Operator) Person(freshUntil time.Time) Principal {
	return Principal{Kind: audit.KindOperator, ID: o.ID, Name: o.Name, Roles: o.Roles, FreshUntil: freshUntil}
}

// Program is the principal of a client of scope admin: every role, never fresh, and nobody's second person.
func Program(id int64, name string) Principal {
	return Principal{Kind: audit.KindClient, ID: id, Name: name, Roles: AllRoles()}
}

// CommandLine is the principal of whoever holds the database and the master key: no rule of ours could stop them.
func CommandLine(name, breakGlass string) Principal {
	return Principal{Kind: audit.KindCLI, Name: name, Roles: AllRoles(), BreakGlass: breakGlass}
}

// Actor is the principal in the audit log.
func (p Principal) Actor() audit.Actor { return audit.Actor{Kind: p.Kind, Name: p.Name} }

// Why an act is refused, as the Code of a Forbidden problem.
const (
	NeedsRole  = "role"  // another role
	NeedsFresh = "fresh" // the second factor again
)

var (
	errRole  = &problem.Error{Kind: problem.Forbidden, Code: NeedsRole, Text: "Your role does not cover this."}
	errFresh = &problem.Error{Kind: problem.Forbidden, Code: NeedsFresh, Text: "Confirm that it is you first: with your passkey, a code of your authenticator app, or by signing in again."}
)

// May tells whether the principal may do the act now. Whether a second person is needed is not its business. Errors: Forbidden, Code NeedsRole or NeedsFresh.
func (p Principal) May(a Act, now time.Time) error {
	return p.may(a, now, func(r Rule) Roles { return r.Roles })
}

// MayAsk tells whether the principal may ask a second person for the act now: freshness holds for who asks, too.
func (p Principal) MayAsk(a Act, now time.Time) error {
	return p.may(a, now, func(r Rule) Roles {
		if len(r.Ask) == 0 {
			return r.Roles
		}
		return append(slices.Clone(r.Roles), r.Ask...)
	})
}

func (p Principal) may(a Act, now time.Time, who func(Rule) Roles) error {
	r, ok := RuleOf(a)
	switch {
	case !ok || !p.Roles.Has(who(r)...):
		return errRole
	case r.Own && (p.Kind != audit.KindOperator || p.Token != 0 && r.Fresh): // no key makes keys
		return errRole
	case r.Fresh && !p.Fresh(now):
		return errFresh
	}
	return nil
}

// Fresh tells whether a second factor was shown just now. The command line needs none.
func (p Principal) Fresh(now time.Time) bool {
	return p.Kind == audit.KindCLI || p.Kind == audit.KindOperator && now.Before(p.FreshUntil)
}

// Denied is the entry of an act that May, MayAsk or the lack of a second person refused. An act without an action of its own, such as
// reading, is recorded as act.refused and named in the detail.
func Denied(p Principal, a Act, object string, why error) audit.Entry {
	action, detail := audit.Action(a), audit.Detail{"roles": p.Roles.Names()}
	if !slices.Contains(audit.Actions(), action) {
		action, detail["act"] = audit.ActRefused, string(a)
	}
	if p.Token != 0 {
		detail["token_id"] = p.Token
	}
	return audit.New(p.Actor(), action, object, detail).Refuse(reason(why))
}

// reason is the code of a refusal, or its text; never a cause, which may quote what was sent.
func reason(err error) string {
	d := problem.DetailsOf(err, "")
	if d.Code != "" {
		return d.Code
	}
	if d.Detail != "" {
		return d.Detail
	}
	return d.Title
}

package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/support"
)

// codeTime is how long after the second person's yes who asked may have a spoken code shown, once.
const codeTime = 15 * time.Minute

// errNotHere refuses what this process was made without.
var errNotHere = problem.New(problem.Unavailable, "This is not done from here; the console does it.")

// helping judges an act of the support desk.
func (d *Desk) helping(ctx context.Context, p operator.Principal, a operator.Act, object string) (*support.Service, error) {
	if err := d.allow(ctx, p, a, object); err != nil {
		return nil, err
	}
	if d.o.Support == nil {
		return nil, errNotHere
	}
	return d.o.Support, nil
}

// byNumber names an account in the denial of an act, before its subject was looked at.
func byNumber(id int64) string { return "account:#" + strconv.FormatInt(id, 10) }

// FindMembers looks for members by subject or by mail address. The look is recorded, the address is not.
func (d *Desk) FindMembers(ctx context.Context, p operator.Principal, text string) ([]support.Found, error) {
	s, err := d.helping(ctx, p, operator.SupportFind, "members")
	if err != nil {
		return nil, err
	}
	return s.Find(ctx, text, p.Actor())
}

// Member gives all there is about one. The look is recorded.
func (d *Desk) Member(ctx context.Context, p operator.Principal, id int64) (support.Member, error) {
	s, err := d.helping(ctx, p, operator.SupportFind, byNumber(id))
	if err != nil {
		return support.Member{}, err
	}
	return s.Show(ctx, id, p.Actor())
}

// SendLink sends a member a fresh link, and says how long it waits for the cap of mails to one address.
func (d *Desk) SendLink(ctx context.Context, p operator.Principal, id int64) (time.Duration, error) {
	s, err := d.helping(ctx, p, operator.SupportLink, byNumber(id))
	if err != nil {
		return 0, err
	}
	return s.SendLink(ctx, id, p.Actor())
}

// MarkAddress marks a member's address as dead, or takes that back.
func (d *Desk) MarkAddress(ctx context.Context, p operator.Principal, id int64, dead bool) error {
	s, err := d.helping(ctx, p, operator.SupportDeadAddress, byNumber(id))
	if err != nil {
		return err
	}
	return s.MarkAddress(ctx, id, dead, p.Actor())
}

// spokenCode is a code that is read to a member. With a second person, carrying it out is a permission: who asked has the code shown once within codeTime.
type spokenCode struct {
	ID      int64  `json:"id"`
	Subject string `json:"subject"`
	support.Identity

	alone bool // no second person: carrying it out shows the code
}

func (s *spokenCode) act() operator.Act { return operator.SupportCode }
func (s *spokenCode) object() string    { return support.Object(s.Subject) }

func (s *spokenCode) plan(ctx context.Context, d *Desk) (Plan, error) {
	if d.o.Support == nil {
		return Plan{}, errNotHere
	}
	if err := s.Check(); err != nil {
		return Plan{}, err
	}
	m, err := d.o.Support.Peek(ctx, s.ID)
	if err != nil {
		return Plan{}, err
	}
	if err := m.CanGetCode(); err != nil {
		return Plan{}, err
	}
	plan := Plan{
		Text:     fmt.Sprintf("A code is read to the member %s on the telephone. With it and the address on file whoever hears it sets a new password.", m.Subject),
		Accounts: NoAccounts,
		Facts:    []Fact{{"account", m.Subject}, {"its password", m.Explain()}, {"proof of identity", support.ProofText(s.Proof)}, {"note", s.Note}},
		Basis:    basis(m.Subject, m.Email, strconv.FormatInt(m.Version, 10), strconv.FormatInt(m.Epoch, 10)),
	}
	if m.KilledBy == 0 && m.DisabledAt == nil {
		plan.Warnings = append(plan.Warnings, "The password works, so the member may not need a code.")
	}
	return plan, nil
}

func (s *spokenCode) carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error) {
	if !s.alone {
		return nil, d.o.Support.Works(ctx)
	}
	code, err := d.o.Support.Speak(ctx, s.ID, s.Identity, nil, actor)
	if err != nil {
		return nil, err
	}
	return code, nil
}

// SpeakCode gives a code to be read to a member who proved who they are: Done is a support.Code, which is shown once. Or it waits for a second person; after
// their yes TakeCode gives it. Errors: Forbidden, Unprocessable for the proof, Conflict with the reason why no code would work, Limited.
func (d *Desk) SpeakCode(ctx context.Context, p operator.Principal, id int64, i support.Identity, reason string) (Outcome, error) {
	if err := d.denied(ctx, p, operator.SupportCode, byNumber(id), p.MayAsk(operator.SupportCode, time.Now())); err != nil {
		return Outcome{}, err
	}
	if d.o.Support == nil {
		return Outcome{}, errNotHere
	}
	if err := i.Check(); err != nil {
		return Outcome{}, err
	}
	m, err := d.o.Support.Peek(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.o.Support.Charge(ctx, p.Actor().String(), id); err != nil {
		return Outcome{}, err
	}
	e := &spokenCode{ID: id, Subject: m.Subject, Identity: i, alone: true}
	if !onlyAsks(p) {
		return d.run(ctx, p, e, reason)
	}
	plan, err := e.plan(ctx, d)
	if err != nil {
		return Outcome{}, err
	}
	return d.ask(ctx, p, e, plan, reason)
}

// onlyAsks tells somebody whose role lets them ask for a code and not give one, whatever the setting.
func onlyAsks(p operator.Principal) bool {
	rule, _ := operator.RuleOf(operator.SupportCode)
	return !p.Roles.Has(rule.Roles...)
}

// ForTwoCode tells whether a spoken code would wait for a second person.
func (d *Desk) ForTwoCode(p operator.Principal) bool {
	return onlyAsks(p) || d.ForTwo(p, Plan{Accounts: NoAccounts}, operator.SupportCode)
}

// AloneCode tells whether the principal would give a code without the second person that the setting asks for, and so has to say why.
func (d *Desk) AloneCode(p operator.Principal) bool {
	return !onlyAsks(p) && d.o.SingleHanded && d.needsSecond(p, operator.SupportCode, Plan{Accounts: NoAccounts})
}

// TakeCode shows the code that a second person approved, once, to who asked for it. Errors: Forbidden, Conflict.
func (d *Desk) TakeCode(ctx context.Context, p operator.Principal, id int64) (support.Code, error) {
	r, err := d.o.Approvals.Show(ctx, id)
	if err != nil {
		return support.Code{}, err
	}
	err = p.MayAsk(operator.SupportCode, time.Now())
	if err == nil && (p.Kind != audit.KindOperator || r.RequestedBy != p.ID) {
		err = &problem.Error{Kind: problem.Forbidden, Code: "asker", Text: "Only who asked for the code has it shown."}
	}
	if err := d.denied(ctx, p, operator.SupportCode, r.Object, err); err != nil {
		return support.Code{}, err
	}
	if d.o.Support == nil {
		return support.Code{}, errNotHere
	}
	if !CodeWaits(r, time.Now()) {
		return support.Code{}, support.ErrTaken
	}
	var s spokenCode
	if err := json.Unmarshal(r.Params, &s); err != nil {
		return support.Code{}, fmt.Errorf("reading the parameters of request %d: %w", id, err)
	}
	plan, err := s.plan(ctx, d)
	if err != nil {
		return support.Code{}, err
	}
	if plan.Basis != r.Basis {
		return support.Code{}, &problem.Error{Kind: problem.Conflict, Code: "changed", Text: "The account has changed since the second person's yes. Ask again."}
	}
	ctx = audit.WithDetail(ctx, audit.Detail{"approval": r.ID, "approved_by": r.Decider})
	return d.o.Support.Speak(ctx, s.ID, s.Identity, &support.Grant{Approval: id, Asker: p.ID, Within: codeTime}, p.Actor())
}

// CodeWaits tells whether a request is for a code that was approved and can still be shown.
func CodeWaits(r approval.Request, now time.Time) bool {
	return r.Act == operator.SupportCode && r.State == approval.Approved && r.TakenAt == nil && r.DecidedAt != nil && now.Before(r.DecidedAt.Add(codeTime))
}

package main

import (
	"context"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

type operatorCmd struct {
	Create  operatorCreateCmd  `cmd:"" help:"Add a person and print the link by which they set up their sign-in."`
	List    operatorListCmd    `cmd:"" help:"List all operators."`
	Invite  operatorInviteCmd  `cmd:"" help:"Print a new link for somebody who lost their way in."`
	Roles   operatorRolesCmd   `cmd:"" help:"Change what somebody may do."`
	Disable operatorDisableCmd `cmd:"" help:"Shut somebody out for good."`
}

// operatorRow is an operator as programs read it.
type operatorRow struct {
	operator.Operator
	Invite    string     `json:"invite,omitempty"` // of create and invite alone: shown once
	InviteEnd *time.Time `json:"invite_ends_at,omitempty"`
}

func (s *session) people(ctx context.Context) (*operator.People, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return operator.NewPeople(db), nil
}

// showInvite prints a link, this once.
func (s *session) showInvite(o operator.Operator, link string) error {
	end := time.Now().Add(operator.InviteLife)
	row := operatorRow{Operator: o, Invite: link, InviteEnd: &end}
	return s.show(row, func(p *page) {
		p.row("operator", o.Name)
		p.row("roles", strings.Join(o.Roles.Names(), ", "))
		p.row("link", row.Invite)
		p.line("The link works once, within 24 hours, and is not shown again. Whoever follows it first becomes %s.", o.Name)
	})
}

type operatorCreateCmd struct {
	Name  string   `arg:"" help:"They sign in with it, and it stands in the audit log; never given to somebody else."`
	Email string   `required:"" placeholder:"ADDRESS" help:"Where alarms go, and what the company's sign-in knows them by."`
	Role  []string `required:"" placeholder:"ROLE" help:"auditor, responder, approver or admin; once for each."`
}

func (operatorCreateCmd) Help() string {
	return `There is no default account: the first operator is made here, further ones here or in the console. The link leads to the console at REKEY_ADMIN_URL.

Examples:

    rekey operator create ada --email ada@example.org --role admin --role responder
    rekey operator create grace --email grace@example.org --role approver`
}

func (*operatorCreateCmd) deed() deed { return does(operator.OperatorCreate) }

func (c *operatorCreateCmd) Run(ctx context.Context, s *session) error {
	roles, err := operator.ParseRoles(c.Role...)
	if err != nil {
		return usageOf("role", err)
	}
	where, err := s.office(ctx)
	if err != nil {
		return err
	}
	o, link, err := where.CreateOperator(ctx, operator.CreateRequest{Name: c.Name, Email: c.Email, Roles: roles})
	if err != nil {
		return err
	}
	return s.showInvite(o, link)
}

type operatorListCmd struct{}

func (operatorListCmd) Help() string {
	return `Those who are shut out too: their names stand in the audit log.

Example:

    rekey operator list`
}

func (*operatorListCmd) deed() deed { return reads(operator.ReadOperators) }

func (c *operatorListCmd) Run(ctx context.Context, s *session) error {
	where, err := s.office(ctx)
	if err != nil {
		return err
	}
	all, err := where.Operators(ctx)
	if err != nil {
		return err
	}
	if all == nil {
		all = []operator.Operator{}
	}
	return s.show(map[string]any{"operators": all}, func(p *page) {
		p.row("OPERATOR", "ADDRESS", "ROLES", "WAYS IN", "LAST SIGN-IN", "SHUT OUT")
		for _, o := range all {
			p.row(o.Name, o.Email, strings.Join(o.Roles.Names(), ","), waysOf(o), o.LastSeenAt, o.DisabledAt)
		}
	})
}

func waysOf(o operator.Operator) string {
	var ways []string
	for _, w := range []struct {
		has  bool
		name string
	}{{o.HasPassword, "password"}, {o.HasTOTP, "totp"}, {o.Passkeys > 0, "passkey"}, {o.OIDC, "oidc"}} {
		if w.has {
			ways = append(ways, w.name)
		}
	}
	return strings.Join(ways, ",")
}

type operatorInviteCmd struct {
	Name string `arg:"" help:"The operator."`
}

func (operatorInviteCmd) Help() string {
	return `Ends every invitation before it. Its use ends every way in that they have, with sessions and tokens.

Example:

    rekey operator invite ada`
}

func (*operatorInviteCmd) deed() deed { return does(operator.OperatorInvite) }

func (c *operatorInviteCmd) Run(ctx context.Context, s *session) error {
	where, o, err := s.operatorNamed(ctx, c.Name)
	if err != nil {
		return err
	}
	link, err := where.InviteOperator(ctx, o)
	if err != nil {
		return err
	}
	return s.showInvite(o, link)
}

// operatorNamed finds one in the office that the command acts in.
func (s *session) operatorNamed(ctx context.Context, name string) (office, operator.Operator, error) {
	where, err := s.office(ctx)
	if err != nil {
		return nil, operator.Operator{}, err
	}
	all, err := where.Operators(ctx)
	if err != nil {
		return nil, operator.Operator{}, err
	}
	for _, o := range all {
		if o.Name == operator.FoldName(name) {
			return where, o, nil
		}
	}
	return nil, operator.Operator{}, problem.New(problem.NotFound, "There is no such operator.")
}

type operatorRolesCmd struct {
	Name string   `arg:"" help:"The operator."`
	Role []string `required:"" placeholder:"ROLE" help:"What they may do from now on; once for each."`

	Reason string `placeholder:"TEXT" help:"Why, for the second person. Needed where one is."`
}

func (operatorRolesCmd) Help() string {
	return `Their sessions end, and what they asked a second person for. Without --yes it says what would change.

Example:

    rekey operator roles ada --role admin --yes`
}

func (c *operatorRolesCmd) deed() deed {
	return destroys(operator.OperatorRoles, operator.ReadOperators, operator.Object(operator.FoldName(c.Name)))
}

func (c *operatorRolesCmd) Run(ctx context.Context, s *session) error {
	roles, err := operator.ParseRoles(c.Role...)
	if err != nil {
		return usageOf("role", err)
	}
	where, o, err := s.operatorNamed(ctx, c.Name)
	if err != nil {
		return err
	}
	if !s.yes {
		return s.dry(map[string]any{"operator": o, "roles": roles}, func(p *page) {
			p.line("%s is %s and would become %s; sessions and requests end.", o.Name, strings.Join(o.Roles.Names(), ", "), strings.Join(roles.Names(), ", "))
		})
	}
	came, err := where.SetRoles(ctx, o, roles, c.Reason)
	if err != nil {
		return err
	}
	return s.showOperator(came)
}

func (s *session) showOperator(came outcome[operator.Operator]) error {
	if came.Pending != nil {
		return s.showPending(*came.Pending)
	}
	return s.show(operatorRow{Operator: came.Done}, func(p *page) {
		p.row("operator", came.Done.Name)
		p.row("roles", strings.Join(came.Done.Roles.Names(), ", "))
		p.row("shut out", came.Done.DisabledAt)
	})
}

type operatorDisableCmd struct {
	Name string `arg:"" help:"The operator."`
}

func (operatorDisableCmd) Help() string {
	return `Sessions, tokens, invitations and what they asked for end with it. It can't be undone; they can be added again under another name.

Example:

    rekey operator disable ada --yes`
}

func (c *operatorDisableCmd) deed() deed {
	return destroys(operator.OperatorDisable, operator.ReadOperators, operator.Object(operator.FoldName(c.Name)))
}

func (c *operatorDisableCmd) Run(ctx context.Context, s *session) error {
	where, o, err := s.operatorNamed(ctx, c.Name)
	if err != nil {
		return err
	}
	if !s.yes {
		return s.dry(map[string]any{"operator": o}, func(p *page) { p.line("%s would be shut out for good.", o.Name) })
	}
	shut, err := where.DisableOperator(ctx, o)
	if err != nil {
		return err
	}
	return s.showOperator(outcome[operator.Operator]{Done: shut})
}

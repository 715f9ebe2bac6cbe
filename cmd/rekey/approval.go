package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type approvalCmd struct {
	List     approvalListCmd     `cmd:"" help:"List what waits for a second person."`
	Show     approvalShowCmd     `cmd:"" help:"Show exactly what a request would do."`
	Approve  approvalApproveCmd  `cmd:"" help:"Be the second person: it is done at once."`
	Reject   approvalRejectCmd   `cmd:"" help:"Say no."`
	Withdraw approvalWithdrawCmd `cmd:"" help:"Take back what you asked for yourself."`
}

// showPending says that an act waits, and how it goes on.
func (s *session) showPending(r approval.Request) error {
	return s.show(r, func(p *page) {
		requestText(p, r)
		p.line("Nothing was done yet: somebody else has to approve it, as with: rekey approval approve %d --yes", r.ID)
	})
}

func requestText(p *page, r approval.Request) {
	p.row("request", r.ID)
	p.row("state", r.State)
	p.row("act", r.Act)
	p.row("on", r.Object)
	effectText(p, r.Effect)
	p.row("asked by", r.Requester)
	p.row("because", r.Reason)
	p.row("until", r.ExpiresAt)
	if r.Decider != "" {
		p.row("decided by", r.Decider)
	}
	if r.Note != "" {
		p.row("note", r.Note)
	}
}

// effectText is what both people are shown. One that a newer server wrote otherwise is shown as it is.
func effectText(p *page, effect json.RawMessage) {
	var plan desk.Plan
	if json.Unmarshal(effect, &plan) != nil || plan.Text == "" {
		p.row("effect", string(effect))
		return
	}
	p.row("effect", plan.Text)
	for _, f := range plan.Facts {
		p.row("  "+f.Name, f.Value)
	}
	for _, w := range plan.Warnings {
		p.row("  warning", w)
	}
}

type approvalListCmd struct {
	State string `enum:",pending,approved,rejected,withdrawn,expired,void" default:"pending" placeholder:"STATE" help:"Those in another state than pending; empty for all."`
}

func (approvalListCmd) Help() string {
	return `The newest first.

Examples:

    rekey approval list
    rekey approval list --state approved`
}

func (*approvalListCmd) deed() deed { return reads(operator.ReadApprovals) }

func (c *approvalListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	list, err := o.Approvals(ctx, approval.State(c.State))
	if err != nil {
		return err
	}
	return s.show(map[string]any{"approvals": notNil(list)}, func(p *page) {
		p.row("REQUEST", "STATE", "ACT", "ON", "ACCOUNTS", "ASKED BY", "UNTIL", "BECAUSE")
		for _, r := range list {
			p.row(r.ID, r.State, r.Act, r.Object, accountsText(r.Accounts), r.Requester, r.ExpiresAt, r.Reason)
		}
	})
}

// accountsText leaves out a number that says nothing.
func accountsText(n int64) any {
	if n == desk.NoAccounts {
		return ""
	}
	return n
}

// requestID is the argument of most commands.
type requestID struct {
	ID int64 `arg:"" help:"The request's number."`
}

type approvalShowCmd struct{ requestID }

func (approvalShowCmd) Help() string {
	return `What both people are shown, who asked and why.

Example:

    rekey approval show 12`
}

func (*approvalShowCmd) deed() deed { return reads(operator.ReadApprovals) }

func (c *approvalShowCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	r, err := o.Approval(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(r, func(p *page) { requestText(p, r) })
}

type approvalApproveCmd struct {
	requestID
	Note string `placeholder:"TEXT" help:"What you say to it, for the audit log."`
}

func (approvalApproveCmd) Help() string {
	return `For a person who may do the act and did not ask for it, so only with --server and an operator's token that is fresh: beside the database nobody has signed in, so nobody there can be told from who asked, and it is refused. Without --yes it shows the request. If what it rests on has changed since, it is void and nothing is done.

Example:

    rekey approval approve 12 --note "list checked" --yes`
}

func (*approvalApproveCmd) deed() deed {
	return deed{place: inOffice, act: operator.ApprovalDecide, dry: operator.ReadApprovals}
}

func (c *approvalApproveCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		r, err := o.Approval(ctx, c.ID)
		if err != nil {
			return err
		}
		return s.dry(r, func(p *page) { requestText(p, r) })
	}
	return decided(s, func() (approval.Request, error) { return o.Approve(ctx, c.ID, strings.TrimSpace(c.Note)) })
}

func decided(s *session, decide func() (approval.Request, error)) error {
	r, err := decide()
	if err != nil {
		return err
	}
	return s.show(r, func(p *page) { requestText(p, r) })
}

type approvalRejectCmd struct {
	requestID
	Note string `placeholder:"TEXT" help:"Why, for who asked and for the audit log."`
}

func (approvalRejectCmd) Help() string {
	return `Needs the role that the act needs, and no fresh second factor: it only holds back. Only with --server: beside the database nobody has signed in, and a no needs a name as much as a yes.

Example:

    rekey approval reject 12 --note "wrong list"`
}

func (*approvalRejectCmd) deed() deed { return does(operator.ApprovalDecide) }

func (c *approvalRejectCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	return decided(s, func() (approval.Request, error) { return o.Reject(ctx, c.ID, strings.TrimSpace(c.Note)) })
}

type approvalWithdrawCmd struct{ requestID }

func (approvalWithdrawCmd) Help() string {
	return `Only who asked can, so only with --server: beside the database nobody has signed in.

Example:

    rekey approval withdraw 12`
}

func (*approvalWithdrawCmd) deed() deed { return does(operator.ApprovalWithdraw) }

func (c *approvalWithdrawCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	return decided(s, func() (approval.Request, error) { return o.Withdraw(ctx, c.ID) })
}

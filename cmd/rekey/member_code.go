package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/support"
)

type memberCodeCmd struct {
	ID       int64  `arg:"" optional:"" help:"The member's number, as find shows it."`
	Identity string `placeholder:"PROOF" help:"How the member showed who they are."`
	Note     string `placeholder:"TEXT" help:"As a ticket's number. It stays in the audit log: no personal data."`
	Reason   string `placeholder:"TEXT" help:"Why, for the second person. Needed where one is."`
	Approved int64  `placeholder:"REQUEST" help:"Instead: show the code that a second person approved, once, to who asked for it."`
}

func (memberCodeCmd) Help() string {
	return `With the code and the address on file whoever hears it sets a new password; nobody here sees or chooses one. Only after proof of who they are: ` + proofKinds() + `.
Without --yes it says for whom the code would be. With --server it is for two people where REKEY_SECOND_PERSON_CODES is set or your role only lets you ask; who asked shows it within 15 minutes of the yes. Beside the database it takes --break-glass once somebody can approve. Limited for each operator and each account.

Examples:

    rekey member code 7 --identity callback --note "ticket 4711" --yes
    rekey member code --approved 12`
}

func (c *memberCodeCmd) deed() deed {
	if c.Approved != 0 {
		return does(operator.SupportCode)
	}
	return destroys(operator.SupportCode, operator.SupportFind, fmt.Sprintf("account:#%d", c.ID))
}

// codeRow is a spoken code as programs read it.
type codeRow struct {
	Code  string    `json:"code"`
	Email string    `json:"email"`
	Until time.Time `json:"until"`
}

func (c *memberCodeCmd) Run(ctx context.Context, s *session) error {
	switch {
	case (c.ID == 0) == (c.Approved == 0):
		return usagef("give a member's number, or --approved with a request's")
	case c.ID != 0 && support.ProofText(c.Identity) == "":
		return usagef("--identity: must be one of %s", proofKinds())
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.Approved != 0:
		code, err := o.TakeCode(ctx, c.Approved)
		if err != nil {
			return err
		}
		return s.showCode(outcome[support.Code]{Done: code})
	case !s.yes:
		return c.plan(ctx, s, o)
	}
	came, err := o.SpeakCode(ctx, c.ID, support.Identity{Proof: c.Identity, Note: c.Note}, c.Reason)
	if err != nil {
		return err
	}
	return s.showCode(came)
}

// codePlan is for whom a code would be.
type codePlan struct {
	ID       int64  `json:"id"`
	Subject  string `json:"subject"`
	Email    string `json:"email"`
	Password string `json:"password"` // its state in words
	Proof    string `json:"proof"`
}

func (c *memberCodeCmd) plan(ctx context.Context, s *session, o office) error {
	m, err := o.Member(ctx, c.ID)
	if err != nil {
		return err
	}
	plan := codePlan{c.ID, m.Account.Subject, m.Account.Email, m.Explained, support.ProofText(c.Identity)}
	return s.dry(plan, func(p *page) {
		p.row("member", plan.Subject)
		p.row("address", plan.Email)
		p.row("password", plan.Password)
		p.row("proof", plan.Proof)
		p.line("A code would be shown. With it and the address whoever hears it sets a new password.")
	})
}

// showCode shows a code, this once, or that it waits.
func (s *session) showCode(o outcome[support.Code]) error {
	if o.Pending != nil {
		return s.show(*o.Pending, func(p *page) {
			requestText(p, *o.Pending)
			p.line("Somebody else has to approve it. After that: rekey member code --approved %d", o.Pending.ID)
		})
	}
	row := codeRow(o.Done)
	return s.show(row, func(p *page) {
		p.row("code", row.Code)
		p.row("with the address", row.Email)
		p.row("until", row.Until)
		p.line("Read it to the member now: it is not shown again.")
	})
}

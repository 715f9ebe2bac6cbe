package main

import (
	"context"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/support"
)

type memberCmd struct {
	Find        memberFindCmd        `cmd:"" help:"Find members by subject or mail address."`
	Show        memberShowCmd        `cmd:"" help:"Show what happened to one, in plain words."`
	Link        memberLinkCmd        `cmd:"" help:"Send one a fresh link."`
	Code        memberCodeCmd        `cmd:"" help:"Get a code to read to one on the telephone."`
	DeadAddress memberDeadAddressCmd `cmd:"" help:"Mark an address as dead, or take that back."`
}

// memberID is the argument of most commands.
type memberID struct {
	ID int64 `arg:"" help:"The member's number, as find shows it."`
}

type memberFindCmd struct {
	Member string `arg:"" placeholder:"SUBJECT|ADDRESS" help:"The login service's id, or a mail address; - reads it from standard input."`
}

func (memberFindCmd) Help() string {
	return `Accounts may share an address. The look is written down in the audit log, the address is not.

Examples:

    rekey member find 48213
    rekey member find ann@example.org
    rekey member find - < address.txt`
}

func (*memberFindCmd) deed() deed { return reads(operator.SupportFind) }

// foundRow is an account that was found, as programs read it.
type foundRow struct {
	ID      int64  `json:"id"`
	Subject string `json:"subject"`
	Email   string `json:"email"`
	Deleted bool   `json:"deleted"`
}

func (c *memberFindCmd) Run(ctx context.Context, s *session) error {
	text := &c.Member
	if c.Member == "-" {
		var err error
		if text, err = s.textOf("member", c.Member); err != nil {
			return err
		}
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	found, err := o.FindMembers(ctx, strings.TrimSpace(*text))
	if err != nil {
		return err
	}
	rows := []foundRow{}
	for _, f := range found {
		rows = append(rows, foundRow(f))
	}
	return s.show(map[string]any{"members": rows}, func(p *page) {
		p.row("MEMBER", "SUBJECT", "ADDRESS", "DELETED")
		for _, r := range rows {
			p.row(r.ID, r.Subject, r.Email, r.Deleted)
		}
	})
}

type memberShowCmd struct{ memberID }

func (memberShowCmd) Help() string {
	return `State of the password, campaigns, mails, and a timeline, the newest first. The look is written down in the audit log. Of the password only the scheme is shown.

Example:

    rekey member show 7`
}

func (*memberShowCmd) deed() deed { return reads(operator.SupportFind) }

// memberRow is all there is about a member, as programs read it.
type memberRow struct {
	Account    account.Profile     `json:"account"`
	Explained  string              `json:"explained"`
	Suppressed *memberSuppressRow  `json:"suppressed"` // null: mail goes to the address
	Covered    []memberCampaignRow `json:"covered"`
	Mails      []memberMailRow     `json:"mails"`
	Timeline   []memberEventRow    `json:"timeline"`
	Looks      int64               `json:"looks"` // how often operators looked
}

type memberSuppressRow struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

type memberCampaignRow struct {
	Campaign    int64      `json:"campaign"`
	Incident    string     `json:"incident"`
	State       string     `json:"state"`
	ActivatedAt time.Time  `json:"activated_at"`
	CancelledAt *time.Time `json:"cancelled_at"`
	Cutoff      time.Time  `json:"cutoff"`
	Kills       bool       `json:"kills"`
	Revokes     bool       `json:"revokes"`
	Listed      bool       `json:"listed"`
	OpenedAt    *time.Time `json:"opened_at"`
	ResetAt     *time.Time `json:"reset_at"`
}

type memberMailRow struct {
	Campaign   int64      `json:"campaign"` // 0: not one of a campaign
	Kind       string     `json:"kind"`
	State      string     `json:"state"`
	AskedAt    *time.Time `json:"asked_at"`
	SentAt     *time.Time `json:"sent_at"`
	RemindedAt *time.Time `json:"reminded_at"`
	OpenedAt   *time.Time `json:"opened_at"`
	Attempts   int        `json:"attempts"`
	Why        string     `json:"why"`
}

type memberEventRow struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
	Who  string    `json:"who"`
}

// whole makes empty lists [] in JSON.
func (m memberRow) whole() memberRow {
	m.Covered, m.Mails, m.Timeline = notNil(m.Covered), notNil(m.Mails), notNil(m.Timeline)
	return m
}

func (c *memberShowCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	m, err := o.Member(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(m, func(p *page) { memberText(p, m) })
}

func memberText(p *page, m memberRow) {
	p.row("member", m.Account.ID)
	profileText(p, m.Account)
	if m.Suppressed != nil {
		p.row("no mail goes there", m.Suppressed.Reason, m.Suppressed.At)
	}
	p.row("looked at", m.Looks)
	p.row()
	p.row("AT", "WHAT HAPPENED", "WHO")
	for _, e := range m.Timeline {
		p.row(e.At, e.Text, e.Who)
	}
}

type memberLinkCmd struct{ memberID }

func (memberLinkCmd) Help() string {
	return `The mail goes to the address on file, under the same caps as if the member had asked for it themself.

Example:

    rekey member link 7`
}

func (*memberLinkCmd) deed() deed { return does(operator.SupportLink) }

func (c *memberLinkCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	wait, err := o.SendLink(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(map[string]any{"waits_seconds": int64(wait.Seconds())}, func(p *page) {
		if wait < time.Second {
			p.line("The link goes out now.")
			return
		}
		p.line("The address has had many mails: the link goes out in %s.", wait.Round(time.Second))
	})
}

type memberDeadAddressCmd struct {
	memberID
	Undo bool `help:"Let mail go there again. What was not sent meanwhile is not sent by itself."`
}

func (memberDeadAddressCmd) Help() string {
	return `No mail goes to a dead address. To reach its member, a code can be read to them.

Examples:

    rekey member dead-address 7
    rekey member dead-address 7 --undo`
}

func (*memberDeadAddressCmd) deed() deed { return does(operator.SupportDeadAddress) }

func (c *memberDeadAddressCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if err := o.MarkAddress(ctx, c.ID, !c.Undo); err != nil {
		return err
	}
	return s.show(map[string]any{"dead": !c.Undo}, func(p *page) {
		if c.Undo {
			p.line("Mail goes to the address again.")
			return
		}
		p.line("No mail goes to the address any more.")
	})
}

// proofKinds are the ways in which a member can show who they are, for a help text.
func proofKinds() string {
	var kinds []string
	for _, p := range support.Proofs() {
		kinds = append(kinds, p.Kind)
	}
	return strings.Join(kinds, ", ")
}

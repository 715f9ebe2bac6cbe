package support

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
)

// Member is all that support can know about one account.
type Member struct {
	account.Profile
	Suppressed *Suppressed // nil: mail goes to the address
	Covered    []Covered   // campaigns that came into force and cover the account, oldest first
	Mails      []Mail      // newest first, as far as they are kept
	Acts       []audit.Entry
	Looks      int64 // how often operators looked at the account, this time included
}

// Suppressed says why no mail goes to an address.
type Suppressed struct {
	Reason string
	At     time.Time
}

// Covered is what one campaign does to the account as it is now.
type Covered struct {
	Campaign    int64
	Incident    string
	State       campaign.State
	ActivatedAt time.Time
	CancelledAt *time.Time
	Cutoff      time.Time
	Kills       bool // the password in place now, unless the campaign was cancelled
	Revokes     bool // sessions from before it
	Listed      bool // has a line of its own among the campaign's members
	OpenedAt    *time.Time
	ResetAt     *time.Time
}

// Mail is one mail to the member, sent or not.
type Mail struct {
	Campaign   int64  // 0: not one of a campaign
	Kind       string // as delivery names it; "" for a campaign's mail that was not written yet
	State      string // pending, leased, sent, skipped, failed, bounced
	AskedAt    *time.Time
	SentAt     *time.Time
	RemindedAt *time.Time
	OpenedAt   *time.Time
	Attempts   int
	Why        string // the last failure, or why none was sent
}

// Text is what the mail is, in plain words.
func (m Mail) Text() string {
	switch m.Kind {
	case "reset":
		return fmt.Sprintf("Link to a new password, campaign %d", m.Campaign)
	case "notice":
		return fmt.Sprintf("Notice without a link, campaign %d", m.Campaign)
	case "asked":
		return "Link that was asked for by this address"
	case "reissue":
		return "Fresh link"
	case "changed":
		return "Your password was changed"
	case "disabled":
		return "Your password was switched off, with a link"
	}
	return fmt.Sprintf("Mail of campaign %d", m.Campaign)
}

// StateText is where the mail stands, in plain words.
func (m Mail) StateText() string {
	switch m.State {
	case "pending":
		if m.Attempts > 0 {
			return "tried, and will be tried again"
		}
		return "waits to be sent"
	case "leased":
		return "is being sent"
	case "sent":
		return "handed to the mail server"
	case "skipped":
		return "not sent"
	case "failed":
		return "given up"
	case "bounced":
		return "came back"
	}
	return m.State
}

func (m Member) canGetLink() error {
	if err := m.CanGetCode(); err != nil {
		return err
	}
	if m.Suppressed != nil {
		return refuse("address", "The address is marked as dead, so no mail goes there. Take that back first, or use a spoken code.")
	}
	return nil
}

// CanGetCode refuses an account that no code or link could open.
func (m Member) CanGetCode() error {
	switch m.State {
	case account.StateDeleted:
		return refuse("deleted", "The account is deleted.")
	case account.StateNone, account.StateUnknown:
		return refuse("no_password", "The account has no password, so there is nothing to reset.")
	}
	if m.Email == "" {
		return refuse("address", "The account has no mail address, and without one neither a link nor a code works.")
	}
	return nil
}

// Killer is the campaign that killed the password, nil if none did.
func (m Member) Killer() *Covered {
	for i := range m.Covered {
		if m.Covered[i].Campaign == m.KilledBy {
			return &m.Covered[i]
		}
	}
	return nil
}

// Event is something that happened to a member.
type Event struct {
	At   time.Time
	Text string
	Who  string // who did it, where the audit log says
}

// Timeline is what happened, in plain words, the newest first. What has no date is not in it.
func (m Member) Timeline() []Event {
	var all []Event
	add := func(at *time.Time, text string) {
		if at != nil && !at.IsZero() {
			all = append(all, Event{At: *at, Text: text})
		}
	}
	add(m.CreatedAt, "The account came into being.")
	if m.PasswordScheme != "" {
		add(m.PasswordSetAt, passwordText(m.PasswordSource))
	}
	add(m.DisabledAt, "The password was switched off after too many wrong tries in a row. Sessions went on.")
	add(m.DeletedAt, "The account was deleted: its address, language and password are gone.")
	for _, c := range m.Covered {
		add(&c.ActivatedAt, m.coveredText(c))
		add(c.CancelledAt, fmt.Sprintf("Campaign %d was cancelled: what it killed works again. Sessions that it ended stay ended.", c.Campaign))
	}
	for _, mail := range m.Mails {
		add(mail.SentAt, "Mail handed to the mail server: "+mail.Text()+".")
		add(mail.RemindedAt, fmt.Sprintf("Reminder of campaign %d handed to the mail server.", mail.Campaign))
		add(mail.OpenedAt, fmt.Sprintf("The link of campaign %d was opened. A mail scanner may have been it.", mail.Campaign))
		if mail.SentAt == nil && mail.Campaign == 0 {
			add(mail.AskedAt, fmt.Sprintf("Mail asked for (%s): %s.", mail.Text(), mail.StateText()))
		}
	}
	for _, e := range m.Acts {
		if e.Action == audit.AccountDisable && m.DisabledAt != nil && e.At.Equal(*m.DisabledAt) || e.Action == audit.AccountDelete && m.DeletedAt != nil && e.At.Equal(*m.DeletedAt) {
			continue // said already
		}
		all = append(all, Event{At: e.At, Text: actText(e), Who: e.Actor.String()})
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Text, b.Text)) })
	return all
}

func passwordText(source string) string {
	switch source {
	case account.SourceImport:
		return "The password in place now was set, by what the imported file says."
	case account.SourceAPI:
		return "The password in place now was set, by what the login service says."
	}
	return "The password in place now was set by the member with a link or code."
}

func (m Member) coveredText(c Covered) string {
	text := fmt.Sprintf("Campaign %d of incident %s came into force", c.Campaign, c.Incident)
	switch {
	case c.Kills:
		text += " and killed the password."
	case m.PasswordScheme == "":
		text += ". There is no password that it could kill."
	default:
		text += ". The password in place now is newer than its cutoff."
	}
	if c.Revokes {
		text += " Sessions from before it ended."
	}
	return text
}

// acts are the audit entries of an account in plain words.
var acts = map[audit.Action]string{
	audit.ResetRedeemed:      "The member set a new password with a link or code.",
	audit.AccountPut:         "The login service sent the account's data.",
	audit.AccountPasswordSet: "The login service sent a new password that the member set there.",
	audit.AccountDelete:      "The login service deleted the account.",
	audit.AccountDisable:     "Too many wrong passwords: it was switched off.",
	audit.AccountUpgrade:     "The password's hash was renewed at a login.",
	audit.SupportLink:        "A fresh link was sent by hand.",
	audit.SupportDeadAddress: "The address was marked as dead, or that was taken back.",
	audit.ApprovalAsk:        "A second person was asked to approve a spoken code.",
}

func actText(e audit.Entry) string {
	text := acts[e.Action]
	switch {
	case e.Action == audit.SupportCode:
		proof, _ := e.Detail["proof"].(string)
		text = "A spoken code was given out. Proof: " + cmp.Or(ProofText(proof), "not said") + "."
	case text == "":
		text = string(e.Action) + "."
	}
	if e.Outcome == audit.Refused {
		text = "Refused: " + text
	}
	return text
}

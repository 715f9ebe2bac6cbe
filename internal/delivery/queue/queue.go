// Package queue has the nouns of delivery that its store speaks too: what may be claimed, who it is for, and what came of it.
// It holds no rule and does no I/O; delivery and the store use it.
package queue

import "time"

// State is where a mail stands; the same words as campaign_members.state and outbox.state.
type State string

// The states that delivery writes. Leased is the claim's own; bounced comes from outside.
const (
	Pending State = "pending" // not sent yet, or to be tried again
	Sent    State = "sent"    // the mail server took it
	Skipped State = "skipped" // nothing to send, with the reason
	Failed  State = "failed"  // given up, with the last error
)

// NoAddress is the reason of a skipped member that is written to after all, once there is an address.
const NoAddress = "no address"

// Kind is what a mail is: outbox.kind for single mails, campaign_members.kind for members.
type Kind string

// The kinds of single mails, then those of campaign mails.
const (
	Asked    Kind = "asked"    // links somebody asked for by address
	Reissue  Kind = "reissue"  // a fresh link for one account
	Changed  Kind = "changed"  // your password was changed
	Disabled Kind = "disabled" // too many failed logins, with a link

	Reset  Kind = "reset"  // dead when sent: link and code
	Notice Kind = "notice" // nothing to reset: what happened, no link

	Reminder Kind = "reminder" // Reset once more; the member's kind stays reset
)

// Lease is the right of one process to send what it claims, and nobody else, for a time.
type Lease struct {
	Owner string        // the process; marks count only while it still owns the row
	For   time.Duration // from the claim, by the database's clock
}

// Recipient is an account as it was when read: all that is needed to decide and write its mail.
type Recipient struct {
	Account     int64
	Subject     string
	Email       string // the stored address; empty: none
	EmailKey    string // its folded form
	Locale      string // BCP 47; empty: not known
	Version     int64  // credential_version
	Epoch       int64
	HasPassword bool
	Dead        bool
	Disabled    bool // by too many failures; dead too
	Suppressed  bool // its address gets no mail
}

// Member is a claimed member of a campaign.
type Member struct {
	Campaign int64
	Attempts int  // hand-offs of this mail tried before
	Reminder bool // was written to before
	Recipient
}

// Single is a claimed row of the outbox. Rows of kind asked for one address come as one, and those of kind reissue for one account, so that
// one mail answers them all.
type Single struct {
	IDs        []int64
	Kind       Kind
	Key        string // the typed folded address of kind asked
	Locale     string // asked for, when the account has none
	Attempts   int
	CreatedAt  time.Time
	Recipients []Recipient // the account, or every account that has the address; empty: none
}

// Pick says which members of a campaign to claim.
type Pick struct {
	Campaign    int64
	Retries     bool  // those whose time to be tried again has come, instead of fresh ones
	Reminders   bool  // those whom the last reminder is for, instead of fresh ones
	After, Upto int64 // fresh ones and reminders: account ids above After, up to and with Upto
	NoticesOnly bool  // fresh ones: none that would get a link
	Limit       int
}

// Campaign is what a mail says about the breach, and whether mail goes out.
type Campaign struct {
	ID         int64
	Mailing    string // running, paused, done
	Everyone   bool   // its scope; later accounts join it
	Reminders  int64  // how many were ordered
	Slug       string // of the incident
	Title      string
	Classes    []string // of data exposed
	Unexposed  []string // classes that were not
	OccurredAt *time.Time
	Published  bool // the notice can be read under its slug
}

// Outlook is what allows mail to go out. Campaigns are the active ones.
type Outlook struct {
	Now       time.Time // the clock that leases and marks are dated by
	Locked    bool      // no mail with links
	Campaigns []Campaign
}

// Mark is what came of a claimed mail. It changes nothing unless the lease is still its owner's.
type Mark struct {
	ID        int64 // account of a member, or outbox row
	State     State
	At        time.Time     // when, by the clock of Outlook.Now
	Kind      Kind          // with Sent, for members; a reminder is a Reset
	MessageID string        // with Sent
	Error     string        // with the others: why; no address, no token
	Tried     bool          // the hand-off was tried, so it counts as an attempt; Sent without it: the first mail went, a reminder did not
	After     time.Duration // with Pending and Tried: not again before
	Suppress  string        // folded address that gets no mail from now on; empty: none
}

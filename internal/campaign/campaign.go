// Package campaign is the forced reset: the rule that says who is dead, and the acts of operators on campaigns and on the lockdown.
// It promises that every act is one fact with its audit entry, and that a refused one leaves an entry too; cmd and the console call it.
package campaign

import (
	"strconv"
	"time"
)

// Scope says whom a campaign covers.
type Scope string

// The scopes.
const (
	Everyone Scope = "everyone" // all accounts, also those that arrive later
	Listed   Scope = "list"     // the members that prepare found for a list or a filter
)

// State is where a campaign stands: draft → prepared → active → closed; draft|prepared → discarded; active|closed → cancelled.
type State string

// The states.
const (
	Draft     State = "draft"
	Prepared  State = "prepared"
	Active    State = "active"    // kills, and mails
	Closed    State = "closed"    // still kills, mails no more
	Cancelled State = "cancelled" // kills no more; sessions it revoked stay dead
	Discarded State = "discarded" // never killed
)

// Counts reports whether a campaign in this state kills passwords.
func (s State) Counts() bool { return s == Active || s == Closed }

// Mailing says whether mail goes out while the campaign is active.
type Mailing string

// The mailing states.
const (
	Running Mailing = "running"
	Paused  Mailing = "paused"
	Done    Mailing = "done"
)

// Columns a list can be made of.
const (
	ColumnEmail   = "email"
	ColumnSubject = "subject"
)

// Campaign is one forced reset as it is kept.
type Campaign struct {
	ID             int64      `json:"id"`
	Incident       string     `json:"incident"` // slug
	Scope          Scope      `json:"scope"`
	Filter         Filter     `json:"filter,omitzero"`
	ListColumn     string     `json:"list_column,omitempty"` // ColumnEmail or ColumnSubject; "" without a list
	ListSHA256     string     `json:"list_sha256,omitempty"` // hex, of the bytes read
	Cutoff         *time.Time `json:"cutoff"`                // passwords set before it die; nil: the moment of activation
	RevokeSessions bool       `json:"revoke_sessions"`
	State          State      `json:"state"`
	Mailing        Mailing    `json:"mailing"`
	Epoch          int64      `json:"epoch"`  // rises by one with each activation; 0 before
	Report         Report     `json:"report"` // what the last prepare found
	Died           *int64     `json:"died"`   // live credentials that the activation killed; nil until counted
	CreatedAt      time.Time  `json:"created_at"`
	PreparedAt     *time.Time `json:"prepared_at"`
	ActivatedAt    *time.Time `json:"activated_at"`
	ClosedAt       *time.Time `json:"closed_at"`
	CancelledAt    *time.Time `json:"cancelled_at"`
	CancelReason   string     `json:"cancel_reason,omitempty"`
	Reminders      int64      `json:"reminders"`   // how many were ordered
	RemindedAt     *time.Time `json:"reminded_at"` // when the last one was
}

// Report is what prepare found. Of the lines after the header, each names accounts, or is unmatched (broken ones too), or is a duplicate of an
// earlier one; Matched counts accounts, and the last three are parts of it. Without a file Listed is Matched.
type Report struct {
	Listed         int64 `json:"listed"`
	Matched        int64 `json:"matched"`
	Unmatched      int64 `json:"unmatched"`
	Duplicate      int64 `json:"duplicate"`
	AlreadyChanged int64 `json:"already_changed"` // have a password that the named cutoff leaves alone
	NoPassword     int64 `json:"no_password"`
	NoAddress      int64 `json:"no_address"`
}

// Preview says what activation would do if it came now, in accounts.
type Preview struct {
	WouldDie    int64    `json:"would_die"` // live now, dead after
	Covered     int64    `json:"covered"`
	AlreadyDead int64    `json:"already_dead"` // covered, and dead by something else
	Sample      []Sample `json:"sample,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
}

// Sample is one account that would die, for an operator to recognise.
type Sample struct {
	Subject       string     `json:"subject"`
	Email         string     `json:"email,omitempty"` // masked: s…@example.com
	PasswordSetAt *time.Time `json:"password_set_at"`
}

// Activated is an activation that was committed.
type Activated struct {
	ID          int64     `json:"id"`
	State       State     `json:"state"`
	ActivatedAt time.Time `json:"activated_at"`
	Cutoff      time.Time `json:"cutoff"`
	Epoch       int64     `json:"epoch"`
	Died        *int64    `json:"died,omitempty"` // nil: could not be counted now; CountDied does it later
}

// Delivery counts members by the state of their mail. Of a campaign that ended, what had not gone counts as skipped.
type Delivery struct {
	Pending int64 `json:"pending"` // of the first mail; leased ones too
	Sent    int64 `json:"sent"`    // stays so while a reminder waits
	Skipped int64 `json:"skipped"` // no address, suppressed, or ended first
	Failed  int64 `json:"failed"`
	Bounced int64 `json:"bounced"`
}

// Reminders counts the mails after the first.
type Reminders struct {
	Ordered int64      `json:"ordered"` // how often members were reminded
	LastAt  *time.Time `json:"last_at"`
	Waiting int64      `json:"waiting"` // members whom the last one is still to reach, unless they turn out to have answered
	Sent    int64      `json:"sent"`    // members reminded at least once
}

// Status is a campaign in numbers, for people who watch it.
type Status struct {
	ID             int64      `json:"id"`
	State          State      `json:"state"`
	Mailing        Mailing    `json:"mailing"`
	Incident       string     `json:"incident"`
	Scope          Scope      `json:"scope"`
	ActivatedAt    *time.Time `json:"activated_at"`
	Died           *int64     `json:"died"`
	Members        int64      `json:"members"`
	Delivery       Delivery   `json:"delivery"`
	Reminders      Reminders  `json:"reminders"`
	Reset          int64      `json:"reset"`            // members who set a new password since
	SentLastMinute int64      `json:"sent_last_minute"` // rates; reminders too
	SentSince      *time.Time `json:"sent_since"`       // when the first of those went out; nil: none did
	SentLastHour   int64      `json:"sent_last_hour"`
	ResetLastHour  int64      `json:"reset_last_hour"`
}

// Object is the campaign's name in the audit log.
func Object(id int64) string { return "campaign:" + strconv.FormatInt(id, 10) }

// Package operator is the people who run Rekey: who they are, what their roles let them do, and the sessions and tokens that act in their name.
// It promises that nobody has a right that the table of rules does not give, and that what ended does not come back; desk, console, api and cmd
// call it. How operators prove themselves stands in signin below it.
package operator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Role is a set of acts. No role contains another; every role may read.
type Role string

// The roles (design §2).
const (
	Auditor   Role = "auditor"   // reads
	Responder Role = "responder" // drafts, prepares, mailing on and off, close, support, lockdown on
	Approver  Role = "approver"  // activate, cancel, lockdown off: with a second person
	Admin     Role = "admin"     // people, keys, clients, exports
)

// AllRoles are the roles in the order they are shown and stored in.
func AllRoles() Roles { return Roles{Auditor, Responder, Approver, Admin} }

// Roles are what somebody has, in the order of AllRoles, each once.
type Roles []Role

// ParseRoles brings roles into order. Errors: Invalid for an unknown one or none.
func ParseRoles(names ...string) (Roles, error) {
	var roles Roles
	for _, r := range AllRoles() {
		if slices.Contains(names, string(r)) {
			roles = append(roles, r)
		}
	}
	for _, n := range names {
		if !slices.Contains(AllRoles(), Role(n)) {
			return nil, problem.New(problem.Invalid, "The roles are auditor, responder, approver and admin.")
		}
	}
	if len(roles) == 0 {
		return nil, problem.New(problem.Invalid, "An operator needs one role at least: auditor, responder, approver or admin.")
	}
	return roles, nil
}

// Has tells whether one of any is among the roles.
func (r Roles) Has(any ...Role) bool {
	return slices.ContainsFunc(r, func(one Role) bool { return slices.Contains(any, one) })
}

// Names are the roles as texts.
func (r Roles) Names() []string {
	names := make([]string, len(r))
	for i, one := range r {
		names[i] = string(one)
	}
	return names
}

// Encode is the JSON array that the database keeps.
func (r Roles) Encode() string {
	text, err := json.Marshal(r.Names())
	if err != nil {
		panic(fmt.Sprintf("operator: encoding roles: %v", err)) // texts always encode
	}
	return string(text)
}

// DecodeRoles reads what Encode wrote. Whatever else stands there gives no right.
func DecodeRoles(text string) (Roles, error) {
	var names []string
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return nil, fmt.Errorf("reading the roles of an operator: %w", err)
	}
	return ParseRoles(names...)
}

// Operator is one person, without their secrets.
type Operator struct {
	ID          int64      `json:"id"`
	Name        string     `json:"name"`  // signs in with it, stands in the audit log; lower case, never given to somebody else
	Email       string     `json:"email"` // where invitations and alarms go
	Roles       Roles      `json:"roles"`
	CreatedAt   time.Time  `json:"created_at"`
	DisabledAt  *time.Time `json:"disabled_at"`
	HasPassword bool       `json:"has_password"`
	HasTOTP     bool       `json:"has_totp"`
	OIDC        bool       `json:"oidc"` // bound to an identity of the provider
	Passkeys    int        `json:"passkeys"`
	LastSeenAt  *time.Time `json:"last_seen_at"` // last sign-in
}

// Enrolled tells whether there is any way in; without one the operator waits for their invitation, or for their first sign-in by OpenID Connect.
func (o Operator) Enrolled() bool { return o.HasPassword && o.HasTOTP || o.OIDC || o.Passkeys > 0 }

// Object names an operator in the audit log.
func Object(name string) string { return "operator:" + name }

var named = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// FoldName makes of a typed name the stored form.
func FoldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

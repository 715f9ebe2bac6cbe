package operator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// InviteLife is how long an invitation is good for.
const InviteLife = 24 * time.Hour

// People manages who the operators are. Whoever calls it has made sure that the actor may.
type People struct{ store Store }

// NewPeople works on a store; it needs neither hashing nor keys.
func NewPeople(s Store) *People { return &People{store: s} }

// CreateRequest is a new person.
type CreateRequest struct {
	Name  string // folded to lower case: 1 to 63 letters, digits, dots, hyphens and underscores
	Email string
	Roles Roles
}

// Create adds a person and gives the token of their invitation, which is shown here and never again. Errors: Invalid, Conflict.
func (p *People) Create(ctx context.Context, r CreateRequest, actor audit.Actor) (Operator, string, error) {
	name, address := FoldName(r.Name), strings.TrimSpace(r.Email)
	if !named.MatchString(name) {
		return Operator{}, "", problem.New(problem.Invalid, "An operator's name is 1 to 63 letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.")
	}
	if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
		return Operator{}, "", problem.New(problem.Invalid, "That is not a mail address.")
	}
	roles, err := ParseRoles(r.Roles.Names()...)
	if err != nil {
		return Operator{}, "", err
	}
	token, hash := newToken("")
	entry := audit.New(actor, audit.OperatorCreate, Object(name), audit.Detail{"roles": roles.Names()})
	o, err := p.store.CreateOperator(ctx, Operator{Name: name, Email: address, Roles: roles}, Invite{SHA256: hash, Life: InviteLife}, entry)
	if err != nil {
		return Operator{}, "", fmt.Errorf("adding operator %s: %w", name, err)
	}
	return o, token, nil
}

// List gives all, also disabled ones, by name.
func (p *People) List(ctx context.Context) ([]Operator, error) { return p.store.Operators(ctx) }

// Show gives one. Errors: NotFound.
func (p *People) Show(ctx context.Context, id int64) (Operator, error) {
	return p.store.Operator(ctx, id)
}

// Named finds one by name. Errors: NotFound.
func (p *People) Named(ctx context.Context, name string) (Operator, error) {
	s, ok, err := p.store.SecretsOf(ctx, FoldName(name))
	if err == nil && !ok {
		err = errNobody
	}
	return s.Operator, err
}

var errNobody = problem.New(problem.NotFound, "There is no such operator.")

// HasApprover tells whether anybody enrolled and not disabled can be a second person: from then on the direct command line needs a reason (design §5).
func (p *People) HasApprover(ctx context.Context) (bool, error) {
	all, err := p.store.Operators(ctx)
	return slices.ContainsFunc(all, func(o Operator) bool { return o.DisabledAt == nil && o.Enrolled() && o.Roles.Has(Approver) }), err
}

// Disable shuts a person out for good: sessions, tokens, invitations and what they asked for end with it. Errors: NotFound, Conflict for the last admin.
func (p *People) Disable(ctx context.Context, id int64, actor audit.Actor) error {
	o, err := p.store.Operator(ctx, id)
	if err != nil {
		return err
	}
	if err := p.store.DisableOperator(ctx, id, audit.New(actor, audit.OperatorDisable, Object(o.Name), nil)); err != nil {
		return fmt.Errorf("disabling operator %s: %w", o.Name, err)
	}
	return nil
}

// SetRoles changes what a person may do, where that is still was (nil: whatever it is), and ends their sessions. Errors: Invalid, NotFound, Conflict.
func (p *People) SetRoles(ctx context.Context, id int64, was, roles Roles, actor audit.Actor) error {
	roles, err := ParseRoles(roles.Names()...)
	if err != nil {
		return err
	}
	o, err := p.store.Operator(ctx, id)
	if err != nil {
		return err
	}
	if was == nil {
		was = o.Roles
	}
	entry := audit.New(actor, audit.OperatorRoles, Object(o.Name), audit.Detail{"was": was.Names(), "roles": roles.Names()})
	if err := p.store.SetRoles(ctx, id, was, roles, entry); err != nil {
		return fmt.Errorf("setting the roles of operator %s: %w", o.Name, err)
	}
	return nil
}

// Invite gives a person a new one-time link, which ends the others: for who lost their way in. Its use ends every way in there was.
// Errors: NotFound, Conflict if disabled.
func (p *People) Invite(ctx context.Context, id int64, actor audit.Actor) (string, error) {
	o, err := p.store.Operator(ctx, id)
	if err != nil {
		return "", err
	}
	token, hash := newToken("")
	entry := audit.New(actor, audit.OperatorInvite, Object(o.Name), nil)
	if err := p.store.InviteOperator(ctx, id, Invite{SHA256: hash, Life: InviteLife}, entry); err != nil {
		return "", fmt.Errorf("inviting operator %s: %w", o.Name, err)
	}
	return token, nil
}

// EnrolURL is the link of an invitation. The token stands in the fragment, which is never sent.
func EnrolURL(adminURL, token string) string {
	return strings.TrimSuffix(adminURL, "/") + "/enrol#t=" + token
}

// newToken makes 256 random bits, and what the database knows them by: a SHA-256 is enough for as many.
func newToken(prefix string) (token string, hash []byte) {
	var random [32]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	token = prefix + base64.RawURLEncoding.EncodeToString(random[:])
	return token, HashToken(token)
}

// HashToken is what the database knows a token of 256 random bits by: its SHA-256.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

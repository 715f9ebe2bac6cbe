package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// Operators gives all, also disabled ones, by name.
func (d *Desk) Operators(ctx context.Context, p operator.Principal) ([]operator.Operator, error) {
	if err := d.allow(ctx, p, operator.ReadOperators, "operators"); err != nil {
		return nil, err
	}
	return d.o.People.List(ctx)
}

// Operator gives one.
func (d *Desk) Operator(ctx context.Context, p operator.Principal, id int64) (operator.Operator, error) {
	if err := d.allow(ctx, p, operator.ReadOperators, "operators"); err != nil {
		return operator.Operator{}, err
	}
	return d.o.People.Show(ctx, id)
}

// CreateOperator adds a person and gives the token of their invitation, once.
func (d *Desk) CreateOperator(ctx context.Context, p operator.Principal, r operator.CreateRequest) (operator.Operator, string, error) {
	if err := d.allow(ctx, p, operator.OperatorCreate, operator.Object(r.Name)); err != nil {
		return operator.Operator{}, "", err
	}
	return d.o.People.Create(ctx, r, p.Actor())
}

// InviteOperator gives a person a new one-time link. Its use ends every way in that they had.
func (d *Desk) InviteOperator(ctx context.Context, p operator.Principal, id int64) (token string, err error) {
	err = d.onOperator(ctx, p, operator.OperatorInvite, id, func() error {
		token, err = d.o.People.Invite(ctx, id, p.Actor())
		return err
	})
	return token, err
}

// DisableOperator shuts a person out for good.
func (d *Desk) DisableOperator(ctx context.Context, p operator.Principal, id int64) error {
	return d.onOperator(ctx, p, operator.OperatorDisable, id, func() error { return d.o.People.Disable(ctx, id, p.Actor()) })
}

// EndSessions ends a person's sessions: one by its id, or with "" all.
func (d *Desk) EndSessions(ctx context.Context, p operator.Principal, id int64, session string) (n int64, err error) {
	err = d.onOperator(ctx, p, operator.SessionsEnd, id, func() error {
		n, err = d.o.People.EndSessions(ctx, id, session, p.Actor())
		return err
	})
	return n, err
}

func (d *Desk) onOperator(ctx context.Context, p operator.Principal, a operator.Act, id int64, do func() error) error {
	if err := d.allow(ctx, p, a, fmt.Sprintf("operator:#%d", id)); err != nil {
		return err
	}
	return do()
}

// SetRoles changes what a person may do, or has the change wait for a second person.
func (d *Desk) SetRoles(ctx context.Context, p operator.Principal, id int64, roles operator.Roles, reason string) (Outcome, error) {
	o, err := d.o.People.Show(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	roles, err = operator.ParseRoles(roles.Names()...)
	if err != nil {
		return Outcome{}, err
	}
	return d.run(ctx, p, &roleChange{Operator: id, Name: o.Name, Was: o.Roles, Roles: roles}, reason)
}

// roleChange changes what somebody may do.
type roleChange struct {
	Operator int64          `json:"operator"`
	Name     string         `json:"name"`
	Was      operator.Roles `json:"was"`
	Roles    operator.Roles `json:"roles"`
}

func (c *roleChange) act() operator.Act { return operator.OperatorRoles }
func (c *roleChange) object() string    { return operator.Object(c.Name) }

func (c *roleChange) plan(ctx context.Context, d *Desk) (Plan, error) {
	o, err := d.o.People.Show(ctx, c.Operator)
	if err != nil {
		return Plan{}, err
	}
	is, to := strings.Join(o.Roles.Names(), ", "), strings.Join(c.Roles.Names(), ", ")
	return Plan{
		Text: fmt.Sprintf("%s becomes %s. Their sessions end.", o.Name, to), Accounts: NoAccounts,
		Facts: []Fact{{"operator", o.Name}, {"address", o.Email}, {"is now", is}, {"becomes", to}}, Basis: basis(o.Name, is, moment(o.DisabledAt)),
	}, nil
}

func (c *roleChange) carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error) {
	return nil, d.o.People.SetRoles(ctx, c.Operator, c.Was, c.Roles, actor)
}

// ListClients gives the programs that may call the API.
func (d *Desk) ListClients(ctx context.Context, p operator.Principal) ([]client.Client, error) {
	if err := d.allow(ctx, p, operator.ReadClients, "clients"); err != nil {
		return nil, err
	}
	return d.o.Clients.Clients(ctx)
}

// CreateClient makes a client and its key, which is given once. A nil expires means never.
func (d *Desk) CreateClient(ctx context.Context, p operator.Principal, name, scope string, expires *time.Time) (client.Client, string, error) {
	if err := d.allow(ctx, p, operator.ClientCreate, "client:"+name); err != nil {
		return client.Client{}, "", err
	}
	return client.CreateUntil(ctx, d.o.Clients, name, scope, expires, p.Actor())
}

// RevokeClient ends a client; its next call is refused.
func (d *Desk) RevokeClient(ctx context.Context, p operator.Principal, name string) (client.Client, error) {
	if err := d.allow(ctx, p, operator.ClientRevoke, "client:"+name); err != nil {
		return client.Client{}, err
	}
	return client.Revoke(ctx, d.o.Clients, name, p.Actor())
}

// SigningKey is a key that signs links, without the key.
type SigningKey struct {
	ID                   string
	State                string // signing, verifying, reissue-only, gone or revoked
	CreatedAt            time.Time
	RetiredAt, RevokedAt *time.Time
}

// SigningKeys gives the keys with their states, the newest first.
func (d *Desk) SigningKeys(ctx context.Context, p operator.Principal) ([]SigningKey, error) {
	if err := d.allow(ctx, p, operator.ReadKeys, "keys"); err != nil {
		return nil, err
	}
	keys, err := d.o.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	list := make([]SigningKey, len(keys))
	for i, k := range keys {
		list[i] = SigningKey{k.ID, k.State(now).String(), k.CreatedAt, k.RetiredAt, k.RevokedAt}
	}
	return list, nil
}

// RotateKey lets a new key sign; the old one goes on verifying until its last link ends.
func (d *Desk) RotateKey(ctx context.Context, p operator.Principal) (kid string, err error) {
	if err := d.allow(ctx, p, operator.KeyRotate, "keys"); err != nil {
		return "", err
	}
	return d.o.Keys.Rotate(ctx, false, p.Actor())
}

// PlanKeyRevocation is what both people are shown before a key is revoked.
func (d *Desk) PlanKeyRevocation(ctx context.Context, p operator.Principal, kid string) (Plan, error) {
	return d.show(ctx, p, &keyRevocation{KID: kid})
}

// RevokeKey refuses everything one key signed, or has that wait for a second person.
func (d *Desk) RevokeKey(ctx context.Context, p operator.Principal, kid, reason string) (Outcome, error) {
	return d.run(ctx, p, &keyRevocation{KID: kid}, reason)
}

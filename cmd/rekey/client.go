package main

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

type clientCmd struct {
	Create clientCreateCmd `cmd:"" help:"Make a client and print its key, once."`
	List   clientListCmd   `cmd:"" help:"List all clients."`
	Revoke clientRevokeCmd `cmd:"" help:"End a client; its next call is refused."`
}

// clientRow is a client as programs read it.
type clientRow struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Scope      string     `json:"scope"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"`  // to the minute
	Key        string     `json:"key,omitempty"` // of create alone
}

func clientRowOf(c client.Client) clientRow {
	return clientRow{ID: c.ID, Name: c.Name, Scope: c.Scope, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, RevokedAt: c.RevokedAt, LastUsedAt: c.LastUsedAt}
}

type clientCreateCmd struct {
	Name    string `arg:"" help:"What you call it."`
	Scope   string `required:"" enum:"login,import,admin" placeholder:"login|import|admin" help:"What it may call: login (verify, gate, introspect), import (accounts), admin."`
	Expires string `placeholder:"TIME" help:"When the key stops working by itself, as 2012-06-17 or 2012-06-17T12:00:00Z."`
}

func (clientCreateCmd) Help() string {
	return `The key is shown here and never again; the database keeps only its SHA-256. Send it as "Authorization: Bearer KEY".

Example:

    rekey client create website --scope login
    rekey client create nightly-import --scope import --expires 2027-01-01`
}

func (*clientCreateCmd) deed() deed { return does(operator.ClientCreate) }

func (c *clientCreateCmd) Run(ctx context.Context, s *session) error {
	expires, err := parseTime("expires", c.Expires)
	if err != nil {
		return err
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	made, key, err := o.CreateClient(ctx, c.Name, c.Scope, expires)
	if err != nil {
		return err
	}
	row := clientRowOf(made)
	row.Key = key
	return s.show(row, func(p *page) {
		p.row("client", row.Name)
		p.row("scope", row.Scope)
		if row.ExpiresAt != nil {
			p.row("expires", *row.ExpiresAt)
		}
		p.row("key", row.Key)
		p.line("Keep the key now: it is not shown again.")
	})
}

type clientListCmd struct{}

func (clientListCmd) Help() string {
	return `Revoked ones too. No key is shown: none is kept.

Example:

    rekey client list`
}

func (*clientListCmd) deed() deed { return reads(operator.ReadClients) }

func (c *clientListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	clients, err := o.Clients(ctx)
	if err != nil {
		return err
	}
	rows := []clientRow{}
	for _, one := range clients {
		rows = append(rows, clientRowOf(one))
	}
	return s.show(map[string]any{"clients": rows}, func(p *page) {
		p.row("CLIENT", "SCOPE", "CREATED", "LAST USED", "EXPIRES", "REVOKED")
		for _, r := range rows {
			p.row(r.Name, r.Scope, r.CreatedAt, r.LastUsedAt, r.ExpiresAt, r.RevokedAt)
		}
	})
}

type clientRevokeCmd struct {
	Name string `arg:"" help:"The client."`
}

func (clientRevokeCmd) Help() string {
	return `Acts on every replica from the next call on. Make the new client before you revoke the old one.

Example:

    rekey client revoke website --yes`
}

func (c *clientRevokeCmd) deed() deed {
	return destroys(operator.ClientRevoke, operator.ReadClients, "client:"+c.Name)
}

func (c *clientRevokeCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		live, err := liveClient(ctx, o, c.Name)
		if err != nil {
			return err
		}
		return s.dry(live, func(p *page) {
			p.line("Client %s (%s) would be refused from its next call on; no account is touched.", live.Name, live.Scope)
		})
	}
	revoked, err := o.RevokeClient(ctx, c.Name)
	if err != nil {
		return err
	}
	return s.show(clientRowOf(revoked), func(p *page) { p.line("Client %s is revoked.", revoked.Name) })
}

func liveClient(ctx context.Context, o office, name string) (clientRow, error) {
	clients, err := o.Clients(ctx)
	if err != nil {
		return clientRow{}, err
	}
	for _, c := range clients {
		if c.Name == name && c.RevokedAt == nil {
			return clientRowOf(c), nil
		}
	}
	return clientRow{}, problem.New(problem.NotFound, "There is no live client of that name.")
}

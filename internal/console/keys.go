package console

import (
	"time"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// keyring is the page of the signing keys and of the programs that call the API.
type keyring struct {
	Keys    []desk.SigningKey
	Clients []program
}

// program is a client on the page.
type program struct {
	client.Client
	Live    bool
	Expired bool
}

func (c *Console) keys(r *call) error {
	ctx := r.Request.Context()
	var page keyring
	keys, err := c.o.Desk.SigningKeys(ctx, r.who)
	if err != nil {
		return err
	}
	page.Keys = keys
	now := time.Now()
	clients, err := c.o.Desk.ListClients(ctx, r.who)
	if err != nil {
		return err
	}
	for _, one := range clients {
		page.Clients = append(page.Clients, program{one, one.Live(now), one.RevokedAt == nil && !one.Live(now)})
	}
	return r.page("keys", page)
}

func (c *Console) rotateKey(r *call) error {
	kid, err := c.o.Desk.RotateKey(r.work(), r.who)
	if err != nil {
		return err
	}
	r.say("New links are signed with key " + kid + ". Links that are out go on working until they end.")
	r.see("/keys")
	return nil
}

// revocation is the page before a key is revoked.
type revocation struct {
	Kid    string
	Plan   desk.Plan
	Second bool
	Reason string
}

func (c *Console) planRevokeKey(r *call) error {
	page, err := c.revocation(r)
	if err != nil {
		return err
	}
	return r.page("key-revoke", page)
}

func (c *Console) revocation(r *call) (revocation, error) {
	kid := r.Param("kid")
	plan, err := c.o.Desk.PlanKeyRevocation(r.Request.Context(), r.who, kid)
	return revocation{Kid: kid, Plan: plan, Second: c.o.Desk.ForTwo(r.who, plan, operator.KeyRevoke), Reason: r.PostForm("reason")}, err
}

func (c *Console) revokeKey(r *call) error {
	outcome, err := c.o.Desk.RevokeKey(r.work(), r.who, r.Param("kid"), r.PostForm("reason"))
	if err != nil {
		page, reading := c.revocation(r)
		if reading != nil {
			return err
		}
		return r.again("key-revoke", page, err)
	}
	return r.came(outcome, "/keys", "The key is revoked. Whoever holds a link that it signed asks for another.")
}

// newProgram is the form for a client, and what was typed into it.
type newProgram struct{ Name, Scope, Expires string }

func (c *Console) typedProgram(r *call) newProgram {
	return newProgram{r.PostForm("name"), r.DefaultPostForm("scope", client.ScopeLogin), r.PostForm("expires")}
}

func (c *Console) newClient(r *call) error { return r.page("client-new", c.typedProgram(r)) }

func (c *Console) createClient(r *call) error {
	typed := c.typedProgram(r)
	var expires *time.Time
	if typed.Expires != "" {
		day, err := time.Parse(time.DateOnly, typed.Expires)
		if err != nil {
			return r.again("client-new", typed, &problem.Error{Kind: problem.Unprocessable, Code: "expires", Text: "Write the last day as 2027-01-31."})
		}
		end := day.AddDate(0, 0, 1)
		expires = &end
	}
	created, key, err := c.o.Desk.CreateClient(r.work(), r.who, typed.Name, typed.Scope, expires)
	if err != nil {
		return r.again("client-new", typed, err)
	}
	return r.page("made", made{
		What: "Key of client " + created.Name, Name: created.Name, Secret: key, Until: created.ExpiresAt, Back: "/keys", Where: "Keys and clients",
		Hint: "The program sends it as “Authorization: Bearer KEY”. The database keeps its SHA-256 alone.",
	})
}

// planRevokeClient says what revoking a client does.
func (c *Console) planRevokeClient(r *call) error {
	clients, err := c.o.Desk.ListClients(r.Request.Context(), r.who)
	if err != nil {
		return err
	}
	for _, one := range clients {
		if one.Name == r.Param("name") && one.RevokedAt == nil {
			return r.page("client-revoke", one)
		}
	}
	return problem.New(problem.NotFound, "There is no live client of that name.")
}

func (c *Console) revokeClient(r *call) error {
	gone, err := c.o.Desk.RevokeClient(r.work(), r.who, r.Param("name"))
	if err != nil {
		return err
	}
	r.say("Client " + gone.Name + " is revoked. Its next call is refused.")
	r.see("/keys")
	return nil
}

// keyRoutes are the signing keys and the programs that call the API.
func (c *Console) keyRoutes() []route {
	return []route{
		{get, "/keys", operator.ReadKeys, c.keys},
		{post, "/keys/rotate", operator.KeyRotate, c.rotateKey},
		{get, "/keys/:kid/revoke", operator.KeyRevoke, c.planRevokeKey},
		{post, "/keys/:kid/revoke", operator.KeyRevoke, c.revokeKey},
		{get, "/new-client", operator.ClientCreate, c.newClient},
		{post, "/new-client", operator.ClientCreate, c.createClient},
		{get, "/clients/:name/revoke", operator.ClientRevoke, c.planRevokeClient},
		{post, "/clients/:name/revoke", operator.ClientRevoke, c.revokeClient},
	}
}

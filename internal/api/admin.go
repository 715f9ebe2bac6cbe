package api

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// AdminOptions is what the admin API needs. Everything but Uses is required.
type AdminOptions struct {
	Desk     *desk.Desk
	Tokens   operator.TokenStore
	Clients  client.Store
	Uses     *client.Uses // told of right client keys; nil: nobody is
	Limits   ratelimit.Source
	AdminURL string // where operators reach it, no trailing slash
	Version  string // of Rekey, for the description
}

// Admin answers operators' programs under /v1/admin, on the admin address alone. It decides nothing: every route names its act, and the desk
// judges it. Make one with NewAdmin.
type Admin struct {
	o        AdminOptions
	https    bool
	door     door
	openapi  []byte
	requests schemas
}

// NewAdmin describes the API and fails with what is missing in the options.
func NewAdmin(o AdminOptions) (*Admin, error) {
	if o.Desk == nil || o.Tokens == nil || o.Clients == nil || o.Limits == nil {
		return nil, errors.New("api: the desk, the tokens, the clients or the limits are missing")
	}
	u, err := url.Parse(o.AdminURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("api: the admin URL is not an absolute one")
	}
	a := &Admin{o: o, https: u.Scheme == "https", door: door{limits: o.Limits}}
	if a.openapi, a.requests, err = describeAdmin(a.routes(), o.AdminURL, o.Version); err != nil {
		return nil, fmt.Errorf("api: describing the admin interface: %w", err)
	}
	return a, nil
}

// adminPrefix is where every admin route is.
const adminPrefix = "/v1/admin"

// Routes registers every route for operators' programs. They belong on the admin address.
func (a *Admin) Routes(r gin.IRouter) {
	group := r.Group(adminPrefix, server.APIHeaders(a.https), server.RenderWith(server.JSON))
	for _, rt := range a.routes() {
		handlers := []gin.HandlerFunc{server.MaxBody(rt.bodyLimit()), a.answer(rt)}
		if rt.method == get {
			server.Get(group, rt.path, handlers...)
		} else {
			group.Handle(rt.method, rt.path, handlers...)
		}
	}
	server.Get(group, "/openapi.json", server.Limit(a.o.Limits, ratelimit.Flood, server.ClientNetwork), noQuery, a.description)
}

// Route is a route as tests and documents list it.
type Route struct {
	Method, Path string // the path as in the OpenAPI document
	Act          operator.Act
	Example      any    // of the JSON body; nil: {} or none
	Takes        string // media type of a body that is no JSON
}

// Table lists every route with its act.
func (a *Admin) Table() []Route {
	var list []Route
	for _, rt := range a.routes() {
		list = append(list, Route{rt.method, rt.documented(), rt.act, rt.example, rt.takes})
	}
	return list
}

// principal tells in whose name a key acts. A client of another scope is nobody with a right, so that its attempt is recorded like everybody's.
// Errors: Unauthorized, Limited, Unavailable.
func (a *Admin) principal(ctx context.Context, c *gin.Context) (operator.Principal, error) {
	key, ok := bearer(c)
	if !ok {
		return operator.Principal{}, errNoKey
	}
	hash := client.HashKey(key)
	if err := a.door.knock(ctx, c, hash); err != nil {
		return operator.Principal{}, err
	}
	who, err := a.whose(ctx, key)
	return who, a.door.settle(ctx, c, hash, err)
}

// errNoKey is the answer to every key that is not good, so that it does not tell which kind it was taken for.
var errNoKey = problem.New(problem.Unauthorized, "A valid operator token or client key of scope admin is needed: Authorization: Bearer TOKEN.")

func (a *Admin) whose(ctx context.Context, key string) (operator.Principal, error) {
	if operator.IsToken(key) {
		p, err := operator.Authenticate(ctx, a.o.Tokens, key)
		return p, sameRefusal(err)
	}
	c, err := client.Authenticate(ctx, a.o.Clients, key, client.ScopeAdmin)
	p := operator.Program(c.ID, c.Name)
	switch {
	case errors.Is(err, client.ErrScope):
		p.Roles, err = nil, nil
	case err == nil:
		a.o.Uses.Saw(client.HashKey(key))
	}
	return p, sameRefusal(err)
}

func sameRefusal(err error) error {
	if problem.Is(err, problem.Unauthorized) {
		return errNoKey
	}
	return err
}

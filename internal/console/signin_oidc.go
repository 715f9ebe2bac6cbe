package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Provider is the company's sign-in.
type Provider struct {
	Issuer       string // its URL; "": there is none
	ClientID     string
	ClientSecret string // "": a public client, which PKCE protects alone
}

// returnPath is where the provider sends people back to: the redirect URI to register there.
const returnPath = "/sign-in/return"

// providerTime bounds each call to the provider.
const providerTime = 10 * time.Second

// provider is discovered when somebody first needs it, so that one that is down stops neither the start nor any other way in.
type provider struct {
	o        Provider
	callback string
	client   *http.Client

	mu    sync.Mutex
	found *oidc.Provider
}

func newProvider(o Provider, callback string) *provider {
	return &provider{o: o, callback: callback, client: &http.Client{Timeout: providerTime}}
}

// errandAbroad is a visit to the provider: what was asked, and what must come back with the answer.
type errandAbroad struct {
	For      string    `json:"for"` // an errand of those below
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE (RFC 7636)
	Since    time.Time `json:"since"`
	Next     string    `json:"next,omitempty"`
}

// What people visit the provider for.
const (
	toSignIn  = "sign-in"
	toEnrol   = "enrol"
	toConfirm = "confirm"
	toBind    = "bind"
)

func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	// The provider keeps the context for later key fetches, so it must not end with the request; the client's timeout bounds each.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.o.Issuer)
	if err != nil {
		return nil, problem.Wrap(problem.Unavailable, "Your company's sign-in does not answer. Try again in a minute, or sign in another way.", err)
	}
	p.found = found
	return found, nil
}

func (p *provider) config(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.callback,
		Scopes: []string{oidc.ScopeOpenID, "email"},
	}
}

// begin gives the address to go to, and what to remember (OpenID Connect Core §3.1.2.1). fresh asks that the person proves themself anew.
func (p *provider) begin(ctx context.Context, what, next string, fresh bool) (string, *errandAbroad, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	a := &errandAbroad{For: what, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Since: time.Now(), Next: next}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.config(found).AuthCodeURL(a.State, options...), a, nil
}

// errAbroad is the answer to every return that does not fit; the log has the cause.
func errAbroad(cause string) error {
	return problem.Wrap(problem.Unauthorized, "Your company's sign-in did not confirm who you are. Try again.", errors.New(cause))
}

// finish exchanges the code, and verifies what comes for it: signature, issuer, audience and times by go-oidc; state, nonce and the answer's issuer (RFC 9207) here.
func (p *provider) finish(ctx context.Context, a *errandAbroad, answer url.Values) (signin.Claims, error) {
	switch {
	case a == nil || !same(answer.Get("state"), a.State):
		return signin.Claims{}, errAbroad("the state is not this browser's")
	case answer.Has("iss") && answer.Get("iss") != p.o.Issuer:
		return signin.Claims{}, errAbroad("the answer is another issuer's")
	case answer.Get("code") == "":
		return signin.Claims{}, errAbroad("there is no code")
	}
	found, err := p.discover(ctx)
	if err != nil {
		return signin.Claims{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.config(found).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return signin.Claims{}, exchangeFailed(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return signin.Claims{}, errAbroad("the ID token does not verify")
	}
	if !same(id.Nonce, a.Nonce) {
		return signin.Claims{}, errAbroad("the nonce is not this browser's")
	}
	return claimsOf(id)
}

// exchangeFailed tells a provider that refuses from one that is away. Its answer is not repeated: it may quote what was sent.
func exchangeFailed(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return errAbroad("the provider refused the code: " + refused.ErrorCode)
	}
	return problem.New(problem.Unavailable, "Your company's sign-in does not answer. Try again in a minute, or sign in another way.")
}

func claimsOf(id *oidc.IDToken) (signin.Claims, error) {
	var more struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		AuthTime int64  `json:"auth_time"`
	}
	if err := id.Claims(&more); err != nil {
		return signin.Claims{}, errAbroad("the claims cannot be read")
	}
	c := signin.Claims{Issuer: id.Issuer, Subject: id.Subject, Email: more.Email, EmailVerified: more.Verified}
	if more.AuthTime > 0 {
		c.AuthTime = time.Unix(more.AuthTime, 0)
	}
	return c, nil
}

func same(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// goAbroad remembers what is asked of the provider, and shows a page that leads there. It is a page and no redirect, because a form's policy holds for where its answer leads, too.
func (c *Console) goAbroad(r *call, what, next string) error {
	if c.provider == nil {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	where, a, err := c.provider.begin(r.Request.Context(), what, next, what == toConfirm)
	if err != nil {
		return err
	}
	c.guard.keep(r.Request.Context(), func(m *memory) { m.Abroad = a })
	return r.page("abroad", where)
}

// back from the provider: what was asked for is done with what it says. A state works once.
func (c *Console) backFromAbroad(r *call) error {
	if c.provider == nil {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	ctx := r.Request.Context()
	a := c.guard.memory(ctx).Abroad
	c.guard.keep(ctx, func(m *memory) { m.Abroad = nil })
	claims, err := c.provider.finish(ctx, a, r.Request.URL.Query())
	if err != nil {
		return c.atDoor(r, a, err)
	}
	switch a.For {
	case toEnrol:
		return c.enrolled(r, claims)
	case toConfirm, toBind:
		return c.ownAbroad(r, a, claims)
	}
	e, err := c.o.Door.OIDC(ctx, claims, visitor(r))
	if err != nil {
		return c.atDoor(r, a, err)
	}
	return c.enter(r, e, a.Next)
}

// Package client keeps the programs that may call the API: it makes keys, shows each once, and tells whose key it was given.
// The API and cmd call it; it imports no other noun.
package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Scopes say what a client may call.
const (
	ScopeLogin  = "login"  // verify, gate, introspect
	ScopeImport = "import" // accounts
	ScopeAdmin  = "admin"  // operators' acts
)

// Client is one program.
type Client struct {
	ID         int64
	Name       string
	Scope      string
	CreatedAt  time.Time
	ExpiresAt  *time.Time // nil: it never stops by itself
	RevokedAt  *time.Time
	LastUsedAt *time.Time // to the minute
}

// Live tells whether its key works.
func (c Client) Live(now time.Time) bool {
	return c.RevokedAt == nil && (c.ExpiresAt == nil || now.Before(*c.ExpiresAt))
}

// prefix makes a key recognisable to people and to scanners for leaked secrets.
const prefix = "rekey_"

// Store keeps clients.
type Store interface {
	// CreateClient keeps name, scope and expiry; Conflict if a live client has the name, Invalid if it would have ended already.
	CreateClient(ctx context.Context, c Client, keySHA256 []byte, entry audit.Entry) (Client, error)
	Clients(ctx context.Context) ([]Client, error)
	// RevokeClient ends a live client by name; NotFound if there is none.
	RevokeClient(ctx context.Context, name string, entry audit.Entry) (Client, error)
	// ClientByKey finds a live client; false if there is none.
	ClientByKey(ctx context.Context, keySHA256 []byte) (Client, bool, error)
}

var named = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Create makes a client and its key, which is given here and never again: only its SHA-256 is kept, which is enough for 256 random bits.
// It never stops by itself; CreateUntil makes one that does.
func Create(ctx context.Context, s Store, name, scope string, actor audit.Actor) (Client, string, error) {
	return CreateUntil(ctx, s, name, scope, nil, actor)
}

// CreateUntil is Create of a client whose key stops working at expires, unless that is nil. Errors: Invalid, Conflict.
func CreateUntil(ctx context.Context, s Store, name, scope string, expires *time.Time, actor audit.Actor) (Client, string, error) {
	if !named.MatchString(name) {
		return Client{}, "", problem.New(problem.Invalid, "A client's name is 1 to 63 letters, digits, dots, hyphens and underscores.")
	}
	if !slices.Contains([]string{ScopeLogin, ScopeImport, ScopeAdmin}, scope) {
		return Client{}, "", problem.New(problem.Invalid, "The scope is login, import or admin.")
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Client{}, "", err
	}
	key := prefix + base64.RawURLEncoding.EncodeToString(random[:])
	detail := audit.Detail{"scope": scope}
	if expires != nil {
		detail["expires_at"] = expires.UTC().Format(time.RFC3339)
	}
	c, err := s.CreateClient(ctx, Client{Name: name, Scope: scope, ExpiresAt: expires}, HashKey(key), audit.New(actor, audit.ClientCreate, "client:"+name, detail))
	return c, key, err
}

// Revoke ends a client; its next call is refused.
func Revoke(ctx context.Context, s Store, name string, actor audit.Actor) (Client, error) {
	return s.RevokeClient(ctx, name, audit.New(actor, audit.ClientRevoke, "client:"+name, nil))
}

// HashKey is what the database knows a key by.
func HashKey(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// Authenticate tells whose key it is. Errors: Unauthorized for an unknown, expired or revoked key, Forbidden for another scope.
func Authenticate(ctx context.Context, s Store, key, scope string) (Client, error) {
	c, ok, err := s.ClientByKey(ctx, HashKey(key))
	switch {
	case err != nil:
		return Client{}, err
	case !ok:
		return Client{}, ErrUnknownKey
	case c.Scope != scope:
		return c, ErrScope
	}
	return c, nil
}

// The two refusals, the same wherever a key is checked.
var (
	ErrUnknownKey = problem.New(problem.Unauthorized, "A valid client key is needed: Authorization: Bearer KEY.")
	ErrScope      = problem.New(problem.Forbidden, "This client's scope does not cover the call.")
)

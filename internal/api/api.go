// Package api is what login services call: verify, gate, introspection, accounts, the public keys and the description of it all.
// It promises that no answer holds a value that was sent in a refused request, and that a key, password, token or hash is never logged. Only cmd calls it.
package api

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
)

// Verifier checks passwords, see account.Verifier.
type Verifier interface {
	Verify(ctx context.Context, r account.VerifyRequest) (account.Verdict, error)
}

// Gater says what is dead, see account.Gater. It also tells whose key it was, in the same statement: Unauthorized, Forbidden.
type Gater interface {
	Check(ctx context.Context, keySHA256 []byte, checks []account.GateCheck) ([]account.GateAnswer, error)
}

// Introspector looks at reset tokens, see reset.Service.
type Introspector interface {
	Introspect(ctx context.Context, token string) (reset.Introspection, error)
}

// Accounts keeps accounts current, see account.Directory.
type Accounts interface {
	Put(ctx context.Context, r account.PutRequest, actor audit.Actor) (account.Change, error)
	SetPasswordHash(ctx context.Context, r account.PasswordRequest, actor audit.Actor) (account.Change, error)
	Get(ctx context.Context, subject string) (account.Profile, error)
	Delete(ctx context.Context, subject string, actor audit.Actor) (account.Change, error)
}

// Options is what the API needs. Everything but Deadline is required.
type Options struct {
	Verifier     Verifier
	Gater        Gater
	Introspector Introspector
	Accounts     Accounts
	Clients      client.Store
	Uses         *client.Uses                              // told of right keys; nil: nobody is
	JWKS         func(ctx context.Context) ([]byte, error) // the public keys now, RFC 7517 §5
	Limits       ratelimit.Source
	LimitKeys    ratelimit.Keyer // the Gater's own, so that both charge one bucket
	PublicURL    string          // issuer of the tokens, no trailing slash
	Version      string          // of Rekey, for the description
	Deadline     time.Duration   // for one call; 20 s if 0
}

// defaultDeadline is longer than the wait in the hashing queue and shorter than a proxy's patience.
const defaultDeadline = 20 * time.Second

// API answers the routes for login services. Make one with New.
type API struct {
	o        Options
	https    bool
	openapi  []byte
	requests schemas
	door     door
}

// New describes the API and fails with what is missing in the options.
func New(o Options) (*API, error) {
	if o.Verifier == nil || o.Gater == nil || o.Introspector == nil || o.Accounts == nil || o.Clients == nil || o.JWKS == nil || o.Limits == nil {
		return nil, errors.New("api: a use case, the clients, the keys or the limits are missing")
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" {
		return nil, errors.New("api: the public URL is not an absolute one")
	}
	if o.Deadline == 0 {
		o.Deadline = defaultDeadline
	}
	a := &API{o: o, https: public.Scheme == "https", door: door{limits: o.Limits, uses: o.Uses}}
	if a.openapi, a.requests, err = describe(o.PublicURL, o.Version); err != nil {
		return nil, fmt.Errorf("api: describing the interface: %w", err)
	}
	return a, nil
}

package api

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// maxKey is longer than any key ever made.
const maxKey = 256

// keyOf reads the key and refuses its look-up to an address that has sent too many wrong ones. A key that was right the last time is
// looked up in any case, so that a stranger behind the same address keeps nobody out.
func (a *API) keyOf(ctx context.Context, c *gin.Context) (call, error) {
	key, ok := bearer(c)
	if !ok {
		return call{}, client.ErrUnknownKey
	}
	who := call{keySHA256: client.HashKey(key)}
	if _, proven := a.proven.Load(string(who.keySHA256)); !proven {
		if err := a.peek(ctx, c); err != nil {
			return call{}, err
		}
	}
	return who, nil
}

// authenticate tells whose key it is. Errors: Unauthorized, Forbidden, Limited, Unavailable.
func (a *API) authenticate(ctx context.Context, c *gin.Context, scope string) (call, error) {
	who, err := a.keyOf(ctx, c)
	if err != nil {
		return call{}, err
	}
	key, _ := bearer(c)
	who.client, err = client.Authenticate(ctx, a.o.Clients, key, scope)
	if err := a.settle(ctx, c, who.keySHA256, err); err != nil {
		return call{}, err
	}
	who.subject, _, _ = accountPath(c.Request.URL)
	return who, nil
}

// settle remembers whether the key was right, and charges the address for a wrong one. It gives err back, or the limit that is reached.
func (a *API) settle(ctx context.Context, c *gin.Context, keySHA256 []byte, err error) error {
	switch {
	case err == nil:
		a.o.Uses.Saw(keySHA256)
		if _, known := a.proven.Load(string(keySHA256)); !known {
			a.proven.Store(string(keySHA256), nil)
		}
	case problem.Is(err, problem.Unauthorized):
		a.proven.Delete(string(keySHA256))
		if over := ratelimit.Charge(ctx, a.o.Limits, ratelimit.KeyAddress, server.ClientNetwork(c), 1); over != nil {
			return over
		}
	}
	return err
}

// peek looks whether the address has a wrong key left, and puts it straight back: right keys cost nothing.
func (a *API) peek(ctx context.Context, c *gin.Context) error {
	address := server.ClientNetwork(c)
	if err := ratelimit.Charge(ctx, a.o.Limits, ratelimit.KeyAddress, address, 1); err != nil {
		return err
	}
	return a.o.Limits.Give(ctx, ratelimit.KeyAddress, address, 1)
}

// bearer reads the one Authorization header (RFC 6750 §2.1).
func bearer(c *gin.Context) (string, bool) {
	values := c.Request.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || key == "" || len(key) > maxKey {
		return "", false
	}
	return key, !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// chargeCalls charges a client's calls that are no gate and no verify to the same bucket as its gates: it guards the same database.
func (a *API) chargeCalls(ctx context.Context, who call) error {
	return ratelimit.Charge(ctx, a.o.Limits, ratelimit.GateKey, a.o.LimitKeys.Key("gate", string(who.keySHA256)), 1)
}

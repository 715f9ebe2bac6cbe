package api

import (
	"context"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// maxKey is longer than any key ever made.
const maxKey = 256

// door lets keys in, and limits the wrong ones of an address. Both APIs have one.
type door struct {
	limits ratelimit.Source
	uses   *client.Uses // told of right keys; nil: nobody is
	proven sync.Map     // SHA-256 of keys that were right the last time, as string; at most as many as there are keys
}

// keyOf reads the key and refuses its look-up to an address that has sent too many wrong ones. A key that was right the last time is
// looked up in any case, so that a stranger behind the same address keeps nobody out.
func (a *API) keyOf(ctx context.Context, c *gin.Context) (call, error) {
	key, ok := bearer(c)
	if !ok {
		return call{}, client.ErrUnknownKey
	}
	who := call{keySHA256: client.HashKey(key)}
	return who, a.door.knock(ctx, c, who.keySHA256)
}

func (d *door) knock(ctx context.Context, c *gin.Context, keySHA256 []byte) error {
	if _, proven := d.proven.Load(string(keySHA256)); proven {
		return nil
	}
	return d.peek(ctx, c)
}

// authenticate tells whose key it is. Errors: Unauthorized, Forbidden, Limited, Unavailable.
func (a *API) authenticate(ctx context.Context, c *gin.Context, scope string) (call, error) {
	who, err := a.keyOf(ctx, c)
	if err != nil {
		return call{}, err
	}
	key, _ := bearer(c)
	who.client, err = client.Authenticate(ctx, a.o.Clients, key, scope)
	if err := a.door.settle(ctx, c, who.keySHA256, err); err != nil {
		return call{}, err
	}
	who.subject, _, _ = accountPath(c.Request.URL)
	return who, nil
}

// settle remembers whether the key was right, and charges the address for a wrong one. It gives err back, or the limit that is reached.
func (d *door) settle(ctx context.Context, c *gin.Context, keySHA256 []byte, err error) error {
	switch {
	case err == nil:
		d.uses.Saw(keySHA256)
		if _, known := d.proven.Load(string(keySHA256)); !known {
			d.proven.Store(string(keySHA256), nil)
		}
	case problem.Is(err, problem.Unauthorized):
		d.proven.Delete(string(keySHA256))
		if over := ratelimit.Charge(ctx, d.limits, ratelimit.KeyAddress, server.ClientNetwork(c), 1); over != nil {
			return over
		}
	}
	return err
}

// peek looks whether the address has a wrong key left, and puts it straight back: right keys cost nothing.
func (d *door) peek(ctx context.Context, c *gin.Context) error {
	address := server.ClientNetwork(c)
	if err := ratelimit.Charge(ctx, d.limits, ratelimit.KeyAddress, address, 1); err != nil {
		return err
	}
	return d.limits.Give(ctx, ratelimit.KeyAddress, address, 1)
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

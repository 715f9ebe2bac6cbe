package reset

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/token"
)

// SealedKey is a signing key as the database keeps it: nothing in it is trusted until the private half has been opened with the master key.
type SealedKey struct {
	ID                   string
	JWK                  string // public half, RFC 7517
	Sealed               []byte
	CreatedAt            time.Time
	RetiredAt, RevokedAt *time.Time
}

// KeyStore keeps signing keys.
type KeyStore interface {
	SigningKeys(ctx context.Context) ([]SealedKey, error)
	// AddFirstKey stores a key unless there is a signing one already; false: there was.
	AddFirstKey(ctx context.Context, k SealedKey, entry audit.Entry) (bool, error)
	// RotateKey retires the signing key, revokes it and all others if told to, and stores a new one, in one transaction.
	RotateKey(ctx context.Context, k SealedKey, revoke bool, entry audit.Entry) error
	// RevokeKey revokes one key and, if it was the signing one, stores next in its place. NotFound if there is no such live key.
	RevokeKey(ctx context.Context, kid string, next SealedKey, entry audit.Entry) error
	// RewrapKeys replaces the sealed halves, all or none.
	RewrapKeys(ctx context.Context, keys []SealedKey, entry audit.Entry) error
}

// Keys is the ring of signing keys of this process, kept fresh from the database. It is safe for concurrent use.
type Keys struct {
	store  KeyStore
	master secret.Master
	issuer string

	mu     sync.Mutex
	ring   *token.Ring
	loaded time.Time
}

const (
	ringAge    = 5 * time.Second // a rotation elsewhere is known here after this at the latest
	reloadLeap = time.Second     // unknown kids, which anybody can make up, reload at most this often
)

// NewKeys makes a ring for tokens issued as issuer, the public URL.
func NewKeys(store KeyStore, master secret.Master, issuer string) *Keys {
	return &Keys{store: store, master: master, issuer: issuer}
}

// Ensure makes the first signing key if there is none yet. Several processes at once end with one.
func (k *Keys) Ensure(ctx context.Context, actor audit.Actor) error {
	keys, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, s := range keys {
		if s.RetiredAt == nil && s.RevokedAt == nil {
			return nil
		}
	}
	sealed, err := k.newKey()
	if err != nil {
		return err
	}
	_, err = k.store.AddFirstKey(ctx, sealed, audit.New(actor, audit.KeyCreate, "key:"+sealed.ID, nil))
	return err
}

// Rotate lets a new key sign. Old ones go on verifying until their last token ends, or with revoke are refused at once:
// the way after a leak, or after a backup was restored.
func (k *Keys) Rotate(ctx context.Context, revoke bool, actor audit.Actor) (kid string, err error) {
	sealed, err := k.newKey()
	if err != nil {
		return "", err
	}
	return sealed.ID, k.store.RotateKey(ctx, sealed, revoke, audit.New(actor, audit.KeyRotate, "key:"+sealed.ID, audit.Detail{"revoke": revoke}))
}

// Revoke refuses everything one key signed, and lets a new one sign if it was the signing one.
func (k *Keys) Revoke(ctx context.Context, kid string, actor audit.Actor) error {
	next, err := k.newKey()
	if err != nil {
		return err
	}
	return k.store.RevokeKey(ctx, kid, next, audit.New(actor, audit.KeyRevoke, "key:"+kid, nil))
}

// Rewrap seals every private half under a new master key. Typed codes and failure counts made under the old one end with it.
func (k *Keys) Rewrap(ctx context.Context, next secret.Master, actor audit.Actor) (int, error) {
	keys, err := k.store.SigningKeys(ctx)
	if err != nil {
		return 0, err
	}
	for i, s := range keys {
		opened, err := k.open(s)
		if err != nil {
			return 0, err
		}
		if keys[i].Sealed, err = opened.SealPrivate(next); err != nil {
			return 0, err
		}
	}
	return len(keys), k.store.RewrapKeys(ctx, keys, audit.New(actor, audit.KeyRewrap, "keys", audit.Detail{"keys": len(keys)}))
}

// List gives the keys with their states now, newest first.
func (k *Keys) List(ctx context.Context) ([]token.Key, error) {
	keys, err := k.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	opened := make([]token.Key, len(keys))
	for i, s := range keys {
		if opened[i], err = k.open(s); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

// Ring gives the ring, at most a few seconds old. While the database is down the last one stays in use: what it signs and
// accepts is decided by the database anyway.
func (k *Keys) Ring(ctx context.Context) (*token.Ring, error) { return k.fresh(ctx, ringAge) }

func (k *Keys) fresh(ctx context.Context, age time.Duration) (*token.Ring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring != nil && time.Since(k.loaded) < age {
		return k.ring, nil
	}
	keys, err := k.List(ctx)
	if err == nil {
		k.ring, err = token.NewRing(k.issuer, keys)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the signing keys: %w", err)
	}
	k.loaded = time.Now()
	return k.ring, nil
}

// parse reads a token, loading the keys once more when it names one that is not known yet.
func (k *Keys) parse(ctx context.Context, read func(*token.Ring) (token.Claims, error)) (token.Claims, error) {
	ring, err := k.Ring(ctx)
	if err != nil {
		return token.Claims{}, err
	}
	claims, err := read(ring)
	if !token.IsUnknownKey(err) {
		return claims, err
	}
	if ring, err = k.fresh(ctx, reloadLeap); err != nil {
		return token.Claims{}, err
	}
	return read(ring)
}

func (k *Keys) newKey() (SealedKey, error) {
	key, err := token.NewKey(time.Now())
	if err != nil {
		return SealedKey{}, err
	}
	sealed, err := key.SealPrivate(k.master)
	if err != nil {
		return SealedKey{}, err
	}
	jwk, err := key.JWK()
	return SealedKey{ID: key.ID, JWK: string(jwk), Sealed: sealed, CreatedAt: key.CreatedAt}, err
}

// open trusts the sealed half alone: whoever can write the table but has no master key cannot plant a key.
func (k *Keys) open(s SealedKey) (token.Key, error) {
	private, err := token.OpenPrivate(k.master, s.ID, s.Sealed)
	if err != nil {
		return token.Key{}, problem.Wrap(problem.Unavailable, "A signing key does not open under this master key.", fmt.Errorf("key %s: %w", s.ID, err))
	}
	return token.Key{ID: s.ID, Private: private, Public: &private.PublicKey, CreatedAt: s.CreatedAt, RetiredAt: s.RetiredAt, RevokedAt: s.RevokedAt}, nil
}

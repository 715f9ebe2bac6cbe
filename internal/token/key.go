package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// State is what a key may be used for at a moment. It follows from the key's times, nothing has to be run to move it on.
type State int

// The states: signing → verifying → reissue-only → gone, and revoked from any of them. The zero value is good for nothing.
const (
	Gone        State = iota // no token of it is accepted any more
	Signing                  // may sign; of several, the ring signs with the newest
	Verifying                // retired; tokens it signed may live still
	ReissueOnly              // its tokens have all ended; they can be exchanged for fresh ones
	Revoked                  // leaked, or older than a restored backup: no token of it is accepted anywhere
)

// String is the state's name, as operators read it.
func (s State) String() string {
	return [...]string{"gone", "signing", "verifying", "reissue-only", "revoked"}[s]
}

// Key is one ES256 key pair: P-256 with SHA-256 (RFC 7518 §3.4).
type Key struct {
	ID      string            // kid: RFC 7638 thumbprint of Public
	Private *ecdsa.PrivateKey `json:"-"` // nil: this process can only verify
	Public  *ecdsa.PublicKey  `json:"-"`

	CreatedAt time.Time
	RetiredAt *time.Time // signs no longer from then on
	RevokedAt *time.Time // set: refused everywhere, whatever the moment, for clocks differ
}

// NewKey makes a key that may sign from now on. One in 64 thumbprints begins with a hyphen: such a key is thrown away, for a command line would take its id for a flag.
func NewKey(now time.Time) (Key, error) {
	for {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return Key{}, fmt.Errorf("making a signing key: %w", err)
		}
		id, err := thumbprint(&private.PublicKey)
		if err != nil {
			return Key{}, fmt.Errorf("making a signing key: %w", err)
		}
		if !strings.HasPrefix(id, "-") {
			return Key{ID: id, Private: private, Public: &private.PublicKey, CreatedAt: now}, nil
		}
	}
}

// State is the key's state at a moment. A retired key verifies for MaxLife, as long as its last token can live, and is then reissue-only for ReissueFor.
func (k Key) State(now time.Time) State {
	if k.RevokedAt != nil {
		return Revoked
	}
	if k.RetiredAt == nil || now.Before(*k.RetiredAt) {
		return Signing
	}
	ended := k.RetiredAt.Add(MaxLife)
	if now.Before(ended) {
		return Verifying
	}
	if now.Before(ended.Add(ReissueFor)) {
		return ReissueOnly
	}
	return Gone
}

// check holds a key to its own claims, so that a row changed in the database cannot pass one key off as another.
func (k Key) check() error {
	if k.Public == nil {
		return problem.New(problem.Internal, "signing key without its public half")
	}
	id, err := thumbprint(k.Public)
	if err != nil {
		return err
	}
	if id != k.ID {
		return problem.New(problem.Internal, "signing key whose kid is not its thumbprint")
	}
	if k.Private != nil && !k.Private.PublicKey.Equal(k.Public) {
		return problem.New(problem.Internal, "signing key whose halves do not belong together")
	}
	return nil
}

// SealPrivate gives the private half (PKCS #8, RFC 5958) sealed under the master key and bound to the kid, to be stored. It never leaves the process otherwise.
func (k Key) SealPrivate(master secret.Master) ([]byte, error) {
	if k.Private == nil {
		return nil, problem.New(problem.Internal, "sealing a signing key without its private half")
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("sealing signing key %s: %w", k.ID, err)
	}
	sealed, err := master.Seal(secret.KeySealing, der, []byte(k.ID))
	if err != nil {
		return nil, fmt.Errorf("sealing signing key %s: %w", k.ID, err)
	}
	return sealed, nil
}

// OpenPrivate gives the private half back, and with it a public half that can be trusted: who can write the table but lacks the master key cannot make a key that opens.
// So keys are loaded through it even where they only verify. It fails with secret.ErrSealed under another master key or kid, and where what was sealed is not the key the kid names.
func OpenPrivate(master secret.Master, kid string, sealed []byte) (*ecdsa.PrivateKey, error) {
	der, err := master.Open(secret.KeySealing, sealed, []byte(kid))
	if err != nil {
		return nil, fmt.Errorf("opening signing key %s: %w", kid, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("opening signing key %s: %w", kid, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, problem.New(problem.Internal, "the sealed signing key is not an ECDSA key")
	}
	key := Key{ID: kid, Private: private, Public: &private.PublicKey}
	if err := key.check(); err != nil {
		return nil, fmt.Errorf("opening signing key %s: %w", kid, err)
	}
	return private, nil
}

// Package token mints and parses reset tokens and typed codes and keeps the ring of signing keys; it promises to give out no claim whose signature it has not checked, and does no I/O.
// The use cases, delivery and the store's key rows may call it; no other package imports golang-jwt.
package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

const (
	// MaxLife is the longest a link or code may live, from hand-off to the mail server (NIST SP 800-63B-4: 24 hours).
	MaxLife = 24 * time.Hour
	// ReissueFor is how long after the last token of a retired key has ended such a token can still be exchanged for a fresh one.
	ReissueFor = 400 * 24 * time.Hour
	// Leeway is how far ahead of ours the clock of the replica that minted a token may be. Nothing is added to exp.
	Leeway = 30 * time.Second
	// MaxBytes is the longest token that is looked at. The longest that is minted is shorter, see maxIssuer.
	MaxBytes = 1024
)

// Claims is what a reset token says: this account, at this version of its credential, may set a new password until it expires.
// The token is one-time because using it needs Version to be the account's still, and dies early when Epoch is no longer the account's.
type Claims struct {
	Account  int64 // sub: accounts.id, ≥ 1
	Campaign int64 // cid: the campaign that wrote it, 0 when the member asked
	Version  int64 // ver: accounts.credential_version at minting
	Epoch    int64 // epoch: the highest epoch of the campaigns that cover the account, at minting

	ID        string    // jti: 128 random bits, base64url; fit for a log
	KeyID     string    // kid of the key that signed it
	IssuedAt  time.Time // iat, whole seconds, UTC
	ExpiresAt time.Time // exp, whole seconds, UTC: dead from this moment on
}

var (
	// ErrNotOurs is the one answer to every token that is not well signed, whatever the reason: a caller who tells reasons apart builds an oracle.
	ErrNotOurs = problem.New(problem.Invalid, "this link is damaged or was not made by us")
	// ErrExpired is the answer to a well-signed token that is too old. Parse gives its claims beside it.
	ErrExpired = problem.New(problem.Gone, "this link has expired")

	errUnknownKey = fmt.Errorf("the signing key is not in the ring: %w", ErrNotOurs)
)

// IsUnknownKey reports whether a token has our form but names a key that is not in the ring, as after a rotation elsewhere: load the keys and try once more.
// Anybody can write such a token, so a caller loads at most once every few seconds.
func IsUnknownKey(err error) bool { return errors.Is(err, errUnknownKey) }

package token

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// idBytes is the length of a jti: 128 bits.
const idBytes = 16

// A token has exactly one spelling: this header and the members of Claims.appendPayload, in this order, without white space.
// Changing it makes every token in the mail unreadable, unless Parse learns both.
const (
	headerStart = `{"alg":"ES256","kid":"`
	headerEnd   = `","typ":"reset+jwt"}`
)

func header(kid string) string { return b64.EncodeToString([]byte(headerStart + kid + headerEnd)) }

func payloadStart(issuer, audience string) string {
	return `{"iss":"` + issuer + `","aud":"` + audience + `","sub":"`
}

// appendPayload writes the claims in their one spelling. start is payloadStart of the ring.
func (c Claims) appendPayload(b []byte, start string) []byte {
	b = append(b, start...)
	b = strconv.AppendInt(b, c.Account, 10)
	b = append(append(append(b, `","jti":"`...), c.ID...), '"')
	for _, number := range [...]struct {
		name  string
		value int64
	}{
		{`,"iat":`, c.IssuedAt.Unix()},
		{`,"exp":`, c.ExpiresAt.Unix()},
		{`,"cid":`, c.Campaign},
		{`,"ver":`, c.Version},
		{`,"epoch":`, c.Epoch},
	} {
		b = strconv.AppendInt(append(b, number.name...), number.value, 10)
	}
	return append(b, '}')
}

// Mint signs a reset token for an account at this version of its credential, and gives the claims it made.
// issued is the moment of hand-off and counts in whole seconds, rounded down; life is from 1 second to MaxLife. Minting writes nothing anywhere.
func (r *Ring) Mint(account, campaign, version, epoch int64, issued time.Time, life time.Duration) (string, Claims, error) {
	if life < time.Second || life > MaxLife {
		return "", Claims{}, problem.Newf(problem.Internal, "minting a token: life must be from one second to %s", MaxLife)
	}
	key, err := r.signer(issued)
	if err != nil {
		return "", Claims{}, fmt.Errorf("minting a token: %w", err)
	}
	issued = issued.UTC().Truncate(time.Second)
	c := Claims{
		Account: account, Campaign: campaign, Version: version, Epoch: epoch,
		ID: newID(), KeyID: key.ID, IssuedAt: issued, ExpiresAt: issued.Add(life.Truncate(time.Second)),
	}
	if !c.sane() {
		return "", Claims{}, problem.New(problem.Internal, "minting a token: account, campaign, version, epoch or time out of range")
	}
	token, err := key.sign(c, r.payload)
	if err != nil {
		return "", Claims{}, fmt.Errorf("minting a token for account %d: %w", account, err)
	}
	return token, c, nil
}

func newID() string {
	var id [idBytes]byte
	rand.Read(id[:])
	return b64.EncodeToString(id[:])
}

func (k *ringKey) sign(c Claims, payloadStart string) (string, error) {
	var space [MaxBytes]byte
	payload := c.appendPayload(space[:0], payloadStart)
	signed := make([]byte, 0, MaxBytes)
	signed = b64.AppendEncode(append(signed, k.header...), payload)
	signature, err := jwt.SigningMethodES256.Sign(string(signed), k.Private)
	if err != nil {
		return "", err
	}
	lowerS(signature)
	return string(b64.AppendEncode(append(signed, '.'), signature)), nil
}

// ECDSA accepts (r, n-s) wherever it accepts (r, s), so anybody can write a second signature for a token. Of the two we make and take the one with s ≤ n/2.
var (
	order     = elliptic.P256().Params().N
	halfOrder = new(big.Int).Rsh(order, 1).FillBytes(make([]byte, coordinate))
)

func isLowS(signature []byte) bool {
	return len(signature) == 2*coordinate && bytes.Compare(signature[coordinate:], halfOrder) <= 0
}

func lowerS(signature []byte) {
	if isLowS(signature) {
		return
	}
	s := signature[coordinate:]
	new(big.Int).Sub(order, new(big.Int).SetBytes(s)).FillBytes(s)
}

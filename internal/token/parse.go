package token

import (
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// parser is told to be strict; all it leaves open (typ, crit, twice-named and miscased members, exp, aud, times) is closed by readHeader and read.
var parser = jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())

// wire is what golang-jwt makes of a payload.
type wire struct {
	jwt.RegisteredClaims
	Campaign int64 `json:"cid"`
	Version  int64 `json:"ver"`
	Epoch    int64 `json:"epoch"`
}

// Parse gives the claims of a token that is well signed and alive at now. It fails with
//   - ErrNotOurs, whatever is wrong with form, signature or claims, and for revoked and gone keys; see IsUnknownKey;
//   - ErrExpired, with the claims, when the token is well signed and its time is over, or its key is reissue-only, which only an ended token can name honestly.
//
// Whether the token is used or superseded is not known here: the store compares Version and Epoch.
func (r *Ring) Parse(token string, now time.Time) (Claims, error) {
	c, state, err := r.read(token, now)
	if err != nil {
		return Claims{}, err
	}
	if state == ReissueOnly || !now.Before(c.ExpiresAt) {
		return c, ErrExpired
	}
	return c, nil
}

// ParseForReissue is Parse for the exchange of a link for a fresh one, sent to the address on file: expired tokens and reissue-only keys will do.
// What it gives is no authority to set a password.
func (r *Ring) ParseForReissue(token string, now time.Time) (Claims, error) {
	c, _, err := r.read(token, now)
	return c, err
}

// read checks everything but whether the token has ended, and gives the state of its key.
//
// The rule that closes what JSON and JWT parsers let pass is one: what golang-jwt made of the payload, written again in our one spelling, must be the very bytes that were signed.
// Members that are unknown, missing, repeated, miscased, null, of another type or out of order all fail it.
func (r *Ring) read(token string, now time.Time) (Claims, State, error) {
	encodedHeader, payload, signature, ok := split(token)
	if !ok {
		return Claims{}, Gone, ErrNotOurs
	}
	kid, ok := readHeader(encodedHeader)
	if !ok {
		return Claims{}, Gone, ErrNotOurs
	}
	key, known := r.byID[kid]
	if !known {
		return Claims{}, Gone, errUnknownKey
	}
	state := key.State(now)
	if state == Revoked || state == Gone || !isLowS(signature) {
		return Claims{}, Gone, ErrNotOurs
	}
	var w wire
	if _, err := parser.ParseWithClaims(token, &w, func(*jwt.Token) (any, error) { return key.Public, nil }); err != nil {
		return Claims{}, Gone, ErrNotOurs
	}
	c, ok := w.claims(kid)
	if !ok || string(c.appendPayload(nil, r.payload)) != string(payload) || c.IssuedAt.After(now.Add(Leeway)) {
		return Claims{}, Gone, ErrNotOurs
	}
	return c, state, nil
}

// split checks the length first and the alphabet by decoding. Go's base64 skips line breaks, which are refused before.
func split(token string) (encodedHeader string, payload, signature []byte, ok bool) {
	if len(token) > MaxBytes || strings.ContainsAny(token, "\r\n") {
		return "", nil, nil, false
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", nil, nil, false
	}
	payload, errPayload := b64.DecodeString(parts[1])
	signature, errSignature := b64.DecodeString(parts[2])
	return parts[0], payload, signature, errPayload == nil && errSignature == nil
}

// readHeader takes our one spelling with any kid of the right form, and nothing else: no other alg or typ, no crit, jku, jwk, x5u, x5c, b64.
func readHeader(encoded string) (kid string, ok bool) {
	raw, err := b64.DecodeString(encoded)
	if err != nil {
		return "", false
	}
	kid, start := strings.CutPrefix(string(raw), headerStart)
	kid, end := strings.CutSuffix(kid, headerEnd)
	thumb, err := b64.DecodeString(kid)
	return kid, start && end && err == nil && len(thumb) == 32
}

// claims turns what the parser read into ours. Issuer and audience are not looked at: they stand in the payload's fixed start.
func (w wire) claims(kid string) (Claims, bool) {
	if w.IssuedAt == nil || w.ExpiresAt == nil {
		return Claims{}, false
	}
	account, err := strconv.ParseInt(w.Subject, 10, 64)
	if err != nil {
		return Claims{}, false
	}
	c := Claims{
		Account: account, Campaign: w.Campaign, Version: w.Version, Epoch: w.Epoch,
		ID: w.ID, KeyID: kid, IssuedAt: w.IssuedAt.UTC(), ExpiresAt: w.ExpiresAt.UTC(),
	}
	return c, c.sane()
}

// maxUnix is the last second a token may name, in the year 9999, so that no difference of two times overflows.
const maxUnix = 253402300799

// sane holds for every set of claims that is minted, and is asked of every one that is parsed.
func (c Claims) sane() bool {
	id, err := b64.DecodeString(c.ID)
	if err != nil || len(id) != idBytes {
		return false
	}
	issued, expires := c.IssuedAt.Unix(), c.ExpiresAt.Unix()
	if issued <= 0 || expires > maxUnix || expires <= issued || expires-issued > int64(MaxLife/time.Second) {
		return false
	}
	return c.Account > 0 && c.Campaign >= 0 && c.Version >= 0 && c.Epoch >= 0
}

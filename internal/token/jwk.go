package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// b64 is JWS's base64url without padding (RFC 7515 §2); strict, so that a text has one meaning and a meaning one text.
var b64 = base64.RawURLEncoding.Strict()

// coordinate is the length of x and y on P-256, in bytes.
const coordinate = 32

// jwk is a public EC key as RFC 7517 §4 and RFC 7518 §6.2.1 write it. There is no field for the private d, so it can be neither written nor read.
type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
}

func (k Key) jwk() (jwk, error) {
	x, y, err := coordinates(k.Public)
	if err != nil {
		return jwk{}, err
	}
	return jwk{Type: "EC", Curve: "P-256", X: x, Y: y, Use: "sig", Algorithm: "ES256", ID: k.ID}, nil
}

// JWK is the public half as a JSON Web Key: kty, crv, x, y, use, alg, kid.
func (k Key) JWK() ([]byte, error) {
	public, err := k.jwk()
	if err != nil {
		return nil, fmt.Errorf("writing signing key %s: %w", k.ID, err)
	}
	return json.Marshal(public)
}

// ParseJWK reads what JWK wrote: a Key with ID and Public alone. It refuses other members, other algorithms, points off the curve, and a kid that is not the thumbprint.
func ParseJWK(text []byte) (Key, error) {
	var public jwk
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&public); err != nil {
		return Key{}, fmt.Errorf("reading a signing key: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Key{}, problem.New(problem.Internal, "reading a signing key: more than one value")
	}
	point, err := public.point()
	if err != nil {
		return Key{}, fmt.Errorf("reading a signing key: %w", err)
	}
	key := Key{ID: public.ID, Public: point}
	if err := key.check(); err != nil {
		return Key{}, fmt.Errorf("reading a signing key: %w", err)
	}
	return key, nil
}

func (j jwk) point() (*ecdsa.PublicKey, error) {
	if j.Type != "EC" || j.Curve != "P-256" || j.Use != "sig" || j.Algorithm != "ES256" {
		return nil, problem.New(problem.Internal, "not a P-256 key for ES256 signatures")
	}
	x, errX := b64.DecodeString(j.X)
	y, errY := b64.DecodeString(j.Y)
	if errX != nil || errY != nil || len(x) != coordinate || len(y) != coordinate {
		return nil, problem.New(problem.Internal, "coordinates that are not 32 bytes in base64url")
	}
	uncompressed := append(append([]byte{4}, x...), y...) // SEC 1 §2.3.3
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), uncompressed)
}

func coordinates(public *ecdsa.PublicKey) (x, y string, err error) {
	if public == nil || public.Curve != elliptic.P256() {
		return "", "", problem.New(problem.Internal, "not a P-256 key")
	}
	point, err := public.Bytes()
	if err != nil {
		return "", "", err
	}
	return b64.EncodeToString(point[1 : 1+coordinate]), b64.EncodeToString(point[1+coordinate:]), nil
}

// thumbprint is the SHA-256 JWK thumbprint in base64url, 43 symbols (RFC 7638 §3).
func thumbprint(public *ecdsa.PublicKey) (string, error) {
	x, y, err := coordinates(public)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
	return b64.EncodeToString(sum[:]), nil
}

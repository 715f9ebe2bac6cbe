package token

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// maxIssuer keeps the longest token that can be minted under MaxBytes; the issuer is in it twice. The longest claims have a test.
const maxIssuer = 200

// audiencePath makes the audience from the issuer.
const audiencePath = "/reset"

// Ring is one snapshot of the signing keys. It never changes, so any number of goroutines may use it; when the keys change, make another.
type Ring struct {
	issuer, audience string
	payload          string // the start of every token's payload, see Claims.appendPayload
	keys             []ringKey
	byID             map[string]*ringKey
}

type ringKey struct {
	Key
	header string // encoded, with its dot: the same for every token of the key
}

// NewRing takes the public URL (http or https, no trailing slash) and every key that is not gone; revoked ones too, so that they are known and refused.
// A ring without a key that can sign is good for parsing.
func NewRing(issuer string, keys []Key) (*Ring, error) {
	if err := checkIssuer(issuer); err != nil {
		return nil, err
	}
	r := &Ring{issuer: issuer, audience: issuer + audiencePath, byID: make(map[string]*ringKey, len(keys))}
	r.payload = payloadStart(r.issuer, r.audience)
	for _, key := range keys {
		if err := key.check(); err != nil {
			return nil, fmt.Errorf("putting signing key %s on the ring: %w", key.ID, err)
		}
		r.keys = append(r.keys, ringKey{Key: key, header: header(key.ID) + "."})
	}
	slices.SortFunc(r.keys, newestFirst)
	for i := range r.keys {
		id := r.keys[i].ID
		if r.byID[id] != nil {
			return nil, problem.Newf(problem.Internal, "signing key %s is on the ring twice", id)
		}
		r.byID[id] = &r.keys[i]
	}
	return r, nil
}

// newestFirst breaks ties by kid, so that every replica signs with the same key.
func newestFirst(a, b ringKey) int {
	if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// checkIssuer refuses what would need escaping in JSON, or make two spellings of one issuer.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") ||
		strings.ContainsAny(issuer, "?#\"\\<>&") || strings.HasSuffix(issuer, "/") {
		return problem.New(problem.Invalid, "the public URL must be http or https with a host, without user, query, fragment or trailing slash")
	}
	if len(issuer) > maxIssuer || strings.ContainsFunc(issuer, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return problem.Newf(problem.Invalid, "the public URL must be at most %d bytes of printable ASCII", maxIssuer)
	}
	return nil
}

// signer is the newest key that may sign and whose private half is here.
func (r *Ring) signer(now time.Time) (*ringKey, error) {
	for i := range r.keys {
		if key := &r.keys[i]; key.Private != nil && key.State(now) == Signing {
			return key, nil
		}
	}
	return nil, problem.New(problem.Internal, "no key on the ring can sign: rotate the keys")
}

// JWKS is the public key set (RFC 7517 §5, application/jwk-set+json): the keys whose tokens may live, newest first. Reissue-only keys concern nobody but us.
func (r *Ring) JWKS(now time.Time) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range r.keys {
		if state := key.State(now); state != Signing && state != Verifying {
			continue
		}
		public, err := key.jwk()
		if err != nil {
			return nil, fmt.Errorf("publishing signing key %s: %w", key.ID, err)
		}
		set.Keys = append(set.Keys, public)
	}
	return json.Marshal(set)
}

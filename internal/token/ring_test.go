package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
)

const issuer = "https://reset.example.org"

var now = time.Date(2011, 6, 17, 9, 30, 0, 0, time.UTC)

func newKey(t testing.TB, created time.Time) Key {
	t.Helper()
	key, err := NewKey(created)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRing(t testing.TB, keys ...Key) *Ring {
	t.Helper()
	ring, err := NewRing(issuer, keys)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func mint(t testing.TB, ring *Ring, at time.Time, life time.Duration) (string, Claims) {
	t.Helper()
	token, claims, err := ring.Mint(42, 7, 3, 5, at, life)
	if err != nil {
		t.Fatal(err)
	}
	return token, claims
}

func retired(k Key, at time.Time) Key { k.RetiredAt = &at; return k }
func revoked(k Key, at time.Time) Key { k.RevokedAt = &at; return k }

// Each state, and on each side of every border: what the key still does for a token it signed while it could.
func TestKeyStates(t *testing.T) {
	t.Parallel()
	key := newKey(t, now)
	token, claims := mint(t, newRing(t, key), now, MaxLife)
	for _, step := range []struct {
		name           string
		key            Key
		at             time.Time
		state          State
		parse, reissue error
		published      bool
	}{
		{"fresh", key, now, Signing, nil, nil, true},
		{"signing, token ended", key, now.Add(MaxLife), Signing, ErrExpired, nil, true},
		{"years later, never retired", key, now.AddDate(5, 0, 0), Signing, ErrExpired, nil, true},
		{"to be retired", retired(key, now.Add(time.Hour)), now.Add(time.Hour - 1), Signing, nil, nil, true},
		{"retired", retired(key, now.Add(time.Hour)), now.Add(time.Hour), Verifying, nil, nil, true},
		{"last moment of verifying", retired(key, now), now.Add(MaxLife - 1), Verifying, nil, nil, true},
		{"reissue-only", retired(key, now), now.Add(MaxLife), ReissueOnly, ErrExpired, nil, false},
		{"reissue-only, token not ended", retired(key, now.Add(-MaxLife)), now, ReissueOnly, ErrExpired, nil, false},
		{"last moment of reissue", retired(key, now), now.Add(MaxLife + ReissueFor - 1), ReissueOnly, ErrExpired, nil, false},
		{"gone", retired(key, now), now.Add(MaxLife + ReissueFor), Gone, ErrNotOurs, ErrNotOurs, false},
		{"revoked", revoked(key, now), now, Revoked, ErrNotOurs, ErrNotOurs, false},
		{"revoked by a clock ahead of ours", revoked(key, now.Add(time.Hour)), now, Revoked, ErrNotOurs, ErrNotOurs, false},
		{"revoked after retiring", revoked(retired(key, now), now), now.Add(time.Hour), Revoked, ErrNotOurs, ErrNotOurs, false},
	} {
		ring := newRing(t, step.key)
		if state := step.key.State(step.at); state != step.state {
			t.Errorf("%s: state %v, want %v", step.name, state, step.state)
		}
		got, err := ring.Parse(token, step.at)
		if !errors.Is(err, step.parse) || (err == nil) != (step.parse == nil) {
			t.Errorf("%s: Parse: %v, want %v", step.name, err, step.parse)
		}
		if want := claims; step.parse == ErrNotOurs && got != (Claims{}) || step.parse != ErrNotOurs && got != want {
			t.Errorf("%s: Parse gave %+v", step.name, got)
		}
		if _, err := ring.ParseForReissue(token, step.at); !errors.Is(err, step.reissue) || (err == nil) != (step.reissue == nil) {
			t.Errorf("%s: ParseForReissue: %v, want %v", step.name, err, step.reissue)
		}
		set, err := ring.JWKS(step.at)
		if err != nil || bytes.Contains(set, []byte(step.key.ID)) != step.published {
			t.Errorf("%s: published %v, want %v (%v)", step.name, !step.published, step.published, err)
		}
		if _, _, err := ring.Mint(1, 0, 0, 0, step.at, time.Hour); (err == nil) != (step.state == Signing) {
			t.Errorf("%s: Mint: %v", step.name, err)
		}
	}
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	want := "gone signing verifying reissue-only revoked"
	if got := fmt.Sprint(Gone, Signing, Verifying, ReissueOnly, Revoked); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRingSignsWithTheNewest(t *testing.T) {
	t.Parallel()
	old, newer, newest := newKey(t, now.Add(-2)), newKey(t, now.Add(-1)), newKey(t, now)
	publicOnly := newest
	publicOnly.Private = nil
	for _, c := range []struct {
		name string
		keys []Key
		want Key
	}{
		{"in any order", []Key{newer, newest, old}, newest},
		{"not the retired", []Key{old, newer, retired(newest, now)}, newer},
		{"not the revoked", []Key{revoked(newest, now), newer, old}, newer},
		{"not one without its private half", []Key{old, publicOnly}, old},
	} {
		ring := newRing(t, c.keys...)
		token, claims := mint(t, ring, now, time.Hour)
		if claims.KeyID != c.want.ID {
			t.Errorf("%s: signed with another key", c.name)
		}
		if _, err := ring.Parse(token, now); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, _, err := newRing(t, publicOnly).Mint(1, 0, 0, 0, now, time.Hour); !problem.Is(err, problem.Internal) {
		t.Errorf("minted without a private key: %v", err)
	}
}

// After a rotation elsewhere a token names a key that is not here yet; nothing else may look like that, or strangers make us load keys more cheaply.
func TestUnknownKey(t *testing.T) {
	t.Parallel()
	here, elsewhere := newKey(t, now), newKey(t, now)
	token, _ := mint(t, newRing(t, elsewhere), now, time.Hour)
	_, err := newRing(t, here).Parse(token, now)
	if !IsUnknownKey(err) || !errors.Is(err, ErrNotOurs) || problem.KindOf(err) != problem.Invalid {
		t.Errorf("unknown key: %v", err)
	}
	if shown := problem.DetailsOf(err, ""); shown != problem.DetailsOf(ErrNotOurs, "") {
		t.Errorf("the answer tells an unknown key apart: %+v", shown)
	}
	if _, err := newRing(t, here, elsewhere).Parse(token, now); err != nil {
		t.Errorf("after loading: %v", err)
	}
	_, err = newRing(t, here, revoked(elsewhere, now)).Parse(token, now)
	if IsUnknownKey(err) || !errors.Is(err, ErrNotOurs) {
		t.Errorf("revoked key: %v", err)
	}
}

func TestNewRingRefuses(t *testing.T) {
	t.Parallel()
	key, other := newKey(t, now), newKey(t, now)
	halves, renamed, bare := key, key, key
	halves.Private = other.Private
	renamed.ID = other.ID
	bare.Public = nil
	wrongCurve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]Key{
		"halves of two keys":     {halves},
		"a kid of another key":   {renamed},
		"no public half":         {bare},
		"the same key twice":     {key, key},
		"a key on another curve": {{ID: "x", Public: &wrongCurve.PublicKey}},
	} {
		if _, err := NewRing(issuer, keys); !problem.Is(err, problem.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{
		"", "reset.example.org", "ftp://reset.example.org", "https://", issuer + "/", issuer + "?a=b", issuer + "#f", "https://u:p@reset.example.org",
		`https://reset.example.org/"x`, "https://reset.example.org/a b", "https://réset.example.org", issuer + "/" + strings.Repeat("a", maxIssuer),
	} {
		if _, err := NewRing(url, nil); !problem.Is(err, problem.Invalid) {
			t.Errorf("issuer %q: %v", url, err)
		}
	}
	for _, url := range []string{issuer, "http://127.0.0.1:8080", "https://example.org/rekey", "http://[::1]:8080"} {
		if _, err := NewRing(url, nil); err != nil {
			t.Errorf("issuer %q: %v", url, err)
		}
	}
}

func TestSealedPrivateKey(t *testing.T) {
	t.Parallel()
	master, key, other := secret.NewMaster(), newKey(t, now), newKey(t, now)
	sealed, err := key.SealPrivate(master)
	if err != nil {
		t.Fatal(err)
	}
	private, err := OpenPrivate(master, key.ID, sealed)
	if err != nil || !private.Equal(key.Private) {
		t.Errorf("opened another key: %v", err)
	}
	if _, err := OpenPrivate(master, other.ID, sealed); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("opened under another kid: %v", err)
	}
	if _, err := OpenPrivate(secret.NewMaster(), key.ID, sealed); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("opened under another master key: %v", err)
	}
	misnamed := key
	misnamed.ID = other.ID
	if sealed, err = misnamed.SealPrivate(master); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPrivate(master, other.ID, sealed); err == nil {
		t.Error("opened a key that is not the one its kid names")
	}
	if _, err := (Key{ID: key.ID, Public: key.Public}).SealPrivate(master); err == nil {
		t.Error("sealed a key without its private half")
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	t.Parallel()
	key := newKey(t, now)
	raw, err := key.Private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", key, "ring", newRing(t, key))
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", key, "ring", newRing(t, key))
	fmt.Fprintf(&out, "%v %+v %#v", key, key, key)
	d := new(big.Int).SetBytes(raw)
	for _, trace := range []string{d.String(), d.Text(16), fmt.Sprintf("%d", raw)} {
		if strings.Contains(out.String(), trace) {
			t.Error("printed a private key")
		}
	}
}

func TestJWKRoundTripAndRefusals(t *testing.T) {
	t.Parallel()
	key, other := newKey(t, now), newKey(t, now)
	text, err := key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseJWK(text)
	if err != nil || got.ID != key.ID || !got.Public.Equal(key.Public) || got.Private != nil {
		t.Fatalf("round trip: %+v %v", got, err)
	}
	x, y, err := coordinates(key.Public)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, replacement string) string {
		t.Helper()
		changed := strings.Replace(string(text), old, replacement, 1)
		if changed == string(text) {
			t.Fatalf("no %q to replace", old)
		}
		return changed
	}
	for name, bad := range map[string]string{
		"another kid":      swap(key.ID, other.ID),
		"a private key":    swap(`"use"`, `"d":"AAAA","use"`),
		"another curve":    swap("P-256", "P-384"),
		"another alg":      swap("ES256", "HS256"),
		"for encryption":   swap(`"sig"`, `"enc"`),
		"symmetric":        swap(`"EC"`, `"oct"`),
		"off the curve":    swap(y, x),
		"short coordinate": swap(x, x[:40]),
		"two values":       string(text) + string(text),
		"nothing":          "",
	} {
		if _, err := ParseJWK([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Other people's libraries must read our key set and our tokens: the set is for services that verify tokens themselves.
func TestOtherLibrariesReadUs(t *testing.T) {
	t.Parallel()
	old, current := retired(newKey(t, now.Add(-time.Hour)), now), newKey(t, now)
	ring := newRing(t, old, current)
	text, err := ring.JWKS(now)
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%d keys (%v)", len(set.Keys), err)
	}
	for i, want := range []Key{current, old} {
		read, err := jwkset.NewJWKFromRawJSON(set.Keys[i], jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if m := read.Marshal(); m.KID != want.ID || m.USE != "sig" || m.ALG != "ES256" || !want.Public.Equal(read.Key()) {
			t.Errorf("key %d read as %+v", i, m)
		}
	}
	token, claims := mint(t, ring, now, time.Hour)
	var seen jwt.MapClaims
	read, err := jwt.ParseWithClaims(token, &seen, func(*jwt.Token) (any, error) { return current.Public, nil },
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithIssuer(issuer), jwt.WithAudience(issuer+"/reset"), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithJSONNumber())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "kid": current.ID, "typ": "reset+jwt"}, read.Header); diff != "" {
		t.Error(diff)
	}
	number := func(n int64) json.Number { return json.Number(fmt.Sprint(n)) }
	want := jwt.MapClaims{
		"iss": issuer, "aud": issuer + "/reset", "sub": "42", "jti": claims.ID, "iat": number(now.Unix()), "exp": number(now.Unix() + 3600),
		"cid": number(7), "ver": number(3), "epoch": number(5),
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// An empty set is a list, not null (RFC 7517 §5.1).
func TestEmptyJWKS(t *testing.T) {
	t.Parallel()
	if text, err := newRing(t).JWKS(now); err != nil || string(text) != `{"keys":[]}` {
		t.Errorf("%s %v", text, err)
	}
}

// The key is the EC key of RFC 7517 appendix A.1, the value computed with another implementation (Python hashlib).
func TestThumbprintVector(t *testing.T) {
	t.Parallel()
	public, err := jwk{
		Type: "EC", Curve: "P-256", Use: "sig", Algorithm: "ES256",
		X: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", Y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
	}.point()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := thumbprint(public); err != nil || got != thumbprintVector {
		t.Errorf("%s %v, want %s", got, err, thumbprintVector)
	}
}

const thumbprintVector = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"

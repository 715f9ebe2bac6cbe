package password

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"golang.org/x/crypto/argon2"
)

// Info says what a stored hash string is. It holds no part of salt or digest, so it may be shown and logged.
type Info struct {
	Scheme     string        // the family: "argon2id", "bcrypt", "django-sha1", …, or "unknown"
	Label      string        // scheme and cost, such as "argon2id:m=19456,t=2,p=1"; "argon2id:refused" when not verifiable, "unknown"
	Verifiable bool          // whether Verify computes anything for it
	Memory     int64         // bytes one comparison allocates
	Work       time.Duration // rough time on a fast core: puts schemes in order, promises nothing
	Reason     string        // why it is not verifiable
}

// stored is a hash string that was read and found within bounds.
type stored struct {
	cost   string // the label's part after the colon, empty where the scheme has no cost
	memory int64
	work   time.Duration
	params Params // for argon2id and bcrypt, so that weaker ones can be told
	match  func(pw string) (bool, error)
}

// scheme is one row of the table of hash formats.
type scheme struct {
	prefix string
	name   string
	read   func(rest string) (stored, error) // strict; the error is the reason and quotes nothing
	sample func(cost string) string          // the rest of a string of that cost with a made-up digest
}

// schemes is every format Rekey can tell. The first row of a name makes its samples.
var schemes = []scheme{
	{"$argon2id$", "argon2id", readArgon2("argon2id", argon2.IDKey), sampleArgon2},
	{"$argon2i$", "argon2i", readArgon2("argon2i", argon2.Key), sampleArgon2},
	{"$2b$", "bcrypt", readBcrypt("$2b$"), sampleBcrypt},
	{"$2a$", "bcrypt", readBcrypt("$2a$"), nil},
	{"$2y$", "bcrypt", readBcrypt("$2y$"), nil},
	{"$2x$", "bcrypt", never("made by the sign-extension bug of crypt_blowfish; needs a reset"), nil},
	{"$2$", "bcrypt", never("the original bcrypt without a terminating NUL"), nil},
	{"$pbkdf2-sha256$", "pbkdf2-sha256", readPBKDF2(pbkdf2SHA256), samplePBKDF2(pbkdf2SHA256)},
	{"$pbkdf2-sha512$", "pbkdf2-sha512", readPBKDF2(pbkdf2SHA512), samplePBKDF2(pbkdf2SHA512)},
	{"$pbkdf2-sha1$", "pbkdf2-sha1", readPBKDF2(pbkdf2SHA1), samplePBKDF2(pbkdf2SHA1)},
	{"$pbkdf2$", "pbkdf2-sha1", readPBKDF2(pbkdf2SHA1), nil},
	{"$scrypt$", "scrypt", readScrypt, sampleScrypt},
	{"$1$", "md5-crypt", readMD5Crypt, sampleMD5Crypt},
	{"$5$", "sha256-crypt", readSHACrypt("$5$", shacrypt.VariantSHA256, 43, 400*time.Nanosecond), sampleSHACrypt(43)},
	{"$6$", "sha512-crypt", readSHACrypt("$6$", shacrypt.VariantSHA512, 86, 500*time.Nanosecond), sampleSHACrypt(86)},
	{"pbkdf2_sha256$", "django-pbkdf2-sha256", readDjangoPBKDF2(pbkdf2SHA256), sampleDjangoPBKDF2(pbkdf2SHA256)},
	{"pbkdf2_sha1$", "django-pbkdf2-sha1", readDjangoPBKDF2(pbkdf2SHA1), sampleDjangoPBKDF2(pbkdf2SHA1)},
	{"sha1$", "django-sha1", readSaltedHex(sha1.New), sampleSaltedHex(sha1.Size)},
	{"md5$", "django-md5", readSaltedHex(md5.New), sampleSaltedHex(md5.Size)},
	{"$P$", "phpass", readPhpass, samplePhpass},
	{"$H$", "phpass", readPhpass, nil},
	{"{SHA}", "ldap-sha", readLDAP(sha1.New, false), sampleLDAP(sha1.Size)},
	{"{SSHA}", "ldap-ssha", readLDAP(sha1.New, true), sampleLDAP(sha1.Size + 8)},
	{"{SSHA256}", "ldap-ssha256", readLDAP(sha256.New, true), sampleLDAP(sha256.Size + 8)},
	{"{SSHA512}", "ldap-ssha512", readLDAP(sha512.New, true), sampleLDAP(sha512.Size + 8)},
}

var (
	errForm    = errors.New("malformed")
	errBounds  = errors.New("cost out of bounds")
	errUnknown = errors.New("unknown scheme")
)

// lookUp finds the row of a hash string and reads it.
func lookUp(encoded string) (*scheme, stored, error) {
	for i := range schemes {
		s := &schemes[i]
		if !hasPrefix(encoded, s.prefix) {
			continue
		}
		if len(encoded) > maxEncoded {
			return s, stored{}, errForm
		}
		h, err := s.read(encoded[len(s.prefix):])
		return s, h, err
	}
	return nil, stored{}, errUnknown
}

// hasPrefix is strings.HasPrefix, except that LDAP's scheme names are case-insensitive (RFC 3112 §3).
func hasPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	return s[:len(prefix)] == prefix || prefix[0] == '{' && strings.EqualFold(s[:len(prefix)], prefix)
}

// Identify reads a hash string without computing anything.
func Identify(encoded string) Info {
	s, h, err := lookUp(encoded)
	if s == nil {
		return Info{Scheme: "unknown", Label: "unknown", Reason: err.Error()}
	}
	if err != nil {
		return Info{Scheme: s.name, Label: s.name + ":refused", Reason: err.Error()}
	}
	return Info{Scheme: s.name, Label: label(s.name, h.cost), Verifiable: true, Memory: h.memory, Work: h.work}
}

func label(name, cost string) string {
	if cost == "" {
		return name
	}
	return name + ":" + cost
}

// Verify compares a password with a stored hash, exactly as given: see Candidates. A hash that is not verifiable matches
// nothing and costs nothing. The error is an internal failure, never a verdict.
func Verify(encoded, pw string) (bool, error) {
	s, h, err := lookUp(encoded)
	if err != nil {
		return false, nil
	}
	ok, err := h.match(pw)
	if err != nil {
		return false, fmt.Errorf("verifying a %s hash: %w", s.name, err)
	}
	return ok, nil
}

// Sample makes up a hash string of the label, at no cost and of nobody's password, so that a caller can time the dearest scheme
// in its base. It is false for a label Identify would not give to a verifiable hash. Time it with a password of MaxBytes bytes:
// sha-crypt and phpass take longer for longer ones.
func Sample(label string) (encoded string, ok bool) {
	name, cost, _ := strings.Cut(label, ":")
	for _, s := range schemes {
		if s.name == name && s.sample != nil {
			encoded = s.prefix + s.sample(cost)
			break
		}
	}
	if info := Identify(encoded); !info.Verifiable || info.Label != label {
		return "", false
	}
	return encoded, true
}

// never is a format that is known and not to be trusted.
func never(reason string) func(string) (stored, error) {
	return func(string) (stored, error) { return stored{}, errors.New(reason) }
}

// within makes a comparison answer no to a password the scheme cannot take, after the same work on a stand-in of up to longest
// bytes: what it costs must not tell.
func within(usable func(string) bool, longest int, match func(string) (bool, error)) func(string) (bool, error) {
	return func(pw string) (bool, error) {
		if !usable(pw) {
			_, err := match(strings.Repeat("x", min(len(pw), longest)))
			return false, err
		}
		return match(pw)
	}
}

// decimal reads a number as the PHC string format writes it: digits, no sign, no leading zero.
func decimal(s string) (uint64, bool) {
	if s == "" || len(s) > 10 || s[0] == '0' && len(s) > 1 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// named reads "m=1,t=2,p=3" where names and order are exactly these.
func named(s string, names ...string) ([]uint64, bool) {
	parts := strings.Split(s, ",")
	if len(parts) != len(names) {
		return nil, false
	}
	values := make([]uint64, len(names))
	for i, part := range parts {
		rest, ok := strings.CutPrefix(part, names[i]+"=")
		if !ok {
			return nil, false
		}
		if values[i], ok = decimal(rest); !ok {
			return nil, false
		}
	}
	return values, true
}

// decode64 reads base64 strictly (no stray bits, and none of the line breaks Go lets pass) into min to max bytes.
func decode64(enc *base64.Encoding, s string, least, most int) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := enc.Strict().DecodeString(s)
	return b, err == nil && len(b) >= least && len(b) <= most
}

// zeros is n zero bytes in an alphabet whose zero is the given letter.
func zeros(letter string, n int) string { return strings.Repeat(letter, n) }

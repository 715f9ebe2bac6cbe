// Package secret holds the master key and makes from it, for one named purpose at a time, the keys that authenticate and seal; it promises that the master key itself never leaves it in readable form, except into the key file.
// Every package that needs a keyed function may call it; only cmd and config make or load a Master.
package secret

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Size is the length of the master key and of every key derived from it, in bytes.
const Size = 32

// The purposes: each is the HKDF info of a key of its own, so that what leaks or is chosen by a stranger under one says nothing about another.
// A purpose has exactly one use: derive, authenticate or seal. Changing a text orphans everything made under it.
const (
	TypedCode      = "typed code"      // the code a member types instead of following the link
	KeySealing     = "key sealing"     // private signing keys in the database
	AuditKey       = "audit key"       // the private key that signs checkpoints of the audit log
	LoginFailure   = "login failure"   // what was typed as a login, where failures are counted
	LimitKey       = "limit key"       // what a rate limit is keyed on, where it may be personal
	RepeatPassword = "repeat password" // whether a wrong password is the same one as before
	OperatorTOTP   = "operator totp"   // operators' TOTP secrets, in the database and while they are set up
	ProofOfWork    = "proof of work"   // challenges that members' browsers solve
)

const redacted = "[redacted]"

// Master is the installation's one secret. Whoever has it and the database can sign reset tokens and make typed codes.
// The zero Master is no key: every use of it panics. Copies share the key.
type Master struct {
	// A function, because fmt calls no methods on a Master in an unexported field, and for some verbs follows pointers there; of a function it prints the address.
	key func() *[Size]byte
}

// NewMaster makes a random master key.
func NewMaster() Master {
	var key [Size]byte
	rand.Read(key[:]) // never fails: crypto/rand stops the program instead
	return hold(&key)
}

func hold(key *[Size]byte) Master { return Master{key: func() *[Size]byte { return key }} }

// ParseMaster reads a master key from base64: standard or URL alphabet, padded or not, white space around it ignored.
// It must be exactly 32 bytes, and not all the same byte, which is a placeholder and no key. The error never repeats the text.
func ParseMaster(text string) (Master, error) {
	text = strings.TrimSuffix(strings.TrimSpace(text), "=")
	if strings.ContainsAny(text, "\r\n") { // base64 would skip them
		return Master{}, problem.New(problem.Invalid, "the master key must be one line of base64")
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return Master{}, problem.New(problem.Invalid, "the master key is not base64") // the cause would quote the place
	}
	if len(raw) != Size {
		return Master{}, problem.Newf(problem.Invalid, "the master key must be %d bytes, not %d", Size, len(raw))
	}
	if strings.Count(string(raw), string(raw[:1])) == Size {
		return Master{}, problem.New(problem.Invalid, "the master key must be random, not one byte repeated")
	}
	return hold((*[Size]byte)(raw)), nil
}

// encode is the form LoadOrCreateFile writes and ParseMaster reads. Nothing else may print the key.
func (m Master) encode() string { return base64.StdEncoding.EncodeToString(m.key()[:]) }

// IsZero reports whether there is no key.
func (m Master) IsZero() bool { return m.key == nil }

// Derive makes the key for one purpose by HKDF-SHA-256 without salt (RFC 5869 §2, §3.1), the purpose as info.
func (m Master) Derive(purpose string) [Size]byte {
	if m.key == nil {
		panic("secret: use of a Master without a key")
	}
	key, err := hkdf.Key(sha256.New, m.key()[:], nil, purpose, Size)
	if err != nil {
		panic("secret: HKDF-SHA-256 refused: " + err.Error()) // only for lengths that are constants here
	}
	return [Size]byte(key)
}

// MAC is HMAC-SHA-256 (RFC 2104) of the parts under the key for the purpose, 32 bytes.
// Each part goes in after its length, so no two lists of parts make the same message.
func (m Master) MAC(purpose string, parts ...string) []byte {
	key := m.Derive(purpose)
	mac := hmac.New(sha256.New, key[:])
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// Format prints "[redacted]" for every verb, %#v and %d too.
func (m Master) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// String is "[redacted]".
func (m Master) String() string { return redacted }

// GoString is "[redacted]".
func (m Master) GoString() string { return redacted }

// MarshalText gives "[redacted]" to JSON and other encoders.
func (m Master) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives "[redacted]" to slog.
func (m Master) LogValue() slog.Value { return slog.StringValue(redacted) }

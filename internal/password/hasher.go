package password

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

const (
	saltBytes = 16 // RFC 9106 §3.1
	tagBytes  = 32
)

// Hasher makes new hashes, and sees to it that every verification does at least the work of one. It is safe for concurrent use
// and takes no admission slot of its own: callers do.
type Hasher struct {
	params   Params
	full     atomic.Int64
	compared atomic.Int64

	elsewhere Elsewhere // nil: the work is done here
	computed  func()    // told after each hash that took much memory, for which nobody has a use any more; may be nil
}

// NewHasher checks the parameters against the policy floor and the upper bounds.
func NewHasher(p Params) (*Hasher, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &Hasher{params: p}, nil
}

// NewHasherElsewhere is NewHasher of one whose work is done by e. Answers, errors and counts are the same; beside them there is what e
// answers where it cannot.
func NewHasherElsewhere(p Params, e Elsewhere) (*Hasher, error) {
	h, err := NewHasher(p)
	if err != nil {
		return nil, err
	}
	h.elsewhere = e
	return h, nil
}

// Params are those of every new hash.
func (h *Hasher) Params() Params { return h.params }

// Memory is what one new hash allocates, in bytes.
func (h *Hasher) Memory() int64 { return h.params.memory() }

// MemoryFor is what VerifyFull of a stored hash has allocated at once, in bytes: what to ask of Admission.Enter.
func (h *Hasher) MemoryFor(encoded string) int64 { return max(h.Memory(), Identify(encoded).Memory) }

// Label is the Info.Label of every new hash.
func (h *Hasher) Label() string { return h.params.label() }

// Count tells the work done so far: new hashes (Dummy's too) and comparisons with stored ones.
func (h *Hasher) Count() (full, compared int64) { return h.full.Load(), h.compared.Load() }

// Hash makes a PHC string (argon2id) or a $2b$ string (bcrypt) of a password that went through Normalize. For bcrypt a password
// over 72 bytes or with a NUL is refused: it would be cut short, or match others.
func (h *Hasher) Hash(pw string) (string, error) {
	if err := h.takes(pw); err != nil {
		return "", err
	}
	if h.elsewhere != nil {
		o, err := h.send(ActHash, "", pw)
		return o.Encoded, err
	}
	if h.params.Scheme == Bcrypt {
		return h.hashBcrypt(pw)
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails: crypto/rand ends the program instead
	p := h.params
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Time, p.Threads,
		phc.EncodeToString(salt), phc.EncodeToString(h.argon2id(pw, salt))), nil
}

func (h *Hasher) argon2id(pw string, salt []byte) []byte {
	h.full.Add(1)
	defer h.free(h.Memory())
	p, key := h.params, []byte(pw)
	defer clear(key)
	return argon2.IDKey(key, salt, p.Time, p.Memory, p.Threads, tagBytes)
}

// takes refuses what bcrypt would cut short or match others.
func (h *Hasher) takes(pw string) error {
	if h.params.Scheme != Bcrypt {
		return nil
	}
	if len(pw) > bcryptBytes {
		return refuse("too_long_for_bcrypt", "This password is too long: use at most 72 bytes, which is 72 plain letters or digits and fewer of other characters.")
	}
	if !usableByBcrypt(pw) {
		return refuse("control", "This password holds a control character. Use letters, digits, signs and spaces.")
	}
	return nil
}

func (h *Hasher) hashBcrypt(pw string) (string, error) {
	h.full.Add(1)
	key := []byte(pw)
	defer clear(key)
	encoded, err := bcrypt.GenerateFromPassword(key, h.params.Cost)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	// x/crypto computes what $2b$ stands for and writes the older name.
	return "$2b$" + strings.TrimPrefix(string(encoded), "$2a$"), nil
}

// Dummy does the work of one new hash and throws it away: here, if it cannot be done elsewhere.
func (h *Hasher) Dummy(pw string) {
	if h.elsewhere != nil {
		if _, err := h.send(ActDummy, "", pw); err == nil {
			return
		}
	}
	if h.params.Scheme == Argon2id {
		h.argon2id(pw, make([]byte, saltBytes))
		return
	}
	if !usableByBcrypt(pw) {
		pw = ""
	}
	_, _ = h.hashBcrypt(pw) // cannot fail: the cost is validated and the password fits
}

// VerifyFull compares a password with a stored hash (none: "") and adds one new hash's work where the stored scheme is cheaper
// than that, absent or not verifiable. So no answer comes for less, whether or not the account exists.
func (h *Hasher) VerifyFull(encoded, pw string) (bool, error) {
	if h.elsewhere != nil {
		o, err := h.send(ActVerifyFull, encoded, pw)
		return o.Match, err
	}
	info := Identify(encoded)
	if Cheaper(info, h.params) {
		h.Dummy(pw)
	}
	if !info.Verifiable {
		return false, nil
	}
	return h.Compare(encoded, pw)
}

// Compare is Verify, counted: one comparison and nothing added, for where the time it takes tells nobody anything.
func (h *Hasher) Compare(encoded, pw string) (bool, error) {
	info := Identify(encoded)
	if h.elsewhere != nil && info.Verifiable && info.Work >= worthSending {
		o, err := h.send(ActCompare, encoded, pw)
		return o.Match, err
	}
	if info.Verifiable {
		h.compared.Add(1)
	}
	defer h.free(info.Memory)
	return Verify(encoded, pw)
}

// VerifyAny is VerifyFull of every one of Candidates(raw), all of them always, so that the work depends on the input and the
// scheme alone. An input that is too long costs one new hash and matches nothing.
func (h *Hasher) VerifyAny(encoded, raw string) (bool, error) {
	if h.elsewhere != nil {
		o, err := h.send(ActVerifyAny, encoded, raw)
		return o.Match, err
	}
	candidates := Candidates(raw)
	if candidates == nil {
		h.Dummy("")
		return false, nil
	}
	matched := false
	for _, pw := range candidates {
		ok, err := h.VerifyFull(encoded, pw)
		if err != nil {
			return false, err
		}
		matched = matched || ok
	}
	return matched, nil
}

// Cheaper reports whether comparing with such a stored hash is less work than one new hash, or none.
func Cheaper(info Info, p Params) bool { return !info.Verifiable || info.Work < p.work() }

// NeedsUpgrade reports whether a stored hash is of another scheme than p's, weaker, or not verifiable.
func NeedsUpgrade(encoded string, p Params) bool {
	_, h, err := lookUp(encoded)
	return err != nil || !h.params.meets(p)
}

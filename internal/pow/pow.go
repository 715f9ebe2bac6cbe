// Package pow is a proof of work for the members' costly forms: challenges, proofs, and the pressure that decides when one is asked for. No I/O.
// A challenge is stateless and made for one purpose; a proof costs its sender about 2^bits SHA-256 and the verifier one, after cheaper checks. The portal calls it, and clients that solve.
//
// The contract over HTTP, for members' browsers and honest clients alike:
//
//	GET /proof → 200 {"bits": 16, "challenge": "…64 characters…"}    while proofs are asked for
//	           → 200 {"bits": 0}                                    while they are not: send the form without
//	POST /reset, /forgot, /reissue with the form field proof = Solve(ctx, challenge)
//
// A proof is the challenge, a full stop and a counter in decimal, such that the SHA-256 of that text begins with bits zero bits. It may be sent once, within
// Life of its challenge, with any of the three forms; after a 503 it may be sent again. A form without one, or with one that is no good, is not refused for
// it: all such forms together pass through one narrow bucket (ratelimit.Unproven), and over that are answered 429 with Retry-After.
package pow

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/secret"
)

const (
	// Life is how long a challenge can be answered: a person types a password in it.
	Life = 10 * time.Minute
	// MaxBits is the most work that can be asked for; a phone would be at it for minutes.
	MaxBits = 24

	version       = 1
	headerSize    = 8  // version, purpose, bits, expiry in 40 bits of Unix seconds
	idSize        = 16 // random
	macSize       = 24
	challengeSize = headerSize + idSize + macSize
	// textSize makes the challenge exactly one block of SHA-256 (FIPS 180-4 §5.2.1), so that a solver hashes it once and then one block a try.
	textSize = sha256.BlockSize
	// maxDigits bounds a counter below 2^53, which a browser counts exactly.
	maxDigits = 15
	// maxProof is the longest text that is looked at.
	maxProof = textSize + 1 + maxDigits
)

// Purpose is what a challenge is for. A proof for one is worth nothing for another.
type Purpose byte

// Forms is the purpose of the members' forms: POST /reset, /forgot and /reissue.
const Forms Purpose = 1

// Why a proof is no good. None of them says anything about what was sent with it.
var (
	ErrForm    = errors.New("pow: this is not the form of a proof")
	ErrForeign = errors.New("pow: the challenge is not ours")
	ErrExpired = errors.New("pow: the challenge is too old")
	ErrPurpose = errors.New("pow: the challenge is for something else, or for less work")
	ErrWork    = errors.New("pow: the work was not done")
)

// Issuer makes challenges and verifies proofs. All processes with one master key know each other's.
type Issuer struct {
	key func() []byte // a function, so that no print of an Issuer shows it
}

// NewIssuer derives the key for challenges.
func NewIssuer(master secret.Master) *Issuer {
	key := master.Derive(secret.ProofOfWork)
	return &Issuer{key: func() []byte { return key[:] }}
}

// Challenge makes one that asks for that many bits of work, 1 to MaxBits, until Life from now: 64 characters of base64url.
func (i *Issuer) Challenge(p Purpose, work int, now time.Time) string {
	raw := make([]byte, challengeSize)
	binary.BigEndian.PutUint64(raw, uint64(now.Add(Life).Unix()))
	raw[0], raw[1], raw[2] = version, byte(p), byte(min(max(work, 1), MaxBits))
	rand.Read(raw[headerSize : headerSize+idSize]) // never fails: crypto/rand stops the program instead
	copy(raw[headerSize+idSize:], i.mac(raw[:headerSize+idSize]))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Verify checks a proof, cheapest first: its form, whose challenge it is, its age, its purpose and that at least so many bits were asked, and the
// work last. It gives the challenge's id, 22 characters, which whoever calls remembers until Life is over: a proof is good for one request.
func (i *Issuer) Verify(proof string, p Purpose, least int, now time.Time) (id string, err error) {
	raw, err := parse(proof)
	if err != nil {
		return "", err
	}
	signed, mac := raw[:headerSize+idSize], raw[headerSize+idSize:]
	if !hmac.Equal(mac, i.mac(signed)) {
		return "", ErrForeign
	}
	c := read(raw)
	switch {
	case !now.Before(c.expires):
		return "", ErrExpired
	case raw[0] != version || c.purpose != p || c.bits < least:
		return "", ErrPurpose
	case !done(proof, c.bits):
		return "", ErrWork
	}
	return base64.RawURLEncoding.EncodeToString(raw[headerSize : headerSize+idSize]), nil
}

// parse splits a proof that is written in the one way there is: 64 characters, a full stop, a counter without leading zeros.
func parse(proof string) ([]byte, error) {
	if len(proof) < textSize+2 || len(proof) > maxProof || proof[textSize] != '.' {
		return nil, ErrForm
	}
	counter := proof[textSize+1:]
	if counter[0] == '0' && len(counter) > 1 || strings.Trim(counter, "0123456789") != "" {
		return nil, ErrForm
	}
	return decode(proof[:textSize])
}

func decode(challenge string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(raw) != challengeSize {
		return nil, ErrForm // base64 skips line ends, hence the length
	}
	return raw, nil
}

// asked is what a challenge's first bytes say.
type asked struct {
	purpose Purpose
	bits    int
	expires time.Time
}

func read(raw []byte) asked {
	const seconds = 1<<40 - 1
	return asked{Purpose(raw[1]), int(raw[2]), time.Unix(int64(binary.BigEndian.Uint64(raw)&seconds), 0)}
}

func (i *Issuer) mac(signed []byte) []byte {
	h := hmac.New(sha256.New, i.key())
	h.Write(signed)
	return h.Sum(nil)[:macSize]
}

// done tells whether the text's hash begins with so many zero bits.
func done(text string, work int) bool {
	return zeros(sha256.Sum256([]byte(text))) >= work
}

func zeros(sum [sha256.Size]byte) int {
	n := 0
	for _, b := range sum {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}

// appendCounter writes a try after the challenge.
func appendCounter(b []byte, counter uint64) []byte {
	return strconv.AppendUint(append(b, '.'), counter, 10)
}

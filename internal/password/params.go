package password

import (
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Bounds of what is ever computed. A stored hash beyond them is a parameter bomb and is never verified; Params beyond them are
// refused, so that we write nothing we would not read. Each keeps one hash near two seconds on a slow core.
const (
	maxMemory       = 256 << 20 // bytes, argon2 and scrypt
	maxMemoryPasses = 1 << 20   // argon2: KiB of memory × passes
	maxArgonTime    = 16
	maxArgonLanes   = 8
	minBcryptCost   = 4
	maxBcryptCost   = 15
	maxPBKDF2       = 5_000_000 // iterations × blocks of output
	maxScryptLanes  = 16
	maxScryptLog    = 21 // N = 2^21 with r = 1 fills maxMemory
	maxScryptBlock  = maxMemory >> 8
	maxScryptWork   = 1 << 30 // bytes: memory × p
	minCryptRounds  = 1_000
	maxCryptRounds  = 1_000_000
	minPhpassLog    = 7
	maxPhpassLog    = 18
	maxEncoded      = 512 // bytes of a stored hash string
)

// The schemes a new hash can have.
const (
	Argon2id = "argon2id"
	Bcrypt   = "bcrypt"
)

// Params say how new passwords are hashed. Only the fields of the named scheme count.
type Params struct {
	Scheme  string // Argon2id or Bcrypt
	Memory  uint32 // argon2id: KiB
	Time    uint32 // argon2id: passes
	Threads uint8  // argon2id: lanes
	Cost    int    // bcrypt: base-2 logarithm of the rounds
}

// DefaultParams are OWASP's first choice (Password Storage Cheat Sheet): argon2id, 19 MiB, two passes, one lane.
func DefaultParams() Params {
	return Params{Scheme: Argon2id, Memory: 19456, Time: 2, Threads: 1, Cost: 12}
}

// argonFloor holds the least memory for a number of passes that OWASP and ASVS 5.0 Appendix C count as equal. Parameters meet
// the policy when memory and passes both reach those of one row.
var argonFloor = []struct{ memory, time uint32 }{{47104, 1}, {19456, 2}, {12288, 3}, {9216, 4}, {7168, 5}}

const (
	minNewBcryptCost = 10 // OWASP Password Storage Cheat Sheet
	maxNewArgonLanes = 4  // RFC 9106 §4 uses 4, ASVS 1
)

// Validate refuses parameters below today's floor, and those above what a verifier here would compute.
func (p Params) Validate() error {
	switch p.Scheme {
	case Argon2id:
		return p.validateArgon2()
	case Bcrypt:
		if p.Cost < minNewBcryptCost || p.Cost > maxBcryptCost {
			return problem.Newf(problem.Invalid, "bcrypt cost must be %d to %d", minNewBcryptCost, maxBcryptCost)
		}
		return nil
	}
	return problem.Newf(problem.Invalid, "hash scheme must be %s or %s", Argon2id, Bcrypt)
}

func (p Params) validateArgon2() error {
	if p.Threads < 1 || p.Threads > maxNewArgonLanes {
		return problem.Newf(problem.Invalid, "argon2id lanes must be 1 to %d", maxNewArgonLanes)
	}
	if reason := argonBomb(uint64(p.Memory), uint64(p.Time), uint64(p.Threads)); reason != nil {
		return problem.Wrap(problem.Invalid, "argon2id parameters are too costly", reason)
	}
	for _, row := range argonFloor {
		if p.Memory >= row.memory && p.Time >= row.time {
			return nil
		}
	}
	return problem.New(problem.Invalid, "argon2id parameters are below the floor: use at least 19456 KiB with 2 passes or an equal of it")
}

// meets reports whether p costs an attacker at least what want does, in the same scheme.
func (p Params) meets(want Params) bool {
	if p.Scheme != want.Scheme {
		return false
	}
	if p.Scheme == Bcrypt {
		return p.Cost >= want.Cost
	}
	return p.Memory >= want.Memory && p.Time >= want.Time
}

// label is the scheme with its cost, as in Info.Label.
func (p Params) label() string {
	if p.Scheme == Bcrypt {
		return fmt.Sprintf("%s:%d", p.Scheme, p.Cost)
	}
	return fmt.Sprintf("%s:m=%d,t=%d,p=%d", p.Scheme, p.Memory, p.Time, p.Threads)
}

// memory is what one hash allocates, in bytes.
func (p Params) memory() int64 {
	if p.Scheme == Bcrypt {
		return bcryptMemory
	}
	return int64(p.Memory) << 10
}

func (p Params) work() time.Duration {
	if p.Scheme == Bcrypt {
		return bcryptWork(p.Cost)
	}
	return argonWork(uint64(p.Memory), uint64(p.Time))
}

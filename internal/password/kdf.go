package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

var phc = base64.RawStdEncoding

type argonKey func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte

// readArgon2 reads "v=19$m=…,t=…,p=…$salt$tag" (PHC string format), no other version and no optional parameter.
func readArgon2(name string, key argonKey) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		parts := strings.Split(rest, "$")
		if len(parts) != 4 || parts[0] != "v=19" {
			return stored{}, errForm
		}
		n, ok := named(parts[1], "m", "t", "p")
		salt, saltOK := decode64(phc, parts[2], 8, 48)
		tag, tagOK := decode64(phc, parts[3], 12, 64)
		if !ok || !saltOK || !tagOK {
			return stored{}, errForm
		}
		if err := argonBomb(n[0], n[1], n[2]); err != nil {
			return stored{}, err
		}
		h := stored{cost: parts[1], memory: int64(n[0]) << 10, work: argonWork(n[0], n[1])}
		if name == Argon2id && len(salt) >= saltBytes && len(tag) >= tagBytes {
			h.params = Params{Scheme: Argon2id, Memory: uint32(n[0]), Time: uint32(n[1]), Threads: uint8(n[2])}
		}
		h.match = func(pw string) (bool, error) {
			got := key([]byte(pw), salt, uint32(n[1]), uint32(n[0]), uint8(n[2]), uint32(len(tag)))
			return subtle.ConstantTimeCompare(got, tag) == 1, nil
		}
		return h, nil
	}
}

// argonBomb refuses what must not be computed; x/crypto panics on zero passes or lanes (RFC 9106 §3.1 has the lower limits).
func argonBomb(memory, passes, lanes uint64) error {
	switch {
	case passes < 1 || lanes < 1 || memory < 8*lanes:
		return errors.New("argon2 cost below the algorithm's limits")
	case memory > maxMemory>>10:
		return errors.New("argon2 memory out of bounds")
	case passes > maxArgonTime || memory*passes > maxMemoryPasses || lanes > maxArgonLanes:
		return errBounds
	}
	return nil
}

func argonWork(memory, passes uint64) time.Duration {
	return time.Duration(memory*passes) * time.Microsecond
}

func sampleArgon2(cost string) string {
	return "v=19$" + cost + "$" + zeros("A", 22) + "$" + zeros("A", 43)
}

const (
	bcryptMemory   = 8 << 10 // the Blowfish state and change
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

func bcryptWork(cost int) time.Duration { return 60 * time.Microsecond << cost }

// readBcrypt reads two digits of cost, then 22 letters of salt and 31 of digest. $2a$, $2b$ and $2y$ differ only in bugs of old
// programs and in passwords over 255 bytes, which are refused here; a $2a$ hash of 8-bit characters made before 2011 may be a
// $2x$ one in disguise, and then matches nothing.
func readBcrypt(prefix string) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		if len(rest) != 56 || rest[2] != '$' || strings.Trim(rest[3:], bcryptAlphabet) != "" {
			return stored{}, errForm
		}
		cost, err := strconv.ParseUint(rest[:2], 10, 8)
		if err != nil {
			return stored{}, errForm
		}
		if cost < minBcryptCost || cost > maxBcryptCost {
			return stored{}, errBounds
		}
		n := int(cost)
		match := func(pw string) (bool, error) {
			err := bcrypt.CompareHashAndPassword([]byte(prefix+rest), []byte(pw))
			if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
				return false, nil
			}
			return err == nil, err
		}
		return stored{
			cost: strconv.Itoa(n), memory: bcryptMemory, work: bcryptWork(n),
			params: Params{Scheme: Bcrypt, Cost: n}, match: within(usableByBcrypt, bcryptBytes, match),
		}, nil
	}
}

func sampleBcrypt(cost string) string {
	if len(cost) == 1 {
		cost = "0" + cost
	}
	return cost + "$" + zeros(".", 53)
}

// pbkdf2Hash is the hash under a PBKDF2 scheme.
type pbkdf2Hash struct {
	new  func() hash.Hash
	size int
	step time.Duration // one iteration of one block
}

var (
	pbkdf2SHA1   = pbkdf2Hash{sha1.New, sha1.Size, 150 * time.Nanosecond}
	pbkdf2SHA256 = pbkdf2Hash{sha256.New, sha256.Size, 200 * time.Nanosecond}
	pbkdf2SHA512 = pbkdf2Hash{sha512.New, sha512.Size, 400 * time.Nanosecond}
)

func (p pbkdf2Hash) stored(iterations string, salt, tag []byte) (stored, error) {
	n, ok := decimal(iterations)
	if !ok {
		return stored{}, errForm
	}
	blocks := uint64((len(tag) + p.size - 1) / p.size)
	if n < 1 || n*blocks > maxPBKDF2 {
		return stored{}, errBounds
	}
	match := func(pw string) (bool, error) {
		got, err := pbkdf2.Key(p.new, pw, salt, int(n), len(tag))
		return err == nil && subtle.ConstantTimeCompare(got, tag) == 1, err
	}
	cost := iterations
	if blocks > 1 {
		cost += ",l=" + strconv.Itoa(len(tag)) // each block costs the iterations again
	}
	return stored{cost: cost, memory: 1 << 10, work: time.Duration(n*blocks) * p.step, match: match}, nil
}

// readPBKDF2 reads "iterations$salt$tag" as passlib writes it (base64 with "." for "+"), and PHC's "i=iterations[,l=length]".
func readPBKDF2(p pbkdf2Hash) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		parts := strings.Split(strings.ReplaceAll(rest, ".", "+"), "$")
		if len(parts) != 3 {
			return stored{}, errForm
		}
		iterations, length, hasLength := strings.Cut(strings.TrimPrefix(parts[0], "i="), ",l=")
		salt, saltOK := decode64(phc, parts[1], 1, 64)
		tag, tagOK := decode64(phc, parts[2], 16, 64)
		if !saltOK || !tagOK || hasLength && length != strconv.Itoa(len(tag)) {
			return stored{}, errForm
		}
		return p.stored(iterations, salt, tag)
	}
}

func samplePBKDF2(p pbkdf2Hash) func(string) string {
	return func(cost string) string {
		size := p.size
		if _, length, ok := strings.Cut(cost, ",l="); ok {
			n, _ := decimal(length)
			size = int(min(n, maxEncoded))
		}
		return "i=" + cost + "$" + zeros("A", 22) + "$" + phc.EncodeToString(make([]byte, size))
	}
}

// readDjangoPBKDF2 reads "iterations$salt$tag" where the salt is text and the tag padded base64 of the whole digest.
func readDjangoPBKDF2(p pbkdf2Hash) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		parts := strings.Split(rest, "$")
		if len(parts) != 3 || parts[1] == "" {
			return stored{}, errForm
		}
		tag, ok := decode64(base64.StdEncoding, parts[2], p.size, p.size)
		if !ok {
			return stored{}, errForm
		}
		return p.stored(parts[0], []byte(parts[1]), tag)
	}
}

func sampleDjangoPBKDF2(p pbkdf2Hash) func(string) string {
	return func(cost string) string {
		return cost + "$" + zeros("A", 22) + "$" + base64.StdEncoding.EncodeToString(make([]byte, p.size))
	}
}

// readScrypt reads "ln=…,r=…,p=…$salt$tag", ln the base-2 logarithm of N (RFC 7914 §2).
func readScrypt(rest string) (stored, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return stored{}, errForm
	}
	n, ok := named(parts[0], "ln", "r", "p")
	salt, saltOK := decode64(phc, parts[1], 1, 64)
	tag, tagOK := decode64(phc, parts[2], 16, 64)
	if !ok || !saltOK || !tagOK {
		return stored{}, errForm
	}
	ln, r, p := n[0], n[1], n[2]
	if ln < 1 || ln > maxScryptLog || r < 1 || r > maxScryptBlock || p < 1 || p > maxScryptLanes {
		return stored{}, errBounds
	}
	memory := 128 * r << ln
	if memory > maxMemory || memory*p > maxScryptWork {
		return stored{}, errBounds
	}
	match := func(pw string) (bool, error) {
		got, err := scrypt.Key([]byte(pw), salt, 1<<ln, int(r), int(p), len(tag))
		return err == nil && subtle.ConstantTimeCompare(got, tag) == 1, err
	}
	work := time.Duration(r*p<<ln) * 300 * time.Nanosecond
	return stored{cost: parts[0], memory: int64(memory), work: work, match: match}, nil
}

func sampleScrypt(cost string) string { return cost + "$" + zeros("A", 22) + "$" + zeros("A", 43) }

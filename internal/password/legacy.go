package password

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"time"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// itoa64 is the alphabet of crypt(3) and phpass.
const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// cryptBytes is the longest phrase crypt(3) takes (libxcrypt: CRYPT_MAX_PASSPHRASE_SIZE with its NUL). The bound matters: each round of
// sha-crypt reads the whole password.
const cryptBytes = 511

func usableByCrypt(pw string) bool { return len(pw) <= cryptBytes }

// cryptMatch leaves the comparison of a string already checked to go-crypt, which compares in constant time.
func cryptMatch(d algorithm.Digest) func(string) (bool, error) {
	return within(usableByCrypt, cryptBytes, d.MatchAdvanced)
}

// cryptSalt reports whether a salt can stand in a crypt(3) string.
func cryptSalt(s string, most int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '$' || s[i] == ':' {
			return false
		}
	}
	return len(s) <= most
}

// readMD5Crypt reads "salt$digest": up to 8 and exactly 22 characters. Its thousand rounds are fixed.
func readMD5Crypt(rest string) (stored, error) {
	salt, digest, _ := strings.Cut(rest, "$")
	if !cryptSalt(salt, 8) || len(digest) != 22 || strings.Trim(digest, itoa64) != "" {
		return stored{}, errForm
	}
	d, err := md5crypt.Decode("$1$" + rest)
	if err != nil {
		return stored{}, errForm
	}
	return stored{memory: 4 << 10, work: 200 * time.Microsecond, match: cryptMatch(d)}, nil
}

func sampleMD5Crypt(string) string { return zeros(".", 8) + "$" + zeros(".", 22) }

// readSHACrypt reads "[rounds=N$]salt$digest" (Drepper, "Unix crypt using SHA-256 and SHA-512"): salt up to 16 characters, N as
// crypt(3) writes it, 1000 at least, 5000 where it is left out.
func readSHACrypt(prefix string, variant shacrypt.Variant, size int, step time.Duration) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		rounds, tail := uint64(shacrypt.IterationsDefaultOmitted), rest
		if after, ok := strings.CutPrefix(rest, "rounds="); ok {
			var number string
			number, tail, _ = strings.Cut(after, "$")
			if rounds, ok = decimal(number); !ok {
				return stored{}, errForm
			}
		}
		salt, digest, _ := strings.Cut(tail, "$")
		if !cryptSalt(salt, 16) || len(digest) != size || strings.Trim(digest, itoa64) != "" {
			return stored{}, errForm
		}
		if rounds < minCryptRounds || rounds > maxCryptRounds {
			return stored{}, errBounds
		}
		d, err := shacrypt.DecodeVariant(variant)(prefix + rest)
		if err != nil {
			return stored{}, errForm
		}
		return stored{
			cost: strconv.FormatUint(rounds, 10), memory: 8 << 10,
			work: time.Duration(rounds) * step, match: cryptMatch(d),
		}, nil
	}
}

func sampleSHACrypt(size int) func(string) string {
	return func(cost string) string { return "rounds=" + cost + "$" + zeros(".", 16) + "$" + zeros(".", size) }
}

// readSaltedHex reads Django's old "salt$hex": one digest of salt and password. The salt may be empty.
func readSaltedHex(newHash func() hash.Hash) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		salt, digest, ok := strings.Cut(rest, "$")
		want, err := hex.DecodeString(digest)
		if !ok || err != nil || len(want) != newHash().Size() {
			return stored{}, errForm
		}
		return oneDigest(newHash, want, salt, ""), nil
	}
}

func sampleSaltedHex(size int) func(string) string {
	return func(string) string { return "salt$" + zeros("0", 2*size) }
}

// readLDAP reads the base64 of a digest of password and salt, with the salt behind it (RFC 2307 §5.3 and what servers made of it).
func readLDAP(newHash func() hash.Hash, salted bool) func(string) (stored, error) {
	return func(rest string) (stored, error) {
		size, most := newHash().Size(), newHash().Size()
		least := size
		if salted {
			least, most = size+1, size+64
		}
		raw, ok := decode64(base64.StdEncoding, rest, least, most)
		if !ok {
			return stored{}, errForm
		}
		return oneDigest(newHash, raw[:size], "", string(raw[size:])), nil
	}
}

func sampleLDAP(size int) func(string) string {
	return func(string) string { return base64.StdEncoding.EncodeToString(make([]byte, size)) }
}

// oneDigest is every scheme that is a single digest of prefix, password and suffix.
func oneDigest(newHash func() hash.Hash, want []byte, prefix, suffix string) stored {
	match := func(pw string) (bool, error) {
		h := newHash()
		h.Write([]byte(prefix + pw + suffix))
		return subtle.ConstantTimeCompare(h.Sum(nil), want) == 1, nil
	}
	return stored{memory: 4 << 10, work: time.Microsecond, match: match}
}

// readPhpass reads a letter for the logarithm of the rounds, 8 letters of salt, 22 of digest (Openwall's portable hash).
func readPhpass(rest string) (stored, error) {
	if len(rest) != 31 || strings.Trim(rest, itoa64) != "" {
		return stored{}, errForm
	}
	log := strings.IndexByte(itoa64, rest[0])
	if log < minPhpassLog || log > maxPhpassLog {
		return stored{}, errBounds
	}
	salt, want := rest[1:9], []byte(rest[9:])
	match := func(pw string) (bool, error) {
		return subtle.ConstantTimeCompare(phpassDigest(pw, salt, log), want) == 1, nil
	}
	return stored{cost: strconv.Itoa(log), memory: 4 << 10, work: 100 * time.Nanosecond << log, match: match}, nil
}

// phpassDigest is MD5 of salt and password, then 2^log times MD5 of the last digest and the password.
func phpassDigest(pw, salt string, log int) []byte {
	sum := md5.Sum([]byte(salt + pw))
	buf := append(sum[:], pw...)
	for range 1 << log {
		sum = md5.Sum(buf)
		copy(buf, sum[:])
	}
	return encode64(sum[:])
}

// encode64 writes three bytes as four letters, lowest bits first.
func encode64(raw []byte) []byte {
	out := make([]byte, 0, (len(raw)*8+5)/6)
	for len(raw) > 0 {
		var v, n uint
		for n = 0; n < 3 && int(n) < len(raw); n++ {
			v |= uint(raw[n]) << (8 * n)
		}
		for i := uint(0); i <= n; i++ {
			out = append(out, itoa64[v>>(6*i)&63])
		}
		raw = raw[n:]
	}
	return out
}

func samplePhpass(cost string) string {
	log, ok := decimal(cost)
	if !ok || log > maxPhpassLog {
		return ""
	}
	return string(itoa64[log]) + zeros(".", 30)
}

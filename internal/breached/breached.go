// Package breached knows passwords from breaches elsewhere: a filter file, an ordered text file, or the range API of Pwned Passwords.
// It promises that no password and no more of its hash than five digits leaves the process, and that an answer that cannot be
// had is an error, never "not breached"; only cmd sets it up, and the password policy asks it.
package breached

import (
	"crypto/sha1"
	"encoding/binary"

	"golang.org/x/text/unicode/norm"
)

// Source tells whether a password is known from breaches. It is password.Breached: an error means that it cannot tell just now.
type Source interface {
	Breached(pw string) (bool, error)
}

// hashOf is what the lists hold of a password: the SHA-1 of its UTF-8 in NFC. As a look-up key SHA-1 is as good as any.
func hashOf(pw string) [sha1.Size]byte { return sha1.Sum([]byte(norm.NFC.String(pw))) }

// keyOf is the first 64 bits, in the order of the hash. Of two thousand million hashes two share a key in one list of ten.
func keyOf(h [sha1.Size]byte) uint64 { return binary.BigEndian.Uint64(h[:]) }

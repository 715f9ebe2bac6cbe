// Package password hashes, verifies and judges passwords, and admits no more hashing at once than memory and processors allow;
// it does no I/O, logs nothing, computes no stored hash whose cost is out of bounds, and is for the use cases and cmd to call.
package password

import (
	"strings"
	"unicode/utf8"

	"github.com/seed-1c168855/rekey/internal/problem"
	"golang.org/x/text/unicode/norm"
)

// Bounds of a password that anything at all is computed on.
const (
	// MaxBytes is the longest input, in bytes of UTF-8 as received, checked before any normalising: NFC of a million combining
	// marks, and sha-crypt or phpass of a long input, are ways to burn a server.
	MaxBytes = 1024
	// MaxCodePoints is the longest password after NFC. NIST SP 800-63B-4 §3.1.1.2 asks for 64 at least.
	MaxCodePoints = 256
)

// Normalize gives the one form in which Rekey hashes a password: valid UTF-8 in NFC (NIST SP 800-63B-4 §3.1.1.2), nothing
// trimmed, no case folded. It refuses more than MaxBytes bytes before normalising, and more than MaxCodePoints code points after.
func Normalize(pw string) (string, error) {
	if len(pw) > MaxBytes {
		return "", refuse("too_long", "This password is too long: use at most %d characters.", MaxCodePoints)
	}
	if !utf8.ValidString(pw) {
		return "", refuse("not_text", "This password is not valid text (UTF-8).")
	}
	normal := norm.NFC.String(pw)
	if utf8.RuneCountInString(normal) > MaxCodePoints {
		return "", refuse("too_long", "This password is too long: use at most %d characters.", MaxCodePoints)
	}
	return normal, nil
}

// Candidates gives the byte strings to compare with a stored hash for a password as it was typed: its NFC form and, if
// different, the very bytes, since older systems hashed those. Their number depends on the input alone, so trying all of them
// costs a known account what it costs an unknown one. None is longer than MaxBytes; a longer input has none.
func Candidates(raw string) []string {
	if len(raw) > MaxBytes {
		return nil
	}
	if !utf8.ValidString(raw) {
		return []string{raw}
	}
	normal := norm.NFC.String(raw)
	if normal == raw || len(normal) > MaxBytes { // no password that went through Normalize is that long
		return []string{raw}
	}
	return []string{normal, raw}
}

// refuse is a rule's answer to a password: the code for translations, the English reason for everybody else.
func refuse(code, format string, args ...any) error {
	e := problem.Newf(problem.Unprocessable, format, args...)
	e.Code = code
	return e
}

// bcryptBytes is as much of a password as bcrypt reads.
const bcryptBytes = 72

// usableByBcrypt reports whether bcrypt sees the whole password. It reads 72 bytes and repeats the key cyclically with a NUL
// between, so that of a longer password the rest is ignored, and "ab" also matches "ab\x00ab".
func usableByBcrypt(pw string) bool { return len(pw) <= bcryptBytes && strings.IndexByte(pw, 0) < 0 }

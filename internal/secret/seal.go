package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// sealV1 marks AES-256-GCM with a random 96-bit nonce: version byte, nonce, ciphertext, 16-byte tag.
const sealV1 = 1

// ErrSealed says that sealed bytes do not open: another master key, another purpose, other associated data, or altered. Which of them cannot be told.
var ErrSealed = problem.New(problem.Internal, "sealed under another master key or for another use, or altered")

// Seal encrypts and authenticates plaintext under the key for the purpose, and binds it to associated, which is not stored and must be given to Open again.
// Nonces are random, so one purpose of one master key is good for 2^32 seals (NIST SP 800-38D §8.3); Rekey seals a few keys a year.
func (m Master) Seal(purpose string, plaintext, associated []byte) ([]byte, error) {
	aead, err := m.aead(purpose)
	if err != nil {
		return nil, fmt.Errorf("sealing for %s: %w", purpose, err)
	}
	sealed := make([]byte, 1, 1+aead.Overhead()+len(plaintext))
	sealed[0] = sealV1
	return aead.Seal(sealed, nil, plaintext, bind(associated)), nil
}

// Open gives back what Seal was given, or ErrSealed.
func (m Master) Open(purpose string, sealed, associated []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealV1 {
		return nil, fmt.Errorf("opening for %s: %w", purpose, ErrSealed)
	}
	aead, err := m.aead(purpose)
	if err != nil {
		return nil, fmt.Errorf("opening for %s: %w", purpose, err)
	}
	plaintext, err := aead.Open(nil, nil, sealed[1:], bind(associated))
	if err != nil {
		return nil, fmt.Errorf("opening for %s: %w", purpose, ErrSealed)
	}
	return plaintext, nil
}

func (m Master) aead(purpose string) (cipher.AEAD, error) {
	key := m.Derive(purpose)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// bind puts the version byte under the tag too, so that no later version can be passed off as this one.
func bind(associated []byte) []byte { return append([]byte{sealV1}, associated...) }

package pow

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// Solve does the work that a challenge asks for and gives the proof to send, a text of some 70 characters. It is what the page's worker does, for
// clients without one. A challenge that is malformed or asks for more than MaxBits is ErrForm; otherwise only the context ends it early.
func Solve(ctx context.Context, challenge string) (proof string, err error) {
	raw, err := decode(challenge)
	if err != nil {
		return "", err
	}
	work := read(raw).bits
	if raw[0] != version || work > MaxBits {
		return "", ErrForm
	}
	text := make([]byte, 0, maxProof)
	text = append(text, challenge...)
	for counter := uint64(0); ; counter++ {
		if counter%4096 == 0 && ctx.Err() != nil {
			return "", fmt.Errorf("solving a challenge of %d bits: %w", work, ctx.Err())
		}
		text = appendCounter(text[:len(challenge)], counter)
		if zeros(sha256.Sum256(text)) >= work {
			return string(text), nil
		}
	}
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/token"
)

// mint compares whole tokens with bare signatures by the same key, one goroutine, in alternating rounds.
func (b *suite) mint(context.Context) error {
	now := time.Now()
	key, err := token.NewKey(now.Add(-time.Minute))
	if err != nil {
		return err
	}
	ring, err := token.NewRing(publicURL, []token.Key{key})
	if err != nil {
		return err
	}
	account := int64(0)
	ours := func() error {
		account++
		_, _, err := ring.Mint(account, 1, 1, 1, now, 24*time.Hour)
		return err
	}
	payload := make([]byte, 400) // what is signed of a token, about
	floor := func() error {
		sum := sha256.Sum256(payload)
		_, err := ecdsa.SignASN1(rand.Reader, key.Private, sum[:])
		return err
	}
	minted, signed, rounds := 0.0, 0.0, pick(b, 6, 30)
	for range rounds {
		for _, side := range []struct {
			work func() error
			sum  *float64
		}{{ours, &minted}, {floor, &signed}} {
			rate, err := perSecond(100*time.Millisecond, side.work)
			if err != nil {
				return err
			}
			*side.sum += rate / float64(rounds)
		}
	}
	b.add(bench.AtLeast(0.8, bench.Row{What: "mint: tokens a second on one core, beside raw ES256", N: int(account), Ours: minted, Floor: signed, Unit: "/s"}))
	return nil
}

// perSecond repeats work for a while.
func perSecond(d time.Duration, work func() error) (float64, error) {
	began := time.Now()
	n := 0
	for ; time.Since(began) < d; n++ {
		if err := work(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

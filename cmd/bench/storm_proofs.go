package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/pow"
)

// proofBits is the least work that can be asked for, 2^12 hashes: in earnest members' own devices do it, here it is done before the storm.
const proofBits = 12

// proofs are n good proofs of work for challenges of this installation, as members will send them in the next while.
func (b *suite) proofs(ctx context.Context, n int, while time.Duration) (<-chan string, error) {
	issuer := pow.NewIssuer(b.master)
	good := make(chan string, n)
	workers := runtime.NumCPU()
	errs := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for range (n + workers - 1 - i) / workers {
				proof, err := pow.Solve(ctx, issuer.Challenge(pow.Forms, proofBits, time.Now().Add(while)))
				if err != nil {
					errs[i] = err
					return
				}
				good <- proof
			}
		})
	}
	all.Wait()
	close(good)
	return good, errors.Join(errs...)
}

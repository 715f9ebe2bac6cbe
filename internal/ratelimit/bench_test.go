package ratelimit_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// The limit on every gate call: it must stay far below the millisecond that the look-up behind it takes.
func BenchmarkMemoryTake(b *testing.B) {
	m := ratelimit.NewMemory(100_000, nil)
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("198.51.%d.%d", i/256, i%256)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := m.Take(context.Background(), ratelimit.GateKey, keys[i%len(keys)], 1); err != nil {
				b.Error(err)
			}
		}
	})
}

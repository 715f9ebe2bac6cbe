// Package bench is what a benchmark needs beside what it measures: samples, processes with their memory, HTTP load, and the table.
// It promises that ours and the floor are measured by the same means; cmd/bench and timing tests use it.
package bench

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Durations is a sample of times.
type Durations []time.Duration

// Median is the middle of the sample, 0 of an empty one.
func (d Durations) Median() time.Duration { return d.Quantile(0.5) }

// Quantile is the smallest time that a share q of the sample does not exceed, 0 of an empty one.
func (d Durations) Quantile(q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// Median is the middle of some numbers, 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Interval is a range of times.
type Interval struct{ Low, High time.Duration }

// MedianDifference is the percentile bootstrap's 95 % interval of median(a) − median(b): both are drawn again from themselves, with
// replacement, and of the differences the middle 95 % are kept. The same seed gives the same interval.
func MedianDifference(a, b Durations, seed uint64) Interval {
	const draws = 1000
	rng := rand.New(rand.NewPCG(seed, 0))
	differences := make(Durations, draws)
	for i := range differences {
		differences[i] = again(rng, a).Median() - again(rng, b).Median()
	}
	return Interval{differences.Quantile(0.025), differences.Quantile(0.975)}
}

func again(rng *rand.Rand, d Durations) Durations {
	drawn := make(Durations, len(d))
	for i := range drawn {
		drawn[i] = d[rng.IntN(len(d))]
	}
	return drawn
}

package pow_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/pow"
)

// What is asked for rises at once, by a bit with each doubling of the load, and falls only when the load has been lower for Calm.
func TestPressure(t *testing.T) {
	t.Parallel()
	type step struct {
		at   time.Duration
		load float64
		bits int
	}
	for name, row := range map[string]struct {
		mode  pow.Mode
		steps []step
	}{
		"on at once, off after calm": {pow.Auto, []step{{0, .99, 0}, {1, 1, 16}, {2, 0, 16}, {time.Minute, 0, 16}, {time.Minute + 1, 0, 0}}},
		"each doubling":              {pow.Auto, []step{{0, 1.9, 16}, {1, 2, 17}, {2, 4, 18}, {3, 8, 19}, {4, 1e9, 19}}},
		"a wave in time":             {pow.Auto, []step{{0, 1, 16}, {59 * time.Second, 1, 16}, {118 * time.Second, .5, 16}, {119 * time.Second, .5, 0}}},
		"falls to what is needed":    {pow.Auto, []step{{0, 8, 19}, {30 * time.Second, 1, 19}, {time.Minute, 1, 16}, {61 * time.Second, 0, 16}, {2 * time.Minute, 0, 0}}},
		"rises before it fell":       {pow.Auto, []step{{0, 1, 16}, {10 * time.Second, 0, 16}, {20 * time.Second, 4, 18}, {79 * time.Second, 0, 18}, {80 * time.Second, 0, 0}}},
		"always, and more":           {pow.Always, []step{{0, 0, 16}, {1, 4, 18}, {time.Minute + 1, 0, 16}}},
		"never":                      {pow.Never, []step{{0, 1e9, 0}}},
	} {
		load, start := 0.0, time.Now()
		p := pow.NewPressure(row.mode, 16, func(time.Time) float64 { return 0 }, func(time.Time) float64 { return load })
		for _, s := range row.steps {
			load = s.load
			if got := p.Bits(start.Add(s.at)); got != s.bits {
				t.Errorf("%s, after %v under %v: %d bits, want %d", name, s.at, s.load, got, s.bits)
			}
		}
	}
}

// Ten seconds are looked at, those before them fade out.
func TestMeter(t *testing.T) {
	t.Parallel()
	m, start := pow.NewMeter(10), time.Unix(1000, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	loads := func(seconds ...float64) (got []float64) {
		for _, s := range seconds {
			got = append(got, m.Load(at(s)))
		}
		return got
	}
	for range 50 {
		m.Mark(at(0))
	}
	if diff := cmp.Diff([]float64{.5, .5, .5, .25, 0, 0}, loads(0, 9.9, 10, 15, 20, 1000)); diff != "" {
		t.Error(diff)
	}
	m.Trip(at(2000))
	m.Trip(at(2001))
	if diff := cmp.Diff([]float64{1.01, 0}, loads(2001, 2030)); diff != "" {
		t.Errorf("run out: %s", diff)
	}
}

// A crowd is different sources, not loud ones.
func TestCrowd(t *testing.T) {
	t.Parallel()
	c, start := pow.NewCrowd(8), time.Unix(1000, 0)
	for range 10_000 {
		c.Mark("198.51.100.7", start)
	}
	if got := c.Load(start); got != 1./8 {
		t.Errorf("one source is a load of %v", got)
	}
	for i := range 200 {
		c.Mark("198.51.100."+strconv.Itoa(i), start.Add(time.Second))
	}
	if got := c.Load(start.Add(11 * time.Second)); got < 4 || got > 8 {
		t.Errorf("two hundred sources are a load of %v", got)
	}
	if got := c.Load(start.Add(time.Minute)); got != 0 {
		t.Errorf("a minute later: %v", got)
	}
}

package bench_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/bench"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	var hundred bench.Durations
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, c := range []struct {
		sample bench.Durations
		q      float64
		want   time.Duration
	}{
		{nil, 0.5, 0}, {bench.Durations{7}, 0.99, 7}, {hundred, 0, 1}, {hundred, 0.5, 51}, {hundred, 0.99, 100}, {hundred, 1, 100},
	} {
		if got := c.sample.Quantile(c.q); got != c.want {
			t.Errorf("quantile %g of %d is %d, not %d", c.q, len(c.sample), got, c.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("the sample was sorted in place")
	}
}

// TestMedianDifference holds that the interval finds a difference that is there and none that is not.
func TestMedianDifference(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	sample := func(at time.Duration) (d bench.Durations) {
		for range 500 {
			d = append(d, at+time.Duration(rng.NormFloat64()*float64(time.Millisecond)))
		}
		return d
	}
	slow, fast := sample(52*time.Millisecond), sample(50*time.Millisecond)
	if i := bench.MedianDifference(slow, fast, 1); i.Low < 1500*time.Microsecond || i.High > 2500*time.Microsecond {
		t.Errorf("2 ms are seen as %v to %v", i.Low, i.High)
	}
	if i := bench.MedianDifference(fast, sample(50*time.Millisecond), 1); i.Low > 0 || i.High < 0 {
		t.Errorf("no difference is seen as %v to %v", i.Low, i.High)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row   bench.Row
		ratio float64
		want  string
	}{
		{bench.AtMost(2, bench.Row{Ours: 4, Floor: 2}), 2, bench.OK},
		{bench.AtMost(2, bench.Row{Ours: 5, Floor: 2}), 2.5, bench.Missed},
		{bench.AtLeast(0.5, bench.Row{Ours: 1, Floor: 2}), 0.5, bench.OK},
		{bench.AtLeast(0.5, bench.Row{Ours: 1, Floor: 4}), 0.25, bench.Missed},
		{bench.AtMost(2, bench.Row{}), 0, bench.Missed}, // nothing measured is nothing met
		{bench.AtLeast(2, bench.Row{}), 0, bench.Missed},
		{bench.Within(60, bench.Row{Ours: 60}), 1, bench.OK},
		{bench.Within(60, bench.Row{Ours: 90}), 1.5, bench.Missed},
	} {
		if c.row.Verdict != c.want || c.row.Ratio != c.ratio && c.row.Floor != 0 {
			t.Errorf("%+v: want %s at %g", c.row, c.want, c.ratio)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := bench.Report{Rows: []bench.Row{
		bench.AtMost(2, bench.Row{What: "import", N: 50000, Ours: 3, Floor: 2, Unit: "s"}),
		bench.Within(60, bench.Row{What: "memory", Ours: 90, Unit: "MiB", Note: "too much"}),
		{What: "delivery", Verdict: bench.NotMeasured, Note: "no smtp-sink"},
	}}
	if r.Failed() != 2 {
		t.Errorf("%d rows failed, not 2", r.Failed())
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(out.String(), "\n")[1:4] {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"import 50000 3.00 s 2.00 s 1.50 ≤ 2 × ok",
		"memory 0 90.0 MiB – 1.50 ≤ 60 MiB missed (too much)",
		"delivery not measured: no smtp-sink",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

package signin

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The vectors of RFC 6238 appendix B for SHA-1, their last six digits, and the steps beside them.
func TestMatch(t *testing.T) {
	t.Parallel()
	key := []byte("12345678901234567890")
	for _, c := range []struct {
		code string
		at   int64
		want int64
	}{
		{"287082", 59, 1},
		{" 287 082 ", 59, 1},
		{"287082", 59 + 30, 1},
		{"287082", 59 - 30, 1},
		{"287082", 59 + 60, 0},
		{"287082", 59 + 31, 0},
		{"081804", 1111111109, 37037036},
		{"050471", 1111111111, 37037037},
		{"081804", 1111111111, 37037036},
		{"005924", 1234567890, 41152263},
		{"279037", 2000000000, 66666666},
		{"353130", 20000000000, 666666666},
		{"353131", 20000000000, 0},
		{"", 59, 0},
		{"94287082", 59, 0}, // eight digits are another code
		{"28708२", 59, 0},
	} {
		got, err := match(key, c.code, time.Unix(c.at, 0))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%q at %d: %v %s", c.code, c.at, err, d)
		}
	}
}

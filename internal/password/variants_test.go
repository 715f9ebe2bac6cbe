package password

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The exposed password is found among the variants of what people make of it, and there are never more than three.
func TestVariants(t *testing.T) {
	t.Parallel()
	for pw, want := range map[string][]string{
		"river stone lamp":      {"River stone lamp", "river stone lamp1"},
		"River stone lamp":      {"river stone lamp", "River stone lamp1"},
		"river stone lamp1":     {"river stone lamp", "River stone lamp1", "river stone lamp0"},
		"river stone lamp!":     {"river stone lamp", "River stone lamp!"},
		"river stone lamp12":    {"river stone lamp", "River stone lamp12", "river stone lamp1"},
		"river stone lamp2011!": {"river stone lamp2011", "River stone lamp2011!", "river stone lamp2"},
		"river stone lamp7!?!":  {"river stone lamp7", "River stone lamp7!?!", "river stone lamp"},
		"river stone lamp12345": {"river stone lamp1", "River stone lamp12345", "river stone lamp1234"},
		"été sur la rivière":    {"Été sur la rivière", "été sur la rivière1"},
		"数据泄露之后要换个新密码才行啊":       {"数据泄露之后要换个新密码才行啊1"},
		"7 rivers of stone":     {"7 rivers of stone1"},
		"1234":                  {"123", "1233"},
		"":                      {"1"},
	} {
		got := Variants(pw)
		if diff := cmp.Diff(want, got); diff != "" || len(got) > maxVariants {
			t.Errorf("%q: (-want +got)\n%s", pw, diff)
		}
	}
}

func TestCompareIsCountedAndAddsNothing(t *testing.T) {
	t.Parallel()
	h := newHasher(t, DefaultParams())
	encoded, err := h.Hash("river stone lamp")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		encoded, pw string
		want        bool
	}{{encoded, "river stone lamp", true}, {encoded, "river stone lamp1", false}, {"nothing we know", "river stone lamp", false}} {
		if got, err := h.Compare(c.encoded, c.pw); err != nil || got != c.want {
			t.Errorf("%q: %v %v", c.pw, got, err)
		}
	}
	if full, compared := h.Count(); full != 1 || compared != 2 {
		t.Errorf("%d new hashes, %d comparisons", full, compared)
	}
}

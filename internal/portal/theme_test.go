package portal

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// Whatever colour a house has, what is written in it and on it can be read (WCAG 2.2 SC 1.4.3).
func TestAnyColourCanBeRead(t *testing.T) {
	t.Parallel()
	onLight, onDark := colour{1, 1, 1}, colour{0x0b / 255., 0x11 / 255., 0x17 / 255.} // --on-accent in portal.css
	rapid.Check(t, func(t *rapid.T) {
		hex := rapid.StringMatching(`#[0-9a-fA-F]{6}`).Draw(t, "colour")
		made, err := themeOf(hex)
		if err != nil {
			t.Fatal(err)
		}
		accents := regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(made.css, -1)
		if len(accents) != 2 {
			t.Fatal(made.css)
		}
		for i, pair := range [][2]colour{{lightPage, onLight}, {darkCard, onDark}} {
			accent, err := parseColour(accents[i])
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range pair {
				if got := contrast(accent, other); got < leastContrast {
					t.Errorf("%s on %s: %.2f", accent, other, got)
				}
			}
		}
	})
}

func TestContrastIsWCAGs(t *testing.T) {
	t.Parallel()
	black, white, grey := colour{}, colour{1, 1, 1}, colour{0x76 / 255., 0x76 / 255., 0x76 / 255.}
	if got := contrast(black, white); got != 21 {
		t.Errorf("black on white: %v", got)
	}
	if got := contrast(grey, white); got < 4.54 || got > 4.55 { // the well-known lightest grey that passes
		t.Errorf("#767676 on white: %v", got)
	}
}

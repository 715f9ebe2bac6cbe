package portal

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// colour is sRGB, each part from 0 to 1.
type colour [3]float64

// The surfaces that text in the accent colour stands on, as in portal.css: the page in light mode, the card in dark mode. The other one contrasts more.
var (
	lightPage = colour{0xf3 / 255., 0xf5 / 255., 0xf7 / 255.}
	darkCard  = colour{0x18 / 255., 0x21 / 255., 0x2a / 255.}
)

// leastContrast is WCAG 2.2 SC 1.4.3 for text.
const leastContrast = 4.5

// theme is what a house's colour changes; zero for the built-in colours.
type theme struct {
	css    string // the end of the style sheet
	accent string // the colour on light
}

// themeOf makes the accent colour of a house's. One that could not be read is made darker on light and lighter on dark until it can.
func themeOf(hex string) (theme, error) {
	if hex == "" {
		return theme{}, nil
	}
	accent, err := parseColour(hex)
	if err != nil {
		return theme{}, err
	}
	light := accent.towards(colour{0, 0, 0}, lightPage)
	dark := accent.towards(colour{1, 1, 1}, darkCard)
	css := fmt.Sprintf(":root{--accent:%s}@media(prefers-color-scheme:dark){:root{--accent:%s}}\n", light, dark)
	return theme{css: css, accent: light.String()}, nil
}

func parseColour(s string) (colour, error) {
	if len(s) != 7 || s[0] != '#' {
		return colour{}, errors.New("portal: the colour is not of the form #rrggbb")
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return colour{}, errors.New("portal: the colour is not of the form #rrggbb")
	}
	return colour{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}, nil
}

// towards mixes in as little of the end as gives the least contrast on the surface.
func (c colour) towards(end, surface colour) colour {
	const steps = 100
	mixed := c
	for i := 0; i <= steps; i++ {
		for k := range mixed {
			mixed[k] = c[k] + (end[k]-c[k])*float64(i)/steps
		}
		if contrast(mixed.rounded(), surface) >= leastContrast {
			break
		}
	}
	return mixed
}

func (c colour) rounded() colour {
	for k := range c {
		c[k] = math.Round(c[k]*255) / 255
	}
	return c
}

// String is CSS.
func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255)))
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c colour) luminance() float64 {
	var linear colour
	for k, v := range c {
		if v <= 0.04045 {
			linear[k] = v / 12.92
		} else {
			linear[k] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}

package plot

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, colour string) float64 {
	require.Len(t, colour, 7)
	n, err := strconv.ParseUint(colour[1:], 16, 32)
	require.NoError(t, err)
	channel := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

const white, dark = "#ffffff", "#0d1117"

func TestContrastIsOfWCAG(t *testing.T) {
	require.InDelta(t, 21, contrast(t, white, "#000000"), 1e-9)
	require.InDelta(t, 4.54, contrast(t, white, "#767676"), 0.01)
}

func TestColoursStandOutFromBothBackgrounds(t *testing.T) {
	for _, c := range lineColours {
		require.GreaterOrEqual(t, contrast(t, c, white), 3.0, c)
		require.GreaterOrEqual(t, contrast(t, c, dark), 3.0, c)
	}
	require.GreaterOrEqual(t, contrast(t, textColour, white), 4.0)
	require.GreaterOrEqual(t, contrast(t, textColour, dark), 4.0)
}

func TestSchemesStandOutFromTheirBackground(t *testing.T) {
	schemes := regexp.MustCompile(`prefers-color-scheme: (light|dark)\) (.*)`).FindAllStringSubmatch(styleSheet(), -1)
	require.Len(t, schemes, 2)
	for _, s := range schemes {
		colours := regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(s[2], -1)
		require.Len(t, colours, 2)
		for _, c := range colours {
			require.GreaterOrEqual(t, contrast(t, c, map[string]string{"light": white, "dark": dark}[s[1]]), 4.5, c)
		}
	}
}

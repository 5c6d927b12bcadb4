package plot

import "fmt"

// The colours of lines and, where no colour scheme is known, of text: neither light nor
// dark, so that they stand out from white (#ffffff) as well as from dark (#0d1117).
const textColour = "#72777d"

var lineColours = []string{
	"#2f7fe8", "#d3661b", "#259648", "#b35fd6", "#d9453d", "#0f8f9c", "#9b7d0a", "#d1478f",
}

// dashes tell lines apart that share a colour, or a reader's idea of it.
var dashes = []string{"", "7 3", "2 3", "9 3 2 3", "14 4"}

// maxSeries is what the legend has room for.
const maxSeries = 16

// marker is the path of the i-th series' mark around (0, 0).
func marker(i int) string {
	return []string{
		"M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",                   // circle
		"M-3.2 -3.2h6.4v6.4h-6.4z",                                        // square
		"M0 -4.2L4 3H-4z",                                                 // triangle
		"M0 -4.6L4.6 0L0 4.6L-4.6 0z",                                     // diamond
		"M0 4.2L4 -3H-4z",                                                 // triangle, down
		"M-4 -1.2H-1.2V-4H1.2V-1.2H4V1.2H1.2V4H-1.2V1.2H-4z",              // plus
		"M0 -4.5L1.3 -1.3L4.5 0L1.3 1.3L0 4.5L-1.3 1.3L-4.5 0L-1.3 -1.3z", // star
	}[i%7]
}

func styleSheet() string {
	css := `text { font: 12px system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; fill: ` + textColour + ` }
.title { font-size: 16px; font-weight: 600 }
.tick { font-size: 11px }
.axis { stroke: ` + textColour + `; fill: none }
.grid { stroke: #808080; stroke-opacity: 0.25; fill: none }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
@media (prefers-color-scheme: light) { text { fill: #24292f } .axis { stroke: #57606a } }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de } .axis { stroke: #9198a1 } .grid { stroke-opacity: 0.35 } }
`
	for i, c := range lineColours {
		css += fmt.Sprintf(".c%d { stroke: %s } .m%d { fill: %s }\n", i, c, i, c)
	}
	return css
}

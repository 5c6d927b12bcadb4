package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
)

// Where things are in the picture, in its own units.
const (
	width, height = 800, 450

	left, top = 84.0, 48.0
	bottom    = 392.0
	right     = 784.0 // of the legend; the lines end before it

	fontSize    = 12.0
	tickSize    = 11.0
	titleSize   = 16.0
	swatch      = 34.0 // line and mark before a name in the legend, with its space
	legendGap   = 18.0 // between the lines and the legend
	legendRow   = 21.0
	legendWidth = 232.0 // at most

	markEvery = 55.0 // between marks of a line with many points
	manyMarks = 24
)

// chart is everything that is drawn, checked.
type chart struct {
	title, xLabel, yLabel string
	x, y                  axis
	series                []Series
}

// write draws into memory first: a picture is written whole or not at all.
func (c *chart) write(w io.Writer) error {
	var b bytes.Buffer
	plotRight := right - legendGap - c.legendWidth()
	px := func(v float64) float64 { return left + c.x.place(v)*(plotRight-left) }
	py := func(v float64) float64 { return bottom - c.y.place(v)*(bottom-top) }

	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>\n%s</style>\n", escape(c.title), styleSheet())
	c.drawXTicks(&b, px, plotRight)
	c.drawYTicks(&b, py, plotRight)
	fmt.Fprintf(&b, `<path class="axis" d="M%.1f %.1fV%.1fH%.1f"/>`+"\n", left, top, bottom, plotRight)
	drawText(&b, c.title, textAt{x: left, y: 28, anchor: "start", room: right - left, class: "title", size: titleSize})
	drawText(&b, c.xLabel, textAt{x: (left + plotRight) / 2, y: height - 14, anchor: "middle", room: plotRight - left})
	drawText(&b, c.yLabel, textAt{x: 18, y: (top + bottom) / 2, anchor: "middle", room: bottom - top, upwards: true})
	for i, s := range c.series {
		drawLine(&b, i, s, px, py)
	}
	c.drawLegend(&b, plotRight+legendGap)
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (c *chart) drawXTicks(b *bytes.Buffer, px func(float64) float64, plotRight float64) {
	taken := math.Inf(-1) // where the last label ended
	for _, t := range c.x.ticks {
		x := px(t.at)
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %.1fV%.1f"/>`+"\n", x, top, bottom)
		half := textWidth(t.label, tickSize) / 2
		if x-half < taken {
			continue
		}
		taken = x + half + 1
		drawText(b, t.label, textAt{x: x, y: bottom + 18, anchor: "middle", room: plotRight, class: "tick", size: tickSize})
	}
}

func (c *chart) drawYTicks(b *bytes.Buffer, py func(float64) float64, plotRight float64) {
	for _, t := range c.y.ticks {
		y := py(t.at)
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %.1fH%.1f"/>`+"\n", left, y, plotRight)
		drawText(b, t.label, textAt{x: left - 8, y: y + 4, anchor: "end", room: left - 36, class: "tick", size: tickSize})
	}
}

func drawLine(b *bytes.Buffer, i int, s Series, px, py func(float64) float64) {
	var d strings.Builder
	for j, p := range s.Points {
		fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(j, 1)], px(p.X), py(p.Y))
	}
	b.WriteString("<g>")
	fmt.Fprintf(b, "<title>%s</title>", escape(s.Name))
	drawPath(b, i, d.String())
	lastX, lastY := math.Inf(-1), 0.0
	for _, p := range s.Points {
		x, y := px(p.X), py(p.Y)
		if len(s.Points) <= manyMarks || math.Hypot(x-lastX, y-lastY) >= markEvery {
			drawMark(b, i, x, y)
			lastX, lastY = x, y
		}
	}
	b.WriteString("</g>\n")
}

func drawPath(b *bytes.Buffer, i int, d string) {
	fmt.Fprintf(b, `<path class="line c%d"`, i%len(lineColours))
	if dash := dashes[i%len(dashes)]; dash != "" {
		fmt.Fprintf(b, ` stroke-dasharray="%s"`, dash)
	}
	fmt.Fprintf(b, ` d="%s"/>`, d)
}

func drawMark(b *bytes.Buffer, i int, x, y float64) {
	fmt.Fprintf(b, `<path class="m%d" transform="translate(%.1f %.1f)" d="%s"/>`, i%len(lineColours), x, y, marker(i))
}

// legendWidth is what the longest name takes, within bounds.
func (c *chart) legendWidth() float64 {
	w := 0.0
	for _, s := range c.series {
		w = max(w, swatch+textWidth(clean(s.Name), fontSize))
	}
	return min(w, legendWidth)
}

func (c *chart) drawLegend(b *bytes.Buffer, x float64) {
	for i, s := range c.series {
		y := top + legendRow*(float64(i)+0.5)
		b.WriteString(`<g class="legend">`)
		drawPath(b, i, fmt.Sprintf("M%.1f %.1fH%.1f", x, y, x+swatch-6))
		drawMark(b, i, x+(swatch-6)/2, y)
		drawText(b, s.Name, textAt{x: x + swatch, y: y + 4, anchor: "start", room: right - x - swatch})
		b.WriteString("</g>\n")
	}
}

// textAt is how a text is set. One that is wider than its room is cut short.
type textAt struct {
	x, y, room float64
	anchor     string
	class      string
	size       float64 // 0 is fontSize
	upwards    bool
}

func drawText(b *bytes.Buffer, text string, at textAt) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f"`, at.x, at.y)
	if at.anchor != "start" {
		fmt.Fprintf(b, ` text-anchor="%s"`, at.anchor)
	}
	if at.class != "" {
		fmt.Fprintf(b, ` class="%s"`, at.class)
	}
	if at.upwards {
		fmt.Fprintf(b, ` transform="rotate(-90 %.1f %.1f)"`, at.x, at.y)
	}
	size := at.size
	if size == 0 {
		size = fontSize
	}
	fmt.Fprintf(b, ">%s</text>\n", escape(cut(clean(text), size, at.room)))
}

// cut shortens text to what fits into room.
func cut(text string, size, room float64) string {
	if textWidth(text, size) <= room+almost {
		return text
	}
	used := textWidth("…", size)
	for i, r := range text {
		if used += textWidth(string(r), size); used > room {
			return text[:i] + "…"
		}
	}
	return text
}

// textWidth is an upper estimate, for the common fonts without serifs.
func textWidth(text string, size float64) float64 {
	ems := 0.0
	for _, r := range text {
		switch {
		case r >= 0x300 || strings.ContainsRune("mwMW@%", r):
			ems += 1
		case unicode.IsUpper(r):
			ems += 0.8
		case strings.ContainsRune("fijlrt.,:;'|!() ", r):
			ems += 0.42
		default:
			ems += 0.64
		}
	}
	return ems * size
}

// clean replaces what is not to be seen, or would change what is seen around it.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(clean(text))) // a strings.Builder does not fail
	return b.String()
}

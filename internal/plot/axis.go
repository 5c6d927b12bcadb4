package plot

import (
	"math"
	"strings"
)

// maxSteps is how many intervals an axis has at most.
const maxSteps = 10

// almost forgives what rounding adds to a value that belongs on a tick.
const almost = 1e-9

// axis maps values from lo to hi to fractions of its length. The ticks ascend, the first
// at lo and the last at hi.
type axis struct {
	lo, hi float64
	log    bool
	ticks  []tick
}

type tick struct {
	at    float64
	label string
}

// place is the fraction of the axis's length at which v lies.
func (a *axis) place(v float64) float64 {
	if a.log {
		return (math.Log10(v) - math.Log10(a.lo)) / (math.Log10(a.hi) - math.Log10(a.lo))
	}
	return (v - a.lo) / (a.hi - a.lo)
}

func axisOf(log bool, at []float64, format func(float64) string) axis {
	a := axis{lo: at[0], hi: at[len(at)-1], log: log}
	for _, v := range at {
		a.ticks = append(a.ticks, tick{v, format(v)})
	}
	return a
}

// percentileAxis is a log axis of 1/(1-p), from p = 0 to the first row of nines whose
// place is not before last.
func percentileAxis(last float64) axis {
	a := axis{lo: 1, log: true, ticks: []tick{{1, "0%"}, {2, "50%"}}}
	for n := 1; ; n++ {
		label := "90%"
		if n > 1 {
			label = "99." + strings.Repeat("9", n-2) + "%"
			label = strings.Replace(label, ".%", "%", 1)
		}
		a.hi = math.Pow10(n)
		a.ticks = append(a.ticks, tick{a.hi, label})
		if a.hi*(1+almost) >= last {
			return a
		}
	}
}

// decadeAxis is a log axis with ticks at powers of ten, or, where few of these fit,
// at 1, 2 and 5 of each.
func decadeAxis(lo, hi float64, format func(float64) string) axis {
	if hi/lo > 300 {
		return powerAxis(lo, hi, 10, format)
	}
	// The n-th of the numbers ..., 0.5, 1, 2, 5, 10, 20, ...
	nth := func(n int) float64 {
		decade := int(math.Floor(float64(n) / 3))
		return scaled([]float64{1, 2, 5}[n-3*decade], decade)
	}
	n := 3 * int(math.Floor(math.Log10(lo)))
	for nth(n+1) <= lo*(1+almost) {
		n++
	}
	at := []float64{nth(n), nth(n + 1)}
	for n += 2; at[len(at)-1]*(1+almost) < hi; n++ {
		at = append(at, nth(n))
	}
	return axisOf(true, at, format)
}

// doublingAxis is a log axis with ticks at powers of two.
func doublingAxis(lo, hi float64, format func(float64) string) axis {
	return powerAxis(lo, hi, 2, format)
}

func powerAxis(lo, hi, base float64, format func(float64) string) axis {
	exponent := func(v float64) float64 { return math.Log(v) / math.Log(base) }
	first := int(math.Floor(exponent(lo) + almost))
	last := max(int(math.Ceil(exponent(hi)-almost)), first+1)
	every := (last - first + maxSteps - 1) / maxSteps
	at := []float64{math.Pow(base, float64(first))}
	for e := first; e < last; {
		e += every
		at = append(at, math.Pow(base, float64(e)))
	}
	return axisOf(true, at, format)
}

// linearAxis has ticks at whole multiples of a step that nextStep gives for the least
// step allowed.
func linearAxis(lo, hi float64, nextStep func(float64) float64, format func(float64) string) axis {
	if size := max(math.Abs(lo), math.Abs(hi)); hi-lo <= size*almost {
		// All the same, as far as can be drawn.
		half := size / 2
		if half == 0 {
			half = 0.5
		}
		lo, hi = lo-half, hi+half
	}
	step := nextStep((hi - lo) / (maxSteps - 2)) // rounding both ends outwards may add two
	first := math.Floor(lo/step + almost)
	last := math.Ceil(hi/step - almost)
	var at []float64
	for n := first; n <= last; n++ {
		at = append(at, n*step)
	}
	return axisOf(false, at, format)
}

// decimalStep is the first of 1, 2, 5, 10, ... that is not below least.
func decimalStep(least float64) float64 {
	decade := int(math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if step := scaled(m, decade); step*(1+almost) >= least {
			return step
		}
	}
	return scaled(1, decade+1)
}

func binaryStep(least float64) float64 {
	return math.Exp2(math.Ceil(math.Log2(least) - almost))
}

// scaled is m times ten to the e. Dividing by a power of ten is exact where multiplying
// by its inverse is not: 3 * 0.1 is not 0.3.
func scaled(m float64, e int) float64 {
	if e < 0 {
		return m / math.Pow10(-e)
	}
	return m * math.Pow10(e)
}

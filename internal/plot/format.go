package plot

import (
	"math"
	"strconv"
)

// short is v in at most four digits, without a fraction that is zero.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

type unit struct {
	size float64
	name string
}

// inUnits writes v in the greatest unit that is not above it; the units descend.
func inUnits(v float64, units []unit) string {
	last := units[len(units)-1]
	for _, u := range units {
		if math.Abs(v) >= u.size*(1-almost) {
			return short(v/u.size) + u.name
		}
	}
	return short(v/last.size) + last.name
}

func nanoseconds(v float64) string {
	return inUnits(v, []unit{{1e9, " s"}, {1e6, " ms"}, {1e3, " us"}, {1, " ns"}})
}

func byteSize(v float64) string {
	return inUnits(v, []unit{{1 << 40, " TiB"}, {1 << 30, " GiB"}, {1 << 20, " MiB"}, {1 << 10, " KiB"}, {1, " B"}})
}

func number(v float64) string {
	return inUnits(v, []unit{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}})
}

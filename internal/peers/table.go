//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

// form gives a figure three digits.
func form(ns float64) string {
	switch {
	case math.IsInf(ns, 0):
		return ""
	case ns < 100:
		return strconv.FormatFloat(ns, 'f', 1, 64)
	}
	return strconv.FormatFloat(ns, 'f', 0, 64)
}

// enough is how many figures a median is taken of, at least.
const enough = 3

// best is the lowest of the medians of some kinds: with and without PAUSE between tries.
func best(of map[kind][]float64, ks ...kind) float64 {
	lowest := math.Inf(1)
	for _, k := range ks {
		if len(of[k]) >= enough {
			lowest = min(lowest, median(of[k]))
		}
	}
	return lowest
}

func table(w io.Writer, all []*figures, get func(*figures) map[kind][]float64) {
	fmt.Fprintln(w, "\n| ns a record | sides | ends | wait | 48 bytes | batches of 16 | round trip, no PAUSE | with PAUSE | 1 KiB | 64 KiB |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|")
	for _, f := range all {
		of := get(f)
		ends, wait := "processes", "poll"
		if f.threads {
			ends = "threads"
		}
		if f.waits {
			wait = "sleep"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", f.name, f.sides, ends, wait,
			form(best(of, small, smallP)), form(best(of, batch, batchP)), form(best(of, trip)), form(best(of, tripP)),
			form(best(of, kilo)), form(best(of, large)))
	}
}

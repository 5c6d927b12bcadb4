//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// form gives a figure three digits, or all of them with commas.
func form(ns float64) string {
	switch {
	case math.IsInf(ns, 0):
		return ""
	case ns < 100:
		return strconv.FormatFloat(ns, 'f', 1, 64)
	}
	s := strconv.FormatFloat(ns, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
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

// columns are the kinds of a table. Of throughputs, the better of both kinds is in it.
var columns = []struct {
	title string
	kinds []kind
}{
	{"48 bytes", []kind{small, smallP}},
	{"batches of 16", []kind{batch, batchP}},
	{"round trip, no PAUSE", []kind{trip}},
	{"with PAUSE", []kind{tripP}},
	{"1 KiB", []kind{kilo}},
	{"64 KiB", []kind{large}},
}

// ahead is by how much a figure has to be lower than that of shmq to count: less is noise.
const ahead = 0.9

// table marks what is ahead of shmq where that allows as many producers.
func table(w io.Writer, all []*figures, get func(*figures) map[kind][]float64) {
	fmt.Fprint(w, "\n| ns a record | sides | ends | wait |")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.title)
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat("---|", 4+len(columns)))
	for _, f := range all {
		ends, wait := "processes", "poll"
		if f.threads {
			ends = "threads"
		}
		if f.waits {
			wait = "sleep"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |", f.name, f.sides, ends, wait)
		for _, c := range columns {
			ns := best(get(f), c.kinds...)
			cell := form(ns)
			if cell != "" && f.program != bare && f.program != goes && ns < ahead*ours(all, get, f.sides, c.kinds) {
				cell = "**" + cell + "**"
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
}

// ours is the best of shmq with a single producer or with many, as the peer's sides are.
func ours(all []*figures, get func(*figures) map[kind][]float64, sides string, ks []kind) float64 {
	name := "shmq/one-one"
	switch {
	case strings.HasPrefix(sides, "n") && strings.HasSuffix(sides, "broadcast"):
		name = "shmq/many-each"
	case strings.HasSuffix(sides, "broadcast"):
		name = "shmq/one-each"
	case strings.HasPrefix(sides, "n"):
		name = "shmq/many-many"
	}
	ns := math.Inf(1)
	for _, f := range all {
		if strings.HasPrefix(f.name, name) {
			ns = min(ns, best(get(f), ks...))
		}
	}
	if math.IsInf(ns, 0) {
		return 0 // nothing to be ahead of
	}
	return ns
}

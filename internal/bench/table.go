package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Table prints rows for a person, each as soon as it is there.
type Table struct{ W io.Writer }

const rowFormat = "%-34s %9s %12s %9s %9s %9s %9s %9s %11s %7s %7s  %s\n"

// Header prints what the columns are; times are in nanoseconds.
func (t Table) Header() error {
	return t.print(rowFormat, "CASE", "NS/OP", "OPS/S", "P50", "P90", "P99", "P99.9", "MAX", "LIMIT", "RATIO", "GB/S", "")
}

// Row prints a row.
func (t Table) Row(r Result) error {
	if r.Skipped != "" {
		return t.print("%-34s %s\n", r.Case, r.Skipped)
	}
	dash := []any{"-", "-", "-", "-", "-"}
	if p := r.Percentiles; p != nil {
		dash = []any{count(p.P50), count(p.P90), count(p.P99), count(p.P999), count(p.Max)}
	}
	limit, ratio, bandwidth := "-", "-", "-"
	if r.Limit != nil {
		limit, ratio = digits(r.LimitNs), strconv.FormatFloat(r.Ratio, 'f', 2, 64)
	}
	if r.PayloadBytes >= 4096 {
		bandwidth = strconv.FormatFloat(float64(r.PayloadBytes)/r.NsPerOp, 'f', 2, 64)
	}
	var notes []string
	if r.SendAllocs != nil {
		notes = append(notes, fmt.Sprintf("allocs %s + %s", allocs(*r.SendAllocs), allocs(*r.ReceiveAllocs)))
	}
	if r.Note != "" {
		notes = append(notes, r.Note)
	}
	row := append([]any{r.Case, digits(r.NsPerOp), count(int64(r.OpsPerS))}, dash...)
	return t.print(rowFormat, append(row, limit, ratio, bandwidth, strings.Join(notes, "; "))...)
}

const goalFormat = "%-30s %9s  %-32s %11s %8s  %-13s %-6s %-8s %s\n"

// GoalHeader prints the columns of goals.
func (t Table) GoalHeader() error {
	return t.print(goalFormat, "CASE", "NS/OP", "AGAINST", "NS/OP", "VALUE", "GOAL", "", "CORES", "")
}

// Goal prints a goal.
func (t Table) Goal(g GoalResult) error {
	if g.Skipped != "" {
		return t.print("%-34s %s\n", g.Case, g.Skipped)
	}
	verdict := "missed"
	if g.Met {
		verdict = "met"
	}
	against, ns := "-", "-"
	if len(g.Against) > 0 {
		against, ns = strings.Join(g.Against, ", "), each(g.Each)
	}
	cores := string(g.Distance)
	if g.Changed {
		cores += ", changed"
	}
	var beside []string
	for i, name := range g.Beside {
		beside = append(beside, name+" "+digits(g.BesideNs[i]))
	}
	bound := strconv.FormatFloat(g.Bound, 'g', 3, 64)
	value := strconv.FormatFloat(g.Value, 'f', 2, 64)
	switch g.Kind {
	case Time:
		bound = "<= " + bound + "x"
	case Speed:
		bound = ">= " + bound + "x"
	case Allocations:
		bound, value = bound+" allocs", allocs(g.Value)
	case Nanoseconds:
		if g.Bound >= 100 {
			bound = count(int64(g.Bound))
		}
		bound, value = "<= "+bound+" ns", digits(g.Value)
	case Bytes:
		bound, value = "<= "+count(int64(g.Bound))+" B", digits(g.Value)
	}
	return t.print(goalFormat, g.Case, digits(g.NsPerOp), against, ns, value, bound, verdict, cores, strings.Join(beside, ", "))
}

// cores says how far apart the cores were.
func cores(h Host) string {
	switch {
	case h.Distance == Unknown:
		return ""
	case h.Changed:
		return "; the distance of the cores changed"
	}
	return "; cores " + string(h.Distance)
}

// Host prints where was measured, on one line.
func (t Table) Host(h Host) error {
	kind := "bare metal"
	if h.Virtualised {
		kind = "virtual machine"
	}
	return t.print("\n%s, %d cores, %s; Linux %s; %s; shmq %s; %s%s\n", h.CPU, h.Cores, kind, h.Kernel, h.Go, h.Version, h.Time.Format("2006-01-02 15:04 MST"), cores(h))
}

func (t Table) print(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	_, err := io.WriteString(t.W, strings.TrimRight(line, " \n")+"\n")
	return err
}

// each returns several times.
func each(ns []float64) string {
	var s []string
	for _, n := range ns {
		s = append(s, digits(n))
	}
	return strings.Join(s, " / ")
}

// digits returns nanoseconds with about three digits.
func digits(ns float64) string {
	if ns < 100 {
		return strconv.FormatFloat(ns, 'f', 1, 64)
	}
	return count(int64(ns + 0.5))
}

// count returns a number with its thousands apart.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// allocs returns a number of allocations for each record; the runtime's own few in a
// run count as none.
func allocs(n float64) string {
	if n < allocNoise {
		return "0"
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

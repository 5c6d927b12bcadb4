package bench

import (
	"fmt"

	"github.com/shmq/shmq"
)

func name(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Sweep is cases that differ in one number, to show what it costs.
type Sweep struct {
	Name   string
	Title  string
	XLabel string
	LogX   bool
	// Series are lines of a plot; all cases of one have the same name up to the
	// last slash.
	Series []SweepSeries
}

// SweepSeries is one line.
type SweepSeries struct {
	Name  string
	X     []float64
	Cases []Case
}

// Sweeps returns what can be swept.
func Sweeps() []Sweep { return []Sweep{sizes(), rings(), processes()} }

// FindSweep returns the sweep of that name.
func FindSweep(name string) (Sweep, error) {
	for _, s := range Sweeps() {
		if s.Name == name {
			return s, nil
		}
	}
	return Sweep{}, fmt.Errorf("%w: there is no sweep %q; there are size, slots and procs", shmq.ErrOption, name)
}

// Cases returns the cases of all series.
func (s Sweep) Cases() (cs []Case) {
	for _, line := range s.Series {
		cs = append(cs, line.Cases...)
	}
	return cs
}

// series makes a line of one case for each x.
func series(name string, xs []int, at func(x int) Case) SweepSeries {
	s := SweepSeries{Name: name}
	for _, x := range xs {
		s.X = append(s.X, float64(x))
		s.Cases = append(s.Cases, at(x))
	}
	return s
}

// powers returns from, from*factor and so on, up to to.
func powers(from, to, factor int) (xs []int) {
	for x := from; x <= to; x *= factor {
		xs = append(xs, x)
	}
	return xs
}

// sizes sweeps the size of a record, copied in and out.
func sizes() Sweep {
	xs := powers(8, 4<<20, 2)
	// The queue always has room for 64 records, and for 256 KiB.
	shape := func(c Case, x int) Case {
		c.Payload = x
		c.SlotSize = max(64, x)
		c.Slots = max(64, (256<<10)/c.SlotSize)
		c.Wait = true
		return c
	}
	s := Sweep{Name: "size", Title: "Time for a record by its size", XLabel: "record, bytes", LogX: true}
	for _, sides := range []Sides{oneOne, manyMany} {
		s.Series = append(s.Series,
			series("throughput, "+sides.String(), xs, func(x int) Case {
				return shape(onRing(name("size/throughput/%v/%d", sides, x), "", Throughput, sides), x)
			}),
			series("round trip, "+sides.String(), xs, func(x int) Case {
				return shape(onRing(name("size/round-trip/%v/%d", sides, x), "", RoundTrip, sides), x)
			}))
	}
	s.Series = append(s.Series, series("pipe", xs, func(x int) Case {
		return Case{Name: name("size/throughput/pipe/%d", x), Kind: Throughput, Link: linkPipe, Payload: x, Producers: 1, Consumers: 1}
	}))
	return s
}

// rings sweeps the number of slots.
func rings() Sweep {
	xs := powers(4, 1<<16, 4)
	s := Sweep{Name: "slots", Title: "Time for a record by the size of the ring", XLabel: "slots", LogX: true}
	for _, sides := range []Sides{oneOne, manyMany} {
		at := func(kind Kind, path string) func(int) Case {
			return func(x int) Case {
				c := onRing(name("slots/%s/%v/%d", path, sides, x), "", kind, sides)
				c.Slots, c.Wait = x, true
				return c
			}
		}
		s.Series = append(s.Series,
			series("throughput, "+sides.String(), xs, at(Throughput, "throughput")),
			series("round trip, "+sides.String(), xs, at(RoundTrip, "round-trip")))
	}
	return s
}

// processes sweeps the number of processes of each side.
func processes() Sweep {
	xs := []int{1, 2, 3, 4, 5, 6, 7, 8}
	at := func(kind Kind, path string, both, batch int) func(int) Case {
		return func(x int) Case {
			c := onRing(name("procs/%s/%d", path, x), "", kind, manyMany)
			c.Producers, c.Consumers, c.Batch = x, x, batch
			switch both {
			case 1:
				c.Consumers = 1
			case 2:
				c.Producers = 1
			}
			if kind == OpenLoop {
				c.Rate = DefaultRate
			}
			return c
		}
	}
	return Sweep{Name: "procs", Title: "Time for a record by the number of processes", XLabel: "processes of a side", Series: []SweepSeries{
		series("throughput, n to n", xs, at(Throughput, "throughput", 0, 0)),
		series("throughput, n to n, batches of 16", xs, at(Throughput, "throughput-batch-16", 0, 16)),
		series("throughput, n to 1", xs, at(Throughput, "throughput-to-one", 1, 0)),
		series("throughput, 1 to n", xs, at(Throughput, "throughput-from-one", 2, 0)),
		series("open loop, n to n, median", xs, at(OpenLoop, "open-loop", 0, 0)),
	}}
}

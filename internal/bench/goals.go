package bench

// Goal is a relation between cases that the project holds itself to.
type Goal struct {
	Case string
	// Or is another form of the case, if there is one: the faster of the two counts.
	Or string
	// Against are measured in turns with the case; the slowest of them counts. There are none
	// where the goal is absolute.
	Against []string
	Kind    GoalKind
	Bound   float64
	// Far is the bound where the cores are far apart; 0: Bound.
	Far float64
	// Best: the fastest of Against counts. They are forms of one limit.
	Best bool
	// Beside are measured in turns as well, and printed. They decide nothing: they show what
	// a part of the case's work takes.
	Beside []string
}

// GoalKind says what a goal bounds.
type GoalKind string

const (
	// Time: the case's time is at most Bound times that of Against.
	Time GoalKind = "time"
	// Speed: the case's speed is at least Bound times that of Against.
	Speed GoalKind = "speed"
	// Allocations: at most Bound for each record sent, and received.
	Allocations GoalKind = "allocations"
	// Nanoseconds: the case takes at most Bound.
	Nanoseconds GoalKind = "nanoseconds"
	// Bytes: the process takes at most Bound.
	Bytes GoalKind = "bytes"
)

// Goals returns all goals. For large records the time for as many bytes is compared,
// which is bandwidth turned round.
func Goals() []Goal {
	one := func(name string) []string { return []string{name} }
	line := one("bare/slots/throughput")
	batches := []string{"bare/slots/throughput", "bare/slots/throughput/batch-16"}
	trip := []string{"bare/slots", "bare/slots/pause"}
	claimedLine, claimedTrip := one("bare/claimed-slots/throughput"), one("bare/claimed-slots")
	return append([]Goal{
		{Case: "throughput/one-one", Against: line, Kind: Time, Bound: 1.25, Far: 1.15},
		{Case: "throughput/many-many", Against: line, Kind: Time, Bound: 2.8, Far: 1.4, Beside: claimedLine},
		{Case: "throughput/one-one/batch-16", Kind: Nanoseconds, Bound: 4, Far: 18, Beside: batches},
		{Case: "throughput/many-many/batch-16", Kind: Nanoseconds, Bound: 5.5, Far: 19, Beside: batches},
		{Case: "throughput/many-many/4x4", Kind: Nanoseconds, Bound: 25, Far: 50, Beside: claimedLine},
		{Case: "round-trip/one-one", Or: "round-trip/one-one/pause", Against: trip, Kind: Time, Bound: 1.1, Best: true, Beside: one(probe)},
		{Case: "round-trip/many-many", Or: "round-trip/many-many/pause", Against: trip, Kind: Time, Bound: 1.5, Far: 1.2, Best: true, Beside: claimedTrip},
		{Case: "throughput/one-one", Against: one("throughput/one-one/no-wakeups"), Kind: Speed, Bound: 0.95},
		{Case: "throughput/one-one", Against: one("throughput/pipe"), Kind: Speed, Bound: 40},
		{Case: "throughput/many-many", Against: one("throughput/one-one"), Kind: Speed, Bound: 0.25},
		{Case: "throughput/many-many/batch-16", Against: one("throughput/one-one"), Kind: Speed, Bound: 0.7},
		{Case: "throughput/many-many/2x2", Against: one("throughput/many-many"), Kind: Speed, Bound: 0.5},
		{Case: "throughput/many-many/4x4", Against: one("throughput/many-many"), Kind: Speed, Bound: 0.5},
		{Case: "large/64KiB", Against: one("bare/memcpy/64KiB"), Kind: Speed, Bound: 0.8},
		{Case: "large/1MiB", Against: one("bare/memcpy/1MiB"), Kind: Speed, Bound: 0.8},
		{Case: "typed/one-one", Against: []string{"bare/encode", "bare/decode"}, Kind: Time, Bound: 1.25},
		{Case: "parked/one-one", Against: one("bare/futex"), Kind: Time, Bound: 1.15},
		{Case: "parked/one-one/one-core", Against: one("bare/futex/one-core"), Kind: Time, Bound: 1.15},
		{Case: "throughput/one-one", Kind: Allocations},
		{Case: "typed/one-one", Kind: Allocations},
		{Case: "select/throughput/of-8", Against: one("select/throughput/of-1"), Kind: Time, Bound: 1.2},
		{Case: "select/throughput/of-8/batch-16", Against: one("throughput/one-one/batch-16"), Kind: Time, Bound: 1.2},
		{Case: "select/parked/of-64", Against: one("select/parked/of-1"), Kind: Time, Bound: 1.5},
		{Case: "select/throughput/of-8", Kind: Allocations},
		{Case: "attach", Against: nil, Kind: Nanoseconds, Bound: 20e3, Beside: one("bare/attach")},
		{Case: "attach-and-leave", Against: one("bare/attach-and-leave"), Kind: Time, Bound: 1.25},
		{Case: "round-trip/one-one/wait", Against: one("round-trip/one-one"), Kind: Time, Bound: 1.15},
		{Case: "round-trip/many-many/wait", Against: one("round-trip/many-many"), Kind: Time, Bound: 1.15},
		{Case: "memory", Kind: Bytes, Bound: 3.6e6, Beside: one("bare/memory")},
		{Case: "conn/round-trip/64B", Against: one("conn/round-trip/64B/unix"), Kind: Time, Bound: 1.0 / 20},
		{Case: "conn/round-trip/64B/parked", Against: one("conn/round-trip/64B/unix"), Kind: Time, Bound: 1.1},
		{Case: "conn/throughput/64KiB", Against: one("conn/throughput/64KiB/unix"), Kind: Speed, Bound: 2},
		{Case: "redelivery", Kind: Nanoseconds, Bound: 200e6},
		{Case: "shell/shmq", Against: one("shell/cat"), Kind: Speed, Bound: 0.75},
	}, broadcastGoals()...)
}

// GoalResult is a goal with what was measured.
type GoalResult struct {
	Case      string   `json:"case"`
	Against   []string `json:"against,omitempty"`
	Kind      GoalKind `json:"kind"`
	Bound     float64  `json:"bound"` // for the distance
	NsPerOp   float64  `json:"ns_per_op,omitempty"`
	AgainstNs float64  `json:"against_ns_per_op,omitempty"`
	// Each are the times of Against, one for each.
	Each []float64 `json:"against_each_ns_per_op,omitempty"`
	// Beside are cases that were measured in turns and decide nothing.
	Beside   []string  `json:"beside,omitempty"`
	BesideNs []float64 `json:"beside_ns_per_op,omitempty"`
	// Distance is how far apart the cores were meanwhile. If it changed, only the repetitions
	// count that were near, or those that were far, whichever were more.
	Distance Distance `json:"distance,omitempty"`
	Changed  bool     `json:"distance_changed,omitempty"`
	// Value is what Bound bounds.
	Value   float64 `json:"value"`
	Met     bool    `json:"met"`
	Skipped string  `json:"skipped,omitempty"` // why nothing was measured
}

// result returns a result without figures.
func (g Goal) result() GoalResult {
	return GoalResult{Case: g.Case, Against: g.Against, Kind: g.Kind, Bound: g.Bound, Beside: g.Beside}
}

// figures are what was measured for a goal.
type figures struct {
	ns                        float64 // of the case
	or                        float64 // of its other form; 0: there is none
	against, beside           []float64
	sendAllocs, receiveAllocs float64
	distance                  Distance
	changed                   bool
}

// judge fills in the measured value.
func (g Goal) judge(f figures) GoalResult {
	r := g.result()
	if f.or != 0 && f.or < f.ns {
		r.Case, f.ns = g.Or, f.or
	}
	r.NsPerOp, r.Each, r.BesideNs, r.Distance, r.Changed = f.ns, f.against, f.beside, f.distance, f.changed
	if f.distance == Far && g.Far != 0 {
		r.Bound = g.Far
	}
	for i, ns := range f.against {
		if i == 0 || g.Best == (ns < r.AgainstNs) {
			r.AgainstNs = ns
		}
	}
	switch g.Kind {
	case Time:
		r.Value = f.ns / r.AgainstNs
		r.Met = r.Value <= r.Bound
	case Speed:
		r.Value = r.AgainstNs / f.ns
		r.Met = r.Value >= r.Bound
	case Allocations:
		// A typed receive makes the strings of its value.
		r.Value = f.sendAllocs
		if g.Case != "typed/one-one" {
			r.Value = max(f.sendAllocs, f.receiveAllocs)
		}
		// The runtime's own, a handful a run, are not the queue's.
		r.Met = r.Value <= r.Bound+allocNoise
	case Nanoseconds, Bytes:
		r.Value = f.ns
		r.Met = f.ns <= r.Bound
	}
	return r
}

// allocNoise is what counts as no allocation: fewer than one in a thousand records.
const allocNoise = 0.001

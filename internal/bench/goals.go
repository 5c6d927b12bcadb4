package bench

// Goal is a relation between cases that the project holds itself to.
type Goal struct {
	Case    string
	Against []string // the slowest of them counts; none where the goal is absolute
	Kind    GoalKind
	Bound   float64
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
	return []Goal{
		{"round-trip/one-one", one("bare/cache-lines"), Time, 1.15},
		{"throughput/one-one", one("throughput/one-one/no-wakeups"), Speed, 0.95},
		{"throughput/one-one", one("throughput/pipe"), Speed, 40},
		{"round-trip/many-many", one("bare/cache-lines"), Time, 1.5},
		{"throughput/many-many", one("throughput/one-one"), Speed, 0.25},
		{"throughput/many-many/batch-16", one("throughput/one-one"), Speed, 0.7},
		{"throughput/many-many/2x2", one("throughput/many-many"), Speed, 0.5},
		{"throughput/many-many/4x4", one("throughput/many-many"), Speed, 0.5},
		{"large/64KiB", one("bare/memcpy/64KiB"), Speed, 0.8},
		{"large/1MiB", one("bare/memcpy/1MiB"), Speed, 0.8},
		{"typed/one-one", []string{"bare/encode", "bare/decode"}, Time, 1.25},
		{"parked/one-one", one("bare/futex"), Time, 1.15},
		{"parked/one-one/one-core", one("bare/futex/one-core"), Time, 1.15},
		{"select/throughput/of-8", one("select/throughput/of-1"), Time, 1.2},
		{"select/throughput/of-8/batch-16", one("throughput/one-one/batch-16"), Time, 1.2},
		{"select/parked/of-64", one("select/parked/of-1"), Time, 1.5},
		{"throughput/one-one", nil, Allocations, 0},
		{"select/throughput/of-8", nil, Allocations, 0},
		{"typed/one-one", nil, Allocations, 0},
		{"attach", one("bare/attach"), Nanoseconds, 20e3},
		{"attach-and-leave", one("bare/attach-and-leave"), Time, 1.25},
		{"round-trip/one-one/wait", one("round-trip/one-one"), Time, 1.15},
		{"round-trip/many-many/wait", one("round-trip/many-many"), Time, 1.15},
		{"memory", one("bare/memory"), Bytes, 3.5e6},
		{"redelivery", nil, Nanoseconds, 200e6},
		{"conn/round-trip/64B", one("conn/round-trip/64B/unix"), Time, 1.0 / 20},
		{"conn/round-trip/64B/parked", one("conn/round-trip/64B/unix"), Time, 1.1},
		{"conn/throughput/64KiB", one("conn/throughput/64KiB/unix"), Speed, 2},
		{"shell/shmq", one("shell/cat"), Speed, 0.75},
	}
}

// GoalResult is a goal with what was measured.
type GoalResult struct {
	Case      string   `json:"case"`
	Against   []string `json:"against,omitempty"`
	Kind      GoalKind `json:"kind"`
	Bound     float64  `json:"bound"`
	NsPerOp   float64  `json:"ns_per_op,omitempty"`
	AgainstNs float64  `json:"against_ns_per_op,omitempty"`
	// Value is what Bound bounds.
	Value   float64 `json:"value"`
	Met     bool    `json:"met"`
	Skipped string  `json:"skipped,omitempty"` // why nothing was measured
}

// judge fills in the measured value. ns is the case's time and against that of the
// slowest reference; send and receive are its allocations.
func (g Goal) judge(ns, against, sendAllocs, receiveAllocs float64) GoalResult {
	r := GoalResult{Case: g.Case, Against: g.Against, Kind: g.Kind, Bound: g.Bound, NsPerOp: ns, AgainstNs: against}
	switch g.Kind {
	case Time:
		r.Value = ns / against
		r.Met = r.Value <= g.Bound
	case Speed:
		r.Value = against / ns
		r.Met = r.Value >= g.Bound
	case Allocations:
		// A typed receive makes the strings of its value.
		r.Value = sendAllocs
		if g.Case != "typed/one-one" {
			r.Value = max(sendAllocs, receiveAllocs)
		}
		// The runtime's own, a handful a run, are not the queue's.
		r.Met = r.Value <= g.Bound+allocNoise
	case Nanoseconds, Bytes:
		r.Value = ns
		r.Met = ns <= g.Bound
	}
	return r
}

// allocNoise is what counts as no allocation: fewer than one in a thousand records.
const allocNoise = 0.001

package bench

import (
	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report is what a run of the benchmarks has found. Its JSON is documented in
// docs/commands.md.
type Report struct {
	Host    Host         `json:"host"`
	Results []Result     `json:"results"`
	Goals   []GoalResult `json:"goals,omitempty"`
	Skipped []Skipped    `json:"skipped,omitempty"`
}

// Skipped is a row that was asked for and could not be measured.
type Skipped struct {
	Case   string `json:"case"`
	Reason string `json:"reason"`
}

// Result is one row. Times are in nanoseconds.
type Result struct {
	Case         string  `json:"case"`
	PayloadBytes int     `json:"payload_bytes"`
	NsPerOp      float64 `json:"ns_per_op"`
	OpsPerS      float64 `json:"ops_per_s"`
	*Percentiles         // where single operations were timed
	*Limit               // where there is a bare-hardware figure

	// Runs are the repetitions, of which NsPerOp is the median.
	Runs []float64 `json:"runs"`
	// LimitRuns are those of the slowest of the limit's cases, taken in turn with
	// Runs.
	LimitRuns []float64 `json:"limit_runs,omitempty"`

	// SendAllocs and ReceiveAllocs are heap allocations for each record.
	SendAllocs    *float64 `json:"send_allocs_per_op,omitempty"`
	ReceiveAllocs *float64 `json:"receive_allocs_per_op,omitempty"`
	// Note is what a reader of the figures has to know.
	Note string `json:"note,omitempty"`

	// Histogram is of all repetitions together; nil unless operations were timed.
	Histogram *hdrhistogram.Histogram `json:"-"`
	// Skipped is why there are no figures. Such rows are no part of a Report.
	Skipped string `json:"-"`
}

// Percentiles are those of the single operations.
type Percentiles struct {
	P50  int64 `json:"p50_ns"`
	P90  int64 `json:"p90_ns"`
	P99  int64 `json:"p99_ns"`
	P999 int64 `json:"p999_ns"`
	Max  int64 `json:"max_ns"`
}

// Limit is what the hardware takes for the same.
type Limit struct {
	LimitNs float64 `json:"limit_ns"`
	Ratio   float64 `json:"ratio_to_limit"`
}

// summarize makes a row of repetitions. limits are those of the limit's cases, and
// may be none.
func summarize(c Case, reps []rep, limits [][]rep) Result {
	r := Result{Case: c.Name, PayloadBytes: c.Payload, Runs: times(reps)}
	r.NsPerOp = median(r.Runs)
	r.OpsPerS = 1e9 / r.NsPerOp
	for _, l := range limits {
		if runs := times(l); r.Limit == nil || median(runs) > r.Limit.LimitNs {
			r.LimitRuns = runs
			r.Limit = &Limit{LimitNs: median(runs), Ratio: r.NsPerOp / median(runs)}
		}
	}
	r.Histogram = merge(reps)
	if h := r.Histogram; h != nil {
		r.Percentiles = &Percentiles{
			h.ValueAtPercentile(50), h.ValueAtPercentile(90), h.ValueAtPercentile(99), h.ValueAtPercentile(99.9), h.Max(),
		}
	}
	if c.ours() && c.Kind == Throughput {
		var send, receive []float64
		for _, rep := range reps {
			send, receive = append(send, rep.sendAllocs), append(receive, rep.receiveAllocs)
		}
		s, v := median(send), median(receive)
		r.SendAllocs, r.ReceiveAllocs = &s, &v
	}
	return r
}

// rep is one repetition of a case.
type rep struct {
	ns            float64 // for each operation
	hist          *hdrhistogram.Histogram
	sendAllocs    float64 // for each record
	receiveAllocs float64
}

func times(reps []rep) (ns []float64) {
	for _, r := range reps {
		ns = append(ns, r.ns)
	}
	return ns
}

// merge adds up the histograms; nil if there are none.
func merge(reps []rep) *hdrhistogram.Histogram {
	var all *hdrhistogram.Histogram
	for _, r := range reps {
		if r.hist == nil {
			continue
		}
		if all == nil {
			all = newHistogram()
		}
		all.Merge(r.hist)
	}
	return all
}

package demo

import (
	"fmt"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// account compares records that were sent with records that were received.
type account struct {
	Sent, Received       uint64
	Missing              uint64
	Twice                uint64
	Reordered            uint64 // within a consumer, behind a later record of the same producer
	SumSent, SumReceived uint64
}

func reconcile(producers, consumers []*report) (a account) {
	seen := make([]bitmap, len(producers))
	for _, c := range consumers {
		for _, s := range c.Streams {
			a.Received += s.Records
			a.SumReceived += s.Sum
			a.Twice += s.Twice
			a.Reordered += s.Reordered
			if s.Producer < len(seen) {
				a.Twice += seen[s.Producer].merge(s.Seen)
			}
		}
	}
	for i, p := range producers {
		for _, s := range p.Streams {
			a.Sent += s.Records
			a.SumSent += s.Sum
			a.Missing += s.Records - seen[i].below(s.Records)
		}
	}
	return a
}

// err tells what is wrong, and nothing if every record arrived, once, in order, and
// as it was sent.
func (a account) err() error {
	if a.Missing+a.Twice+a.Reordered > 0 || a.Sent != a.Received {
		return fmt.Errorf("records are not accounted for: %d sent, %d received, %d missing, %d twice, %d out of order",
			a.Sent, a.Received, a.Missing, a.Twice, a.Reordered)
	}
	if a.SumSent != a.SumReceived {
		return fmt.Errorf("records were changed on their way: checksum %016x sent, %016x received", a.SumSent, a.SumReceived)
	}
	return nil
}

// flow is what a phase achieved, all processes together.
type flow struct {
	Records uint64  // received
	Rate    float64 // a second, between the first that was sent and the last that was received
	Latency *hdrhistogram.Histogram
}

func flowOf(number int, producers, consumers []*report) (flow, error) {
	f := flow{Latency: newHistogram()}
	var first, last []int64
	for _, p := range producers {
		if number < len(p.Phases) && p.Phases[number].Records > 0 {
			first = append(first, p.Phases[number].First)
		}
	}
	for _, c := range consumers {
		if number >= len(c.Phases) || c.Phases[number].Records == 0 {
			continue
		}
		t := c.Phases[number]
		f.Records += t.Records
		last = append(last, t.Last)
		h, err := hdrhistogram.Decode(t.Latency)
		if err != nil {
			return f, fmt.Errorf("latencies of a consumer: %w", err)
		}
		f.Latency.Merge(h)
	}
	if len(first) > 0 && len(last) > 0 {
		if ns := slices.Max(last) - slices.Min(first); ns > 0 {
			f.Rate = float64(f.Records) / (float64(ns) / 1e9)
		}
	}
	return f, nil
}

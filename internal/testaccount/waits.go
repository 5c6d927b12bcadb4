package testaccount

import "slices"

// Span is a time between two readings of CLOCK_MONOTONIC, in nanoseconds.
type Span struct{ From, To int64 }

// Length is that of the span.
func (s Span) Length() int64 { return s.To - s.From }

// Merge sorts spans and joins those that overlap.
func Merge(ss *[]Span) {
	slices.SortFunc(*ss, func(a, b Span) int { return int(a.From - b.From) })
	out := (*ss)[:0]
	for _, s := range *ss {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
		} else {
			out = append(out, s)
		}
	}
	*ss = out
}

// Without returns the times that no span covers.
func Without(ss []Span) (gaps []Span) {
	ss = slices.Clone(ss)
	Merge(&ss)
	at := int64(0)
	for _, s := range ss {
		gaps = append(gaps, Span{at, s.From})
		at = s.To
	}
	return append(gaps, Span{at, 1<<63 - 1})
}

// Overlap is how much of s merged spans cover.
func Overlap(s Span, merged []Span) (n int64) {
	for _, m := range merged {
		if o := min(s.To, m.To) - max(s.From, m.From); o > 0 {
			n += o
		}
	}
	return n
}

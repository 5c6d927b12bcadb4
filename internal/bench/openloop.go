package bench

import (
	"encoding/binary"
	"time"
)

// schedule is when records are due: the first at start, then one every gap.
type schedule struct {
	start int64 // CLOCK_MONOTONIC in nanoseconds
	gap   float64
}

// due returns when record i is to be sent, whatever became of those before it.
func (s schedule) due(i int) int64 { return s.start + int64(float64(i)*s.gap) }

// clock tells the time, in nanoseconds of CLOCK_MONOTONIC, and waits until a time.
type clock interface {
	now() int64
	until(at int64)
}

// paced sends n records, each when it is due or, after a delay, as soon as it can. A
// record carries the time at which it was due. So if sending stalls, what was due
// meanwhile counts as late, by as much as a user would have had to wait for it.
func paced(c clock, s schedule, n int, rec []byte, send func([]byte) error) error {
	for i := range n {
		at := s.due(i)
		c.until(at)
		binary.LittleEndian.PutUint64(rec, uint64(at))
		if err := send(rec); err != nil {
			return err
		}
	}
	return nil
}

// dueAt returns when a received record was due.
func dueAt(rec []byte) int64 { return int64(binary.LittleEndian.Uint64(rec)) }

// monotonic is CLOCK_MONOTONIC, read the way Go reads it: through the vDSO, as
// golang.org/x/sys does not.
type monotonic struct {
	base   time.Time
	offset int64 // of CLOCK_MONOTONIC at base
	// sleep, unless nil, is used instead of spinning: where another end needs the core.
	sleep func(ns int64)
}

// newMonotonic finds what to add to Go's clock, whose zero is private. Each look at
// the kernel's clock stands between two at Go's, so it bounds the sum from both sides;
// the narrowest bounds of many looks lie some ten nanoseconds apart.
func newMonotonic(kernel func() int64) *monotonic {
	m := &monotonic{base: time.Now()}
	var lo, hi int64
	for i := range 1000 {
		a := int64(time.Since(m.base))
		k := kernel()
		b := int64(time.Since(m.base))
		if i == 0 {
			lo, hi = k-b, k-a
		}
		lo, hi = max(lo, k-b), min(hi, k-a)
	}
	m.offset = lo + (hi-lo)/2
	return m
}

func (m *monotonic) now() int64 { return m.offset + int64(time.Since(m.base)) }

func (m *monotonic) until(at int64) {
	for {
		left := at - m.now()
		if left <= 0 {
			return
		}
		if m.sleep != nil {
			m.sleep(left)
		}
	}
}

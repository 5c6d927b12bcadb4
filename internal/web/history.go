package web

import (
	"math"
	"strconv"
	"time"

	"github.com/shmq/shmq/internal/graph"
)

const (
	// bucket is the time of one point of a history, and points is how many there are: five
	// minutes.
	bucket = 2 * time.Second
	points = 150
	// mostHistories bounds the memory: 2 kB each.
	mostHistories = 2000
)

// history is a queue's last minutes: one value a bucket, the latest look's. NaN is a bucket
// without a look.
type history struct {
	creation              string
	last                  int64 // the bucket of the last value
	depth, sent, received []float32
}

// histories are those of all queues, by their IDs.
type histories map[string]*history

// add takes the queues of a look. The histories of queues that are gone go with them.
func (h histories) add(queues []graph.Queue, now time.Time) {
	at := now.UnixNano() / int64(bucket)
	seen := make(map[string]bool, len(queues))
	for i := range queues {
		q := &queues[i]
		if q.Error == "" {
			seen[q.ID] = true
		}
	}
	for id := range h {
		if !seen[id] {
			delete(h, id)
		}
	}
	for i := range queues {
		q := &queues[i]
		if !seen[q.ID] {
			continue
		}
		of := h[q.ID]
		if of == nil || of.creation != q.CreationID {
			if of == nil && len(h) >= mostHistories {
				continue
			}
			of = &history{creation: q.CreationID}
			h[q.ID] = of
		}
		of.add(q, at)
	}
}

// add puts a value into its bucket. A clock that went back starts the history again.
func (h *history) add(q *graph.Queue, at int64) {
	values := [...]float32{float32(q.Depth), rate(q.Sent), rate(q.Received)}
	series := [...]*[]float32{&h.depth, &h.sent, &h.received}
	n := len(h.depth)
	if n > 0 && at < h.last || at-h.last >= points {
		n = 0
	}
	for i, s := range series {
		*s = (*s)[:n]
		if n > 0 && at == h.last {
			(*s)[n-1] = values[i]
			continue
		}
		for gap := h.last + 1; n > 0 && gap < at; gap++ {
			*s = append(*s, float32(math.NaN()))
		}
		*s = append(*s, values[i])
		if over := len(*s) - points; over > 0 {
			*s = append((*s)[:0], (*s)[over:]...)
		}
	}
	h.last = at
}

func rate(r *graph.Rates) float32 {
	if r == nil {
		return float32(math.NaN())
	}
	return float32(r.Records)
}

// MarshalJSON gives the values in whole numbers; null stands for NaN.
func (h *history) MarshalJSON() ([]byte, error) {
	b := append([]byte(`{"last":`), strconv.FormatInt(h.last, 10)...)
	for _, s := range []struct {
		name   string
		values []float32
	}{{"depth", h.depth}, {"sent", h.sent}, {"received", h.received}} {
		b = append(append(append(b, `,"`...), s.name...), `":[`...)
		for i, v := range s.values {
			if i > 0 {
				b = append(b, ',')
			}
			if v != v {
				b = append(b, "null"...)
			} else {
				b = strconv.AppendFloat(b, math.Round(float64(v)), 'f', -1, 64)
			}
		}
		b = append(b, ']')
	}
	return append(b, '}'), nil
}

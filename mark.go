package shmq

import (
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Mark goes with a record, and says how far its producer has read the source that it copies into
// the queue: 16 bytes that mean what the producer wants them to, such as an offset, or a sequence
// number and the time at which the source was made. The zero value suits the beginning of a source.
// Marks can be compared. See producer.Raw.Mark.
type Mark = layout.Mark

// Marked is the last record with a mark that is in a queue, consumed since or not.
type Marked struct {
	Position uint64 `json:"position"` // of the record's first slot
	Mark     Mark   `json:"value"`
}

// marked returns nil where there is no mark, or the entries make no sense.
func marked(r *ring.Ring) *Marked {
	m, ok, err := r.Mark()
	if err != nil || !ok {
		return nil
	}
	return &Marked{m.Pos, m.Mark}
}

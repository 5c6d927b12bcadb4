package backup

import "github.com/shmq/shmq"

// missed counts the slots of records that were in the queue when a look began, for any
// receiver to take, and were gone when the viewer came to them: received, or written over.
type missed struct {
	from  uint64 // slots before that were taken already
	end   uint64 // slots from there on were claimed later
	next  uint64 // where the viewer went on
	seen  uint64 // slots that the viewer had missed then
	slots uint64
}

// begin notes where the records are that nobody has taken: where consumers share them, the
// viewer begins a lap behind the newest one, and passes what was received long ago.
func (m *missed) begin(name string) error {
	info, err := shmq.Stat(name)
	if err != nil {
		return err
	}
	m.end = info.Tail
	if info.Consumers == shmq.Many {
		m.from = info.Head
	}
	return nil
}

// until counts what the viewer, which has missed so many slots by now, has passed before it came to
// a position.
func (m *missed) until(position, seen uint64) {
	position = min(position, m.end)
	if first := max(m.next, m.from); position > first {
		m.slots += min(position-first, seen-m.seen)
	}
	m.seen = seen
}

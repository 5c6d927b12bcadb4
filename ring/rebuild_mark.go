package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// resetMarks makes the last mark that of the last record that survived: of the newest good one
// that has a mark, or of the one that was synced last, if that is later; it was acknowledged,
// or it would be a good one. The entries themselves are of some moment after the sync, and may
// speak of records that are lost. What is noted as synced here is on the disk, and a rebuild
// that is interrupted finds the same.
func (b *rebuilder) resetMarks(end uint64) {
	if b.m.Geo.ManyProducers {
		return
	}
	m, ok := b.mark, b.marked
	for i := range 2 {
		e := b.syncedEntry(i)
		s, position, is := e.read()
		switch {
		case !is || atomics.Load64(&e.crc) != layout.MarkSum(position, s.Mark):
		case int64(s.Pos-end) >= 0: // only in a copy that was made while the queue was in use
			atomics.Store64(&e.position, 0)
		case !ok || int64(s.Pos-m.Pos) > 0:
			m, ok = s, true
		}
	}
	for i := range 2 {
		atomics.Store64(&b.markEntry(i).position, 0)
	}
	if !ok {
		return
	}
	b.SetSyncedMark(m)
	e := b.markEntry(0)
	atomics.Store64(&e.mark[0], m.Mark[0])
	atomics.Store64(&e.mark[1], m.Mark[1])
	atomics.Store64(&e.position, m.Pos+1)
}

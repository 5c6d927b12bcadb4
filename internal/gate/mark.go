package gate

import (
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/ring"
)

// KeepMark brings a mark to the disk, so that a rebuild finds it whatever becomes of its
// record, and of the entries that later marks overwrite. All records up to that one are on the
// disk. If as much was kept before, it does nothing.
//
// A rebuild that finds this mark and no later one takes it for the last, so it has to be on the
// disk before the sync that it belongs to is reported, or, when a process comes alone to a queue
// that was left in order, before the stamp: from then on marks overwrite the entries.
//
// Preconditions: the caller has the producer role, or is alone behind the gate.
func KeepMark(q *mapped.Queue, m ring.Marked) error {
	if !q.Ring.SetSyncedMark(m) {
		return nil
	}
	return syncHot(q)
}

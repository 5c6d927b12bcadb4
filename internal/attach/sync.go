package attach

import (
	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// Sync returns when all that is in the queue at this moment, from all participants, is on
// stable storage. Several that sync at a time share the work. It does not hold up those
// that send and receive. In a filesystem in memory it does nothing.
//
// Errors: ErrClosed after Detach; ErrSync, with ErrTruncated if the file was cut, which
// takes what was in the queue. Otherwise the queue is as it was then, for all that are
// attached and those to come; what is not known is how much of it a crash of the machine
// would leave. The next Sync writes everything once more.
func (a *Participant) Sync() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	if a.q.Closed() {
		return fail.In("sync", a.q.Name, fail.ErrClosed)
	}
	var kept error
	err := a.q.Touch(func() error { // also from a timer, which nobody else guards
		if a.unsure {
			if err := sys.Redirty(a.q.Mem); err != nil {
				return err // the kernel takes the pages for written, and would say so
			}
			a.unsure = false
		}
		mark, ok := a.lastMark() // all up to that one is synced below
		err := gate.Sync(a.q)
		if err == nil && ok {
			kept = gate.KeepMark(a.q, mark)
		}
		return err
	})
	if a.Hit() { // it was no longer the file that was synced
		err = a.whyLost()
	} else if cut := a.cut(); cut != nil {
		err = cut // pages that the file has lost are passed over, or their absence is told
	}
	a.unsure = a.unsure || err != nil || kept != nil
	if err == nil {
		return kept
	}
	return gate.NotSynced(a.q, err)
}

// lastMark returns the mark that this participant has to keep, if it is the producer of a queue
// that may have to be rebuilt.
func (a *Participant) lastMark() (m ring.Marked, ok bool) {
	if a.role != shmq.Producer || !a.q.Header.Checksum {
		return m, false
	}
	m, ok, err := a.ring.Mark()
	return m, ok && err == nil
}

// StartSync starts what Sync does and does not wait for it: the kernel begins to write
// what has changed. It says nothing about when, or whether, that is on stable storage;
// a Sync some time later has less to wait for. (It is sync_file_range; msync with
// MS_ASYNC does nothing in Linux since 2.6.19.) Errors: as Sync.
func (a *Participant) StartSync() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	if a.q.Closed() {
		return fail.In("sync", a.q.Name, fail.ErrClosed)
	}
	err := a.q.File.StartSync(int64(len(a.q.Mem)))
	if err == nil {
		err = a.cut()
	}
	return gate.NotSynced(a.q, err)
}

package shmq

import (
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
)

// Watcher describes one queue again and again. It keeps the file open and mapped for
// reading, so a description costs neither an open nor page faults; it takes no seat and no
// lock. It keeps the memory of a queue that was removed: see Removed. It is for one
// goroutine at a time.
//
// What a description costs the participants is cache misses: each line that is read has to be
// fetched back by its writer. Glance reads some lines of the header and one or two a
// seat, whatever the size of the queue. Stat reads the word of every slot, once or twice.
type Watcher struct{ q *mapped.Queue }

// Watch opens the queue of that name to describe it. It never makes one. Errors: as
// Stat.
func Watch(name string) (*Watcher, error) {
	q, err := mapped.Open(name, false)
	if err != nil {
		return nil, fail.In("describe", name, err)
	}
	return &Watcher{q}, nil
}

// Close ends the watch.
func (w *Watcher) Close() error { return fail.In("describe", w.q.Name, w.q.Close()) }

// Removed reports whether the queue's name is gone, or means another queue by now.
func (w *Watcher) Removed() bool { return w.q.Removed() }

// Stat describes the queue, as the function of that name.
func (w *Watcher) Stat() (*Info, error) { return w.describe(true) }

// Glance describes the queue without what only its slots tell: Records, Claimed, Leased
// and Orphans are 0, and Holds is nil for all.
func (w *Watcher) Glance() (*Info, error) { return w.describe(false) }

func (w *Watcher) describe(slots bool) (*Info, error) {
	info, err := describe(w.q, slots)
	return info, fail.In("describe", w.q.Name, err)
}

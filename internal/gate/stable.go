package gate

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Sync returns when the queue as it is now is on stable storage. The error does not name
// the queue: see NotSynced.
//
// Preconditions: the queue is mapped for writing, and faults are taken care of.
func Sync(q *mapped.Queue) error { return syncAll(q.Mem) }

// syncAll syncs a mapping. The kernel tells each description once of a write that
// failed, even if another waited for it, and takes the pages for written. So they are made dirty
// again at once, that no later sync, of any process, succeeds without them, and a second try
// tells whether they can be written now.
func syncAll(mem []byte) error {
	err := sys.Sync(mem)
	if err == nil || sys.Redirty(mem) != nil { // a device that is gone refuses this too
		return err
	}
	if err = sys.Sync(mem); err != nil {
		_ = sys.Redirty(mem)
	}
	return err
}

// syncHot syncs the hot words. A failure that it is told of may be that of any page.
func syncHot(q *mapped.Queue) error {
	err := sys.SyncPart(q.Mem, layout.HotOffset, layout.HotSize)
	if err != nil {
		_ = sys.Redirty(q.Mem)
	}
	return NotSynced(q, err)
}

// NotSynced makes an ErrSync of why something is not on stable storage.
func NotSynced(q *mapped.Queue, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fail.ErrTruncated) { // it says what to do
		return &fail.Error{Op: "sync", Queue: q.Name, Err: fmt.Errorf("%w: %w", fail.ErrSync, err)}
	}
	return &fail.Error{Op: "sync", Queue: q.Name, Err: fmt.Errorf("%w: %w; its records are in the queue, but a crash of the machine may lose some; look after the disk, then run: shmq sync %s", fail.ErrSync, err, strconv.Quote(q.Name))}
}

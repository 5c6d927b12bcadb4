package shmq

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq/internal/sys"
)

// Sync returns when all that is in the queue at this moment, whoever put it there, is on
// stable storage. Several that sync at a time share the work. It does not hold up those
// who send and receive. In a filesystem in memory it does nothing.
//
// Errors: ErrClosed after Detach; ErrSync, with ErrTruncated if the file was cut, which
// takes what was in the queue. Otherwise the queue is as it was then, for all who are
// attached and those to come; what is not known is how much of it a crash of the machine
// would leave. The next Sync writes everything once more.
func (a *Attachment) Sync() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	if a.mem == nil {
		return fail("sync", a.name, ErrClosed)
	}
	err := touch(a.probe, a.mem, func() error { // also from a timer, which nobody else guards
		if a.unsure {
			if err := sys.Redirty(a.mem); err != nil {
				return err // the kernel takes the pages for written, and would say so
			}
			a.unsure = false
		}
		return syncAll(a.mem)
	})
	if a.Hit() { // it was no longer the file that was synced
		err = a.Lost()
	} else if cut := a.cut(); cut != nil {
		err = cut // pages that the file has lost are passed over, or their absence is told
	}
	a.unsure = a.unsure || err != nil
	return notSynced(a.name, err)
}

// syncAll syncs a mapping. The kernel tells each description once of a write that
// failed, whoever waited for it, and takes the pages for written. So they are made dirty
// again at once, that no later sync, of anybody, succeeds without them, and a second try
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

// StartSync starts what Sync does and does not wait for it: the kernel begins to write
// what has changed. It says nothing about when, or whether, that is on stable storage;
// a Sync some time later has less to wait for. (It is sync_file_range; msync with
// MS_ASYNC does nothing in Linux since 2.6.19.) Errors: as Sync.
func (a *Attachment) StartSync() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	if a.mem == nil {
		return fail("sync", a.name, ErrClosed)
	}
	err := a.probe.StartSync(int64(len(a.mem)))
	if err == nil {
		err = a.cut()
	}
	return notSynced(a.name, err)
}

// Sync returns when all that is in the queue of that name at this moment, whoever put it
// there, is on stable storage. It needs neither a role nor a seat. In a filesystem in
// memory it does nothing. Errors: ErrSync, and those of Stat.
func Sync(name string) error { return fail("sync", name, syncNamed(name)) }

func syncNamed(name string) (err error) {
	at, err := find(name)
	if err != nil {
		return err
	}
	f, h, err := open(at, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	mem, err := f.Map(int(h.TotalSize()), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Unmap(mem)) }()
	return notSynced(name, touch(f, mem, func() error { return syncAll(mem) }))
}

// notSynced makes an ErrSync of why something is not on stable storage.
func notSynced(name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrTruncated) { // it says what to do
		return &Error{"sync", name, fmt.Errorf("%w: %w", ErrSync, err)}
	}
	return &Error{"sync", name, fmt.Errorf("%w: %w; its records are in the queue, but a crash of the machine may lose some; look after the disk, then run: shmq sync %s", ErrSync, err, quote(name))}
}

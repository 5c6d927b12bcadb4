// Package memfd has the places of queues without a name: the file of a descriptor, which is
// mostly an anonymous one of memfd_create, and handing it to other processes.
package memfd

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

// Create makes an anonymous queue, sealed.
func Create(s place.Spec) (_ *os.File, err error) {
	f, err := sys.CreateAnonymous(s.Mode)
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w: %w; use a queue with a name", fail.ErrRefused, err)
	case err != nil:
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := allocate(f, s.Bytes()); err != nil {
		return nil, err
	}
	if s.HugePages {
		if err := place.Collapse(f, int(s.Bytes())); err != nil {
			return nil, err
		}
	}
	if err := f.WriteAt(s.Header().Encode(), 0); err != nil {
		return nil, err
	}
	if err := f.Seal(); err != nil {
		return nil, err
	}
	return f.OSFile(), nil
}

// allocate reserves the memory. No filesystem's limit ends that before the
// kernel kills processes, so it is asked first how much there is.
func allocate(f *sys.File, size int64) error {
	left, err := sys.MemoryLeft()
	if err != nil {
		return fmt.Errorf("%w: %w: /proc, through which such a queue is opened, is missing here; mount it, or use a queue with a name", fail.ErrRefused, err)
	}
	if size > left {
		return fmt.Errorf("%w: the queue takes %d bytes, the machine has %d left; make it with fewer or smaller slots, or free some", fail.ErrNoSpace, size, left)
	}
	err = f.Allocate(size)
	if sys.IsNoSpace(err) || sys.IsNoMemory(err) {
		return fmt.Errorf("%w: %w: the queue takes %d bytes; make it with fewer or smaller slots", fail.ErrNoSpace, err, size)
	}
	return err
}

// Name returns the name by which this process can use the queue in a file.
func Name(f *os.File) string { return prefix + strconv.Itoa(sys.Descriptor(f)) }

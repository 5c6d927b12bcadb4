package shmq

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// anonymous stands for the name in errors about a queue that has none.
const anonymous = "anonymous"

// CreateAnonymous makes a queue without a name and returns the file that it is. It is
// in no directory, and gone, with the records in it, when the last process that has the
// file open or is attached ends. Who is to use it has to be handed the file: a child by
// exec.Cmd.ExtraFiles, any process by SendFile. Each then attaches, describes or looks
// by the name that FileName returns; a child by the number it was given, as "fd:3".
//
// The caller closes the file when it has attached and handed it out; who is attached
// does not need it. It is closed on exec, and sealed: its size is final, so nobody can
// harm those attached by cutting it.
//
// opts.Mode decides who of those that are handed the file can attach: a process of
// another user needs 0666, of which nobody else can make use. It can be changed later,
// by os.File.Chmod. Bits to execute are left out. opts may be nil.
//
// Errors: ErrOption; ErrNoSpace if the machine has not that much memory left;
// ErrRefused where the system lets nobody have such files.
func CreateAnonymous(opts *Options) (*os.File, error) {
	f, err := createAnonymous(opts)
	if err != nil {
		return nil, fail("create", anonymous, err)
	}
	return f.OSFile(), nil
}

func createAnonymous(opts *Options) (_ *sys.File, err error) {
	if err := byteOrder(); err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &Options{}
	}
	g, mode, err := opts.geometry()
	if err != nil {
		return nil, err
	}
	f, err := sys.CreateAnonymous(mode)
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w: %w; use a queue with a name", ErrRefused, err)
	case err != nil:
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := allocateAnonymous(f, g); err != nil {
		return nil, err
	}
	if opts.HugePages {
		if err := collapse(f, int(g.TotalSize())); err != nil {
			return nil, err
		}
	}
	h, err := newHeader(g)
	if err != nil {
		return nil, err
	}
	if err := f.WriteAt(h.Encode(), 0); err != nil {
		return nil, err
	}
	return f, f.Seal()
}

// allocateAnonymous reserves the memory. No filesystem's limit ends that before the
// kernel kills processes, so it is asked first how much there is.
func allocateAnonymous(f *sys.File, g layout.Geometry) error {
	size := int64(g.TotalSize())
	left, err := sys.MemoryLeft()
	if err != nil {
		return fmt.Errorf("%w: %w: /proc, through which such a queue is opened, is missing here; mount it, or use a queue with a name", ErrRefused, err)
	}
	if size > left {
		return fmt.Errorf("%w: the queue takes %d bytes, the machine has %d left; make it with fewer or smaller slots, or free some", ErrNoSpace, size, left)
	}
	err = f.Allocate(size)
	if sys.IsNoSpace(err) || sys.IsNoMemory(err) {
		return fmt.Errorf("%w: %w: the queue takes %d bytes; make it with fewer or smaller slots", ErrNoSpace, err, size)
	}
	return err
}

// FileName returns the name, fd:N, by which this process can use the queue in a file for
// as long as the file is open: until it is closed, or nothing refers to f any more. What
// was attached or opened by it stays.
func FileName(f *os.File) string { return fdPrefix + strconv.Itoa(sys.Descriptor(f)) }

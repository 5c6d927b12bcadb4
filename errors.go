package shmq

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Sentinels of sending and receiving.
var (
	// ErrFull: a call that does not wait found no room.
	ErrFull = ring.ErrFull
	// ErrEmpty: a call that does not wait found no record.
	ErrEmpty = ring.ErrEmpty
	// ErrTooLarge: the record can never fit into this queue.
	ErrTooLarge = ring.ErrTooLarge
	// ErrClosed: the producer or consumer was closed.
	ErrClosed = os.ErrClosed
	// ErrBrokenOff: a stream ended before its producers had sent all that they meant
	// to, as far as that can be told; it is an io.ErrUnexpectedEOF.
	ErrBrokenOff error = brokenOff{}
)

// Sentinels of attaching and of files.
var (
	// ErrName: the name cannot be a queue's.
	ErrName = errors.New("bad queue name")
	// ErrOption: an option has a value that is not allowed.
	ErrOption = errors.New("bad option")
	// ErrRoleTaken: the queue has a single producer, or consumer, and another
	// process is it.
	ErrRoleTaken = errors.New("role is taken")
	// ErrNoSeat: as many processes are attached as the queue has seats.
	ErrNoSeat = errors.New("no seat is left")
	// ErrInUse: the queue has participants.
	ErrInUse = errors.New("queue is in use")
	// ErrNotQueue: the file is something else.
	ErrNotQueue = layout.ErrNotQueue
	// ErrVersion: the file is a queue of another layout version.
	ErrVersion = layout.ErrVersion
	// ErrNoSpace: the filesystem, the memory or a limit on either cannot hold the queue.
	ErrNoSpace = errors.New("not enough space")
	// ErrRefused: the kernel, a limit or a sandbox refuses what a queue needs.
	ErrRefused = sys.ErrRefused
	// ErrRemoved: the queue was removed, or replaced by another, while this
	// participant was attached.
	ErrRemoved = errors.New("queue was removed")
	// ErrTruncated: the file was cut while participants were attached.
	ErrTruncated = fmt.Errorf("%w: its file was cut shorter", ErrDamaged)
	// ErrSync: what is in the queue is not known to be on stable storage.
	ErrSync = errors.New("not on stable storage")
	// ErrDamaged: the file is a queue, and makes no sense.
	ErrDamaged = layout.ErrDamaged
)

// brokenOff is ErrBrokenOff, in words of its own.
type brokenOff struct{}

func (brokenOff) Error() string { return "the stream was broken off" }
func (brokenOff) Unwrap() error { return io.ErrUnexpectedEOF }

// opCheck is the operation of Check, which explains damage.
const opCheck = "check"

// Error says which operation failed on which queue. It wraps the reason.
type Error struct {
	Op    string // "create", "attach to", "send to", ...
	Queue string // as the caller named it
	Err   error
}

func (e *Error) Error() string {
	text := "shmq: " + e.Op + " queue " + quote(e.Queue) + ": " + e.Err.Error()
	if e.Op != opCheck && errors.Is(e.Err, ErrDamaged) {
		text += "; to see what is wrong, run: shmq check " + quote(e.Queue)
	}
	return text
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// fail wraps err, unless it is nil or names its queue already.
func fail(op, queue string, err error) error {
	var named *Error
	if err == nil || errors.As(err, &named) {
		return err
	}
	return &Error{op, queue, err}
}

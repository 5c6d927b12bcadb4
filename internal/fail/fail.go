// Package fail has what the errors of all rooms share: the sentinels, the Error that
// names the queue and the operation, and the remedies.
package fail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Sentinels that programs test for. Package shmq has them under the same names, and
// documents them.
var (
	ErrName      = errors.New("bad queue name")
	ErrOption    = errors.New("bad option")
	ErrRoleTaken = errors.New("role is taken")
	ErrNoSeat    = errors.New("no seat is left")
	ErrInUse     = errors.New("queue is in use")
	ErrNoSpace   = errors.New("not enough space")
	ErrRemoved   = errors.New("queue was removed")
	ErrSync      = errors.New("not on stable storage")
	ErrTruncated = fmt.Errorf("%w: its file was cut shorter", ErrDamaged)
	ErrNotQueue  = layout.ErrNotQueue
	ErrVersion   = layout.ErrVersion
	ErrDamaged   = layout.ErrDamaged
	ErrRefused   = sys.ErrRefused

	ErrClosed    error = closed{}
	ErrBrokenOff error = brokenOff{}
)

// closed is os.ErrClosed in words that fit a queue.
type closed struct{}

func (closed) Error() string        { return "it was closed" }
func (closed) Is(target error) bool { return target == os.ErrClosed }

// brokenOff is ErrBrokenOff, in words of its own.
type brokenOff struct{}

func (brokenOff) Error() string { return "the stream was broken off" }
func (brokenOff) Unwrap() error { return io.ErrUnexpectedEOF }

// ErrUnmarked is an ErrBrokenOff for those who ask for a mark only: the stream's last producer
// left in order, and none had marked the end.
var ErrUnmarked error = unmarked{}

type unmarked struct{}

func (unmarked) Error() string {
	return ErrBrokenOff.Error() + ": the last producer left and none had marked the end (Finish, shmq-send --close); what was sent was received"
}
func (unmarked) Unwrap() error { return ErrBrokenOff }

// States of an instant, in which another process is in the middle of something: the caller
// tries again. A user sees one of these only if that process was stopped there.
var (
	// ErrGone: the name means another file, or none, than the one that was opened.
	ErrGone = fmt.Errorf("%w while attaching to it; try again", ErrRemoved)
	// ErrPassing: a role is locked, and no seat tells by which process.
	ErrPassing = fmt.Errorf("%w by a process that is attaching or detaching just now; try again", ErrRoleTaken)
	// ErrBusy: a role is locked, and no seat tells by which process. It may be another Remove
	// that is about to refuse: of two that leave at once, one has to succeed.
	ErrBusy = fmt.Errorf("%w by a process that is attaching, detaching or removing it just now; try again", ErrInUse)
)

// ErrUnfinished: the process that made the queue, or removed it, died in the middle. The
// next one that makes or removes it clears that away.
var ErrUnfinished = errors.New("left unfinished")

// ErrUnmappable is for a queue that only a 64-bit process can use.
var ErrUnmappable = fmt.Errorf("%w: more than this system can map; use it from a 64-bit program", ErrRefused)

// OpCheck is the operation of Check, which explains damage.
const OpCheck = "check"

// Error is shmq.Error.
type Error struct {
	Op    string
	Queue string
	Err   error
}

func (e *Error) Error() string {
	text := "shmq: " + e.Op + " queue " + strconv.Quote(e.Queue) + ": " + e.Err.Error()
	var inner *Error // it may say so, of the queue that is damaged
	told := errors.As(e.Err, &inner) && errors.Is(inner, ErrDamaged)
	if e.Op != OpCheck && errors.Is(e.Err, ErrDamaged) && !told {
		text += "; to see what is wrong, run: shmq check " + strconv.Quote(e.Queue)
	}
	return text
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Absent is the error of opening a queue that does not exist.
type Absent struct {
	Queue string
	Err   error
}

func (e *Absent) Error() string {
	return e.Err.Error() + "; start a sender or receiver that may create it, or run: shmq create " + strconv.Quote(e.Queue)
}

// Unwrap returns the error without the remedy.
func (e *Absent) Unwrap() error { return e.Err }

// useless are the operations on a queue that has records or participants. There the remedy
// for an absent one is not to make it.
var useless = map[string]bool{"remove": true, "recover": true, "sync": true, OpCheck: true}

// In wraps err in an Error, unless it is nil or names its queue already.
func In(op, queue string, err error) error {
	var named *Error
	if err == nil || errors.As(err, &named) {
		return err
	}
	if absent, ok := err.(*Absent); ok && useless[op] {
		err = fmt.Errorf("%w; to see which queues there are, run: shmq ls", absent.Err)
	}
	return &Error{op, queue, err}
}

// Remedy adds to an error about a file what can be done about it.
func Remedy(err error) error {
	switch {
	case errors.Is(err, ErrNotQueue):
		return fmt.Errorf("%w; choose another name, or move that file away", err)
	case errors.Is(err, ErrVersion):
		return fmt.Errorf("%w; use the release that made the queue, or remove it by force", err)
	case errors.Is(err, ErrRemoved):
		return fmt.Errorf("%w while attached to it; attach again to make it anew, or to join the one that has its name by now", err)
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w; remove it by force, or move its file away, and make it again", err)
	}
	return err
}

// Exists is the error of making a queue whose name is taken by the file at path.
func Exists(path string) error {
	return fmt.Errorf("%w: %s; open it as it is, or remove it first", fs.ErrExist, path)
}

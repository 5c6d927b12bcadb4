// Package exit holds how a command ends: its exit code, the one line on standard error,
// and the signals that end it early.
package exit

import (
	"errors"
	"io/fs"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/rpc"
)

// Exit codes. Those from 64 to 77 are the ones of sysexits.h, 124 is that of
// timeout(1), and a signal adds its number to 128, as in the shell.
const (
	CodeOK       = 0
	CodeOther    = 1
	CodeUsage    = 64
	CodeData     = 65 // not a queue, another layout, damaged; bad input
	CodeNoQueue  = 66
	CodeTaken    = 69 // the role, the last seat, or a queue to be removed; no server
	CodeSystem   = 71 // the kernel, a limit or a sandbox refuses
	CodeNoSpace  = 73
	CodeIO       = 74 // not known to be on the disk
	CodeAgain    = 75 // full or empty
	CodeBroken   = 76 // a stream
	CodeNoAccess = 77
	CodeFailed   = 123 // a command that was run for a record, or a call; as xargs
	CodeTimeout  = 124
	CodeCantRun  = 126 // such a command, as in the shell
	CodeNotFound = 127
	CodeSignal   = 128
	CodePipe     = CodeSignal + 13
)

// Text is the list of exit codes of all verbs in the manual pages.
const Text = `  0    done
  1    any other error
  64   usage: a flag, an argument, a name
  65   not a queue, another layout version, damaged; or bad input
  66   no such queue, or it was removed
  69   the role is taken, no seat is left, or the queue is in use; no server is attached
  71   the kernel, a limit or a sandbox refuses what a queue needs
  73   no space for the queue
  74   all that was sent is in the queue, but not known to be on the disk
  75   full or empty, with --nonblock
  76   the stream was broken off, with --strict
  77   no permission
  123  a command that was run for a record failed, or a call
  124  --timeout
  126  such a command can't be run
  127  such a command is not found
  129  SIGHUP
  130  SIGINT
  141  nobody reads standard output any more
  143  SIGTERM`

var codes = []struct {
	err  error
	code int
}{
	{ErrPipe, CodePipe},
	{ErrData, CodeData},
	{ErrTimeout, CodeTimeout},
	{ErrFailed, CodeFailed},
	{ErrCantRun, CodeCantRun},
	{ErrNotFound, CodeNotFound},
	{shmq.ErrName, CodeUsage},
	{shmq.ErrOption, CodeUsage},
	{shmq.ErrManyProducers, CodeUsage},
	{shmq.ErrNotQueue, CodeData},
	{shmq.ErrVersion, CodeData},
	{shmq.ErrDamaged, CodeData},
	{shmq.ErrTooLarge, CodeData},
	{shmq.ErrRoleTaken, CodeTaken},
	{shmq.ErrNoSeat, CodeTaken},
	{shmq.ErrInUse, CodeTaken},
	{rpc.ErrNoServer, CodeTaken},
	{shmq.ErrRemoved, CodeNoQueue},
	{shmq.ErrRefused, CodeSystem},
	{shmq.ErrNoSpace, CodeNoSpace},
	{shmq.ErrSync, CodeIO},
	{shmq.ErrBrokenOff, CodeBroken},
	{shmq.ErrFull, CodeAgain},
	{shmq.ErrEmpty, CodeAgain},
	{fs.ErrPermission, CodeNoAccess},
	{fs.ErrNotExist, CodeNoQueue},
}

// Code returns the exit code of a process that ends with err.
func Code(err error) int {
	var signal Signal
	switch {
	case err == nil:
		return CodeOK
	case errors.As(err, &signal):
		return CodeSignal + int(signal.Sig)
	case errors.As(err, new(usageError)):
		return CodeUsage
	}
	for _, e := range codes {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	return CodeOther
}

// All returns the exit codes that a command may have.
func All() map[int]bool {
	all := map[int]bool{CodeOK: true, CodeOther: true, CodeUsage: true, CodeSignal + 1: true, CodeSignal + 2: true, CodeSignal + 15: true}
	for _, e := range codes {
		all[e.code] = true
	}
	return all
}

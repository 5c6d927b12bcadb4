package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/shmq/shmq"
)

// Exit codes. Those from 65 to 77 are the ones of sysexits.h, 124 is that of
// timeout(1), and a signal adds its number to 128, as in the shell.
const (
	exitOK       = 0
	exitOther    = 1
	exitUsage    = 2
	exitData     = 65 // not a queue, another layout, damaged; bad input
	exitNoQueue  = 66
	exitTaken    = 69 // the role, the last seat, or a queue to be removed
	exitSystem   = 71 // the kernel, a limit or a sandbox refuses
	exitNoSpace  = 73
	exitIO       = 74 // not known to be on the disk
	exitAgain    = 75 // full or empty
	exitBroken   = 76
	exitNoAccess = 77
	exitFailed   = 123 // a command that was run for a record; as xargs
	exitTimeout  = 124
	exitCantRun  = 126 // such a command, as in the shell
	exitNotFound = 127
	exitSignal   = 128
	exitPipe     = exitSignal + 13
)

// exitText tells the exit codes of all verbs in the manual pages.
const exitText = `  0    done
  1    any other error
  2    usage: a flag, an argument, a name
  65   not a queue, another layout version, damaged; or bad input
  66   no such queue, or it was removed
  69   the role is taken, no seat is left, or the queue is in use
  71   the kernel, a limit or a sandbox refuses what a queue needs
  73   no space for the queue
  74   what was sent is in the queue, but not known to be on the disk
  75   full or empty, with --nonblock
  76   the stream was broken off, with --strict
  77   no permission
  123  a command that was run for a record failed
  124  --timeout
  126  such a command can't be run
  127  such a command is not found
  129  SIGHUP
  130  SIGINT
  141  nobody reads standard output any more
  143  SIGTERM`

var (
	errData    = errors.New("bad data")
	errTimeout = errors.New("timed out")

	errFailed   = errors.New("the command failed")
	errCantRun  = errors.New("the command can't be run")
	errNotFound = errors.New("the command is not found")
	// errPipe: who read our output is gone. Not an error worth a line.
	errPipe = errors.New("broken pipe")
)

var exitCodes = []struct {
	err  error
	code int
}{
	{errPipe, exitPipe},
	{errData, exitData},
	{errTimeout, exitTimeout},
	{errFailed, exitFailed},
	{errCantRun, exitCantRun},
	{errNotFound, exitNotFound},
	{shmq.ErrName, exitUsage},
	{shmq.ErrOption, exitUsage},
	{shmq.ErrNotQueue, exitData},
	{shmq.ErrVersion, exitData},
	{shmq.ErrDamaged, exitData},
	{shmq.ErrTooLarge, exitData},
	{shmq.ErrRoleTaken, exitTaken},
	{shmq.ErrNoSeat, exitTaken},
	{shmq.ErrInUse, exitTaken},
	{shmq.ErrRemoved, exitNoQueue},
	{shmq.ErrRefused, exitSystem},
	{shmq.ErrNoSpace, exitNoSpace},
	{shmq.ErrSync, exitIO},
	{shmq.ErrBrokenOff, exitBroken},
	{shmq.ErrFull, exitAgain},
	{shmq.ErrEmpty, exitAgain},
	{fs.ErrPermission, exitNoAccess},
	{fs.ErrNotExist, exitNoQueue},
}

// exitCode maps an error to the process's exit code.
func exitCode(err error) int {
	var sig signalError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &sig):
		return exitSignal + int(sig.sig)
	case errors.As(err, &usage):
		return exitUsage
	}
	for _, e := range exitCodes {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	return exitOther
}

// message returns the one line that tells of err, or "" where the code says it all.
func message(command string, err error) string {
	var (
		told  *toldError
		usage usageError
	)
	text := strings.TrimPrefix(err.Error(), "shmq: ") // the library's own name
	switch {
	case errors.As(err, &told):
	case errors.As(err, new(signalError)), errors.Is(err, errPipe):
		return ""
	case errors.As(err, &usage):
		text += "; see " + command + " --help"
	}
	return command + ": " + strings.ReplaceAll(text, "\n", "; ")
}

// usageError is a mistake in the arguments.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// toldError is an error in words of our own. What it wraps gives the exit code.
type toldError struct {
	text string
	err  error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.err }

// tell returns an error about a queue whose exit code is that of reason.
func tell(queue string, reason error, format string, args ...any) error {
	return &toldError{fmt.Sprintf("queue %q: ", queue) + fmt.Sprintf(format, args...), reason}
}

// reason returns what the library says of a queue without naming it.
func reason(err error) string {
	var named *shmq.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// ended returns why the command's own context ended, or else err.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

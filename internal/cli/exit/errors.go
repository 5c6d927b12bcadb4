package exit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/shmq/shmq"
)

// Errors that have an exit code of their own.
var (
	ErrData    = errors.New("bad data")
	ErrTimeout = errors.New("timed out")

	ErrFailed   = errors.New("the command failed")
	ErrCantRun  = errors.New("the command can't be run")
	ErrNotFound = errors.New("the command is not found")
	// ErrPipe: the reader of standard output is gone. It is not worth a line.
	ErrPipe = errors.New("broken pipe")

	// ErrInput and ErrOutput stand for the reason of a file that can't be read or
	// written: the reason itself would give an exit code about queues.
	ErrInput  = errors.New("can't read the input")
	ErrOutput = errors.New("can't write the output")
)

// Message returns the one line about err, or "" where the code says it all.
func Message(command string, err error) string {
	text := strings.TrimPrefix(err.Error(), "shmq: ") // the library's own name
	switch {
	case errors.As(err, new(*told)):
	case errors.As(err, new(Signal)), errors.Is(err, ErrPipe):
		return ""
	case errors.As(err, new(usageError)):
		text += "; see " + command + " --help"
	}
	return command + ": " + OneLine(text)
}

// OneLine joins the lines of a text, and takes out what would drive a terminal: it may be that of a
// server, of a command, or of whoever wrote to a queue.
func OneLine(text string) string {
	return strings.Map(Printable, strings.NewReplacer("\n", "; ", "\t", " ").Replace(text))
}

// Printable replaces characters that a terminal would act on.
func Printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// usageError is a mistake in the arguments.
type usageError string

func (e usageError) Error() string { return string(e) }

// Usage returns an error about the arguments.
func Usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// BadFlag returns an error about the value of a flag; want says what is expected.
func BadFlag(name string, value any, want string) error {
	return Usage("invalid argument \"%v\" for \"--%s\" flag: %s", value, name, want)
}

// told is an error in words of our own. The wrapped error gives the exit code.
type told struct {
	text string
	err  error
}

func (e *told) Error() string { return e.text }
func (e *told) Unwrap() error { return e.err }

// Told reports whether an error is in words of our own already.
func Told(err error) bool { return errors.As(err, new(*told)) }

// Then returns what went wrong, and what did after it. The exit code is that of the first one:
// an error of leaving a queue must not hide why the command left.
func Then(first, second error) error {
	if first == nil || second == nil {
		return cmp.Or(first, second)
	}
	return &told{strings.TrimPrefix(first.Error(), "shmq: ") + "; " + strings.TrimPrefix(second.Error(), "shmq: "), first}
}

// Tell returns an error about a queue whose exit code is that of reason.
func Tell(queue string, reason error, format string, args ...any) error {
	return &told{fmt.Sprintf("queue %q: ", queue) + fmt.Sprintf(format, args...), reason}
}

// TellOf is Tell about one queue or several.
func TellOf(queues []string, reason error, format string, args ...any) error {
	if len(queues) == 1 {
		return Tell(queues[0], reason, format, args...)
	}
	return &told{Queues(queues) + ": " + fmt.Sprintf(format, args...), reason}
}

// Queues names one queue or several.
func Queues(names []string) string {
	if len(names) == 1 {
		return fmt.Sprintf("queue %q", names[0])
	}
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, strconv.Quote(n))
	}
	return "queues " + strings.Join(quoted, ", ")
}

// Reason returns the library's words about a queue without its name.
func Reason(err error) string {
	var named *shmq.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	return OneLine(err.Error())
}

// Output names what failed when a write to standard output failed. A closed pipe is no
// news to the process that closed it.
func Output(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return ErrPipe
	}
	if err != nil {
		return &told{fmt.Sprintf("can't write the output: %v", err), err}
	}
	return nil
}

// Ended returns why the command's own context ended, or else err.
func Ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

package sys

import (
	"math"

	"golang.org/x/sys/unix"
)

// TerminalSize returns the columns and rows of the terminal that fd is; false if it is
// none. A terminal that does not know its size has 80 and 24.
func TerminalSize(fd uintptr) (columns, rows int, ok bool) {
	if fd > math.MaxInt32 {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	if size.Col == 0 || size.Row == 0 {
		return 80, 24, true
	}
	return int(size.Col), int(size.Row), true
}

// KeyMode makes a terminal hand over each key at once, without echo. Ctrl-C stays a
// signal; Ctrl-Z and Ctrl-\, which would act before the terminal is set back, and Ctrl-S,
// which would stop the output, become keys. The function it returns sets everything back.
func KeyMode(fd uintptr) (restore func() error, err error) {
	if fd > math.MaxInt32 {
		return nil, unix.EBADF
	}
	get := func() (t *unix.Termios, err error) {
		err = retry(func() (err error) { t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); return err })
		return t, err
	}
	set := func(t unix.Termios) error {
		return retry(func() error { return unix.IoctlSetTermios(int(fd), unix.TCSETS, &t) })
	}
	before, err := get()
	if err != nil {
		return nil, err
	}
	t := *before
	t.Iflag &^= unix.IXON | unix.ICRNL
	t.Lflag &^= unix.ICANON | unix.ECHO | unix.IEXTEN
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	t.Cc[unix.VQUIT], t.Cc[unix.VSUSP] = 0, 0 // off
	return func() error { return set(*before) }, set(t)
}

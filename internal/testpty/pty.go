//go:build linux

// Package testpty is test support: a terminal to run a program on, and a screen that
// shows what the program wrote.
package testpty

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Terminal is a pseudo-terminal. The test types and looks, the program has the TTY.
type Terminal struct {
	TTY *os.File

	t      testing.TB
	master *os.File
	done   chan struct{}

	mu     sync.Mutex
	screen *screen
}

// patience bounds waits, which only pass when something is broken.
const patience = 60 * time.Second

// Open makes a terminal. It ends with the test.
func Open(t testing.TB, columns, rows int) *Terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	p := &Terminal{TTY: tty, t: t, master: os.NewFile(uintptr(fd), "/dev/ptmx"), done: make(chan struct{})}
	p.Resize(columns, rows)
	go p.read()
	t.Cleanup(func() {
		tty.Close()
		select { // reading fails once no process has the other end open
		case <-p.done:
		case <-time.After(patience):
			t.Error("a process still has the terminal open")
		}
		p.master.Close()
	})
	return p
}

func (p *Terminal) read() {
	defer close(p.done)
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.screen.write(buf[:n])
		p.mu.Unlock()
	}
}

// Resize changes the size and empties the screen. Whose terminal it is gets SIGWINCH.
func (p *Terminal) Resize(columns, rows int) {
	p.t.Helper()
	p.mu.Lock()
	p.screen = newScreen(columns, rows, p.screen)
	p.mu.Unlock()
	size := unix.Winsize{Col: uint16(columns), Row: uint16(rows)}
	require.NoError(p.t, unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &size))
}

// Type types.
func (p *Terminal) Type(text string) {
	p.t.Helper()
	_, err := p.master.WriteString(text)
	require.NoError(p.t, err)
}

// Screen is what stands on the screen, a line a row.
func (p *Terminal) Screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// Modes are what the program has switched, and sequences that the screen does not know.
type Modes struct {
	Alternate, HiddenCursor, NoWrap bool
	Colors                          bool // one was ever used
	Unknown                         []string
}

// Modes returns what the program has switched.
func (p *Terminal) Modes() Modes {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.modes
}

// KeyMode reports whether the terminal hands over single keys, without echo.
func (p *Terminal) KeyMode() bool {
	p.t.Helper()
	t, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS) // those of the other end
	require.NoError(p.t, err)
	key := t.Lflag&(unix.ICANON|unix.ECHO) == 0
	require.Equal(p.t, key, t.Lflag&unix.ICANON == 0, "half a mode")
	return key
}

// Until waits until the screen is as it should be.
func (p *Terminal) Until(what string, ok func(screen string) bool) string {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if s := p.Screen(); ok(s) {
			return s
		} else if time.Now().After(end) {
			p.t.Fatalf("waited in vain: %s; the screen is\n%s", what, s)
		}
	}
}

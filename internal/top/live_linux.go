package top

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/sys"
)

// runLive shows the view until the user quits or ctx ends. The terminal is as before
// when it returns, also when it panics.
func runLive(ctx context.Context, l *live) (err error) {
	if l.in == nil {
		l.in = os.Stdin
		if _, _, ok := sys.TerminalSize(l.in.Fd()); !ok {
			tty, err := os.Open("/dev/tty") // the input is something else
			if err != nil {
				return err
			}
			defer tty.Close()
			l.in = tty
		}
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGCONT)
	defer signal.Stop(signals)
	defer func() { err = errors.Join(err, l.leave()) }()
	if err := l.enter(); err != nil {
		return err
	}
	l.model.keys = true
	l.suspend = l.stop
	typed := make(chan string)
	done := make(chan struct{})
	defer close(done)
	go read(l.in, typed, done)

	var tick, next <-chan time.Time // of what is so now, and of a recording
	if l.player == nil {
		ticker := time.NewTicker(l.options.Interval)
		defer ticker.Stop()
		tick = ticker.C
		l.look()
	} else {
		if err := l.player.to(0); err != nil {
			return err
		}
		next = after(l.player.pause())
	}
	var escape <-chan time.Time // goes on over looks, however close they follow
	for quit := false; ; {
		if err := l.draw(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick:
			l.look()
		case <-next:
			err = l.player.to(l.player.at + 1)
			next = after(l.player.pause())
		case s := <-signals:
			if s == syscall.SIGCONT { // also after a stop that could not be seen coming
				err = l.enter()
			} else {
				l.resize()
			}
		case in, ok := <-typed:
			quit, err = l.typed(in, false)
			if l.player != nil {
				next = after(l.player.pause())
			}
			quit = quit || !ok
			if escape = nil; l.pending != "" {
				escape = time.After(escapeTime)
			}
		case <-escape:
			quit, err = l.typed("", true)
		}
		if quit || err != nil {
			return err
		}
	}
}

// after is time.After, and never for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// read passes on what is typed until there is no more, or no receiver takes it. It may stay
// in its read until the end of the process.
func read(in *os.File, typed chan<- string, done <-chan struct{}) {
	defer close(typed)
	buf := make([]byte, 256)
	for {
		n, err := in.Read(buf)
		if err != nil || n == 0 {
			return
		}
		select {
		case typed <- string(buf[:n]):
		case <-done:
			return
		}
	}
}

// stop gives the terminal back and stops the process, with its group, as Ctrl-Z does
// where no handler catches it. It returns when the process goes on. Where no shell could
// continue it the kernel drops the signal. (SIGTSTP must never have been caught: the
// runtime would keep its handler.)
func (l *live) stop() error {
	if err := l.leave(); err != nil {
		return err
	}
	err := syscall.Kill(0, syscall.SIGTSTP)
	time.Sleep(escapeTime) // it stops in here
	return errors.Join(err, l.enter())
}

// enter takes the terminal over. The program that had it meanwhile may have changed it.
func (l *live) enter() error {
	restore, err := sys.KeyMode(l.in.Fd())
	if err != nil {
		return err
	}
	if l.restore == nil {
		l.restore = restore
	}
	l.resize()
	if l.options.Dumb {
		return nil
	}
	_, err = l.out.WriteString(codesEnter)
	return err
}

// leave gives the terminal back.
func (l *live) leave() error {
	if l.restore == nil {
		return nil
	}
	var err error
	if !l.options.Dumb {
		_, err = l.out.WriteString(codesLeave)
	}
	err = errors.Join(err, l.restore())
	l.restore = nil
	return err
}

func (l *live) resize() {
	if columns, rows, ok := sys.TerminalSize(l.out.Fd()); ok {
		l.model.columns, l.model.rows = columns, rows
	}
}

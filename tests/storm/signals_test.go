//go:build linux

package storm

import (
	"slices"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

func (c *crew) kill(l *life) {
	c.t.Helper()
	if c.gone(l) {
		return
	}
	l.ended = now()
	l.signal(syscall.SIGKILL)
	c.lost(l)
}

// lost is for a process that was killed, and perhaps is not dead yet.
func (c *crew) lost(l *life) {
	c.t.Helper()
	c.stats.kills++
	c.running = slices.DeleteFunc(c.running, func(r *life) bool { return r == l })
	if c.random.IntN(2) == 0 {
		c.fill() // the successor comes while its predecessor is dying, or a zombie
	}
	l.Kill()
	if at := l.journal.gone.Load(); at != 0 {
		l.ended = at
	}
	c.bury(l)
	require.True(c.t, l.WasKilled(), "%v ended before it was killed", l)
}

// gone finds a process that is no more: it has left because its journal is full, or
// has killed itself.
func (c *crew) gone(l *life) bool {
	c.t.Helper()
	switch {
	case !slices.Contains(c.running, l): // found before
	case l.journal.gone.Load() != 0:
		c.lost(l)
	case l.journal.left.Load():
		c.leave(l)
	default:
		return false
	}
	return true
}

func (c *crew) stop(l *life, until time.Time) {
	c.t.Helper()
	if l.stopped == 0 && !c.gone(l) {
		l.stopped = now()
		l.signal(syscall.SIGSTOP)
		l.resume = until
		c.stats.stops++
	}
}

func (c *crew) resume(l *life) {
	c.t.Helper()
	if l.stopped != 0 {
		l.journal.standing.Store(0)
		l.signal(syscall.SIGCONT)
		c.excuse(l, between(l.stopped, now()))
		l.stopped = 0
	}
}

// attend takes note of lives that stopped or killed themselves, and lets those go on
// that were stopped for long enough.
func (c *crew) attend() {
	c.t.Helper()
	look := time.Since(c.looked) > 50*time.Millisecond
	if look {
		c.looked = time.Now()
	}
	for _, l := range slices.Clone(c.running) {
		c.requireNoFailure(l)
		since := l.journal.standing.Load()
		switch {
		case l.journal.gone.Load() != 0:
			c.lost(l)
			c.fill()
		case l.stopped == 0 && (look || since != 0) && l.State() == "T":
			if since == 0 { // a SIGCONT for an earlier stop came before its own
				since = now() - int64(50*time.Millisecond)
			}
			l.stopped, l.resume = since, c.later()
			c.stats.stops++
		case l.stopped != 0 && time.Now().After(l.resume):
			c.resume(l)
		}
	}
}

// later is when a stopped one goes on.
func (c *crew) later() time.Time {
	if c.random.IntN(40) == 0 {
		return time.Now().Add(300 * time.Millisecond) // several heartbeats
	}
	return time.Now().Add(time.Duration(1+c.random.IntN(20)) * time.Millisecond)
}

// signal sends a signal to a process that may be dead, but was not waited for.
func (l *life) signal(s syscall.Signal) { _ = syscall.Kill(l.PID(), s) }

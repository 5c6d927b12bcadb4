package conn

import (
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

// half is one direction of a connection as one end sees it: its reads or its writes, of
// which one at a time uses the ring.
//
// A call that neither waits nor runs code of others holds mu from its start to its end. One
// that does is busy, and lets mu go meanwhile: others queue, and Close does not wait for
// it. Shared memory is touched only with mu held or while busy; the mapping lives until
// both halves have ended and neither is busy.
type half struct {
	mu     sync.Mutex
	busy   bool
	ended  bool      // by Close: nothing more begins
	queued int       // calls that wait until busy is over
	turn   sync.Cond // on mu: for them

	policy  park.Policy
	spinner park.Spinner
	events  uint32        // what has come over this half: the bits below; a futex too
	dozes   atomic.Bool   // a thread may sleep on events
	alone   bool          // there is one processor: whoever dozes keeps it from the others
	wake    chan struct{} // has something whenever a sleeping call has to look again

	deadline deadline
}

// Bits of half.events.
const (
	closed  = 1 << iota // by Close
	expired             // the deadline; it may be lifted again
	gone                // the other end's socket is closed
	shut                // by CloseWrite: of the writing half
)

func (h *half) init(policy park.Policy) {
	h.turn.L = &h.mu
	h.policy, h.spinner = policy, park.NewSpinner(policy)
	h.wake = make(chan struct{}, 1)
	h.alone = runtime.GOMAXPROCS(0) == 1
}

// why returns the error of a call that finds these events.
func why(events uint32) error {
	switch {
	case events&closed != 0:
		return net.ErrClosed
	case events&expired != 0:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// enter begins a call. Unless it fails, leave has to follow.
func (h *half) enter() error {
	h.mu.Lock()
	for {
		if err := why(atomic.LoadUint32(&h.events)); err != nil {
			h.mu.Unlock()
			return err
		}
		if !h.busy {
			return nil
		}
		h.queued++
		h.turn.Wait()
		h.queued--
	}
}

// leave ends a call. One that was let in without having to wait passes on to the next one that
// is queued.
func (h *half) leave() {
	if h.queued > 0 {
		h.turn.Signal()
	}
	h.mu.Unlock()
}

// outside runs f, which waits or is code of others, without the lock. It reports whether the
// half has ended meanwhile; then the caller, having left, has to call Conn.release.
func (h *half) outside(f func()) {
	h.busy = true
	h.mu.Unlock()
	defer func() { // f may panic
		h.mu.Lock()
		h.busy = false
		if h.queued > 0 {
			h.turn.Signal()
		}
	}()
	f()
}

// note notes an event, and wakes the call that waits.
func (h *half) note(event uint32) {
	atomic.OrUint32(&h.events, event)
	if h.dozes.Load() {
		_ = sys.WakeOwn(&h.events) // fails only for an address that is not mapped
	}
	h.poke()
}

// mark is note, and wakes queued calls too.
func (h *half) mark(event uint32) {
	h.note(event)
	h.mu.Lock()
	if h.queued > 0 {
		h.turn.Broadcast()
	}
	h.mu.Unlock()
}

// poke makes a sleeping call look again, unless it dozes.
func (h *half) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// deadline is when the calls of a half time out.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	set   uint64 // how often it was set: a timer that comes late finds another number
}

// setDeadline changes the deadline, of calls that wait too. The zero time means none.
func (h *half) setDeadline(t time.Time) {
	d := &h.deadline
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.set++
	left := time.Until(t)
	if !t.IsZero() && left <= 0 {
		h.mark(expired)
		return
	}
	atomic.AndUint32(&h.events, ^uint32(expired))
	if t.IsZero() || atomic.LoadUint32(&h.events)&closed != 0 {
		return
	}
	set := d.set
	d.timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.set == set {
			h.mark(expired)
		}
	})
}

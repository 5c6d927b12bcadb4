package consumer

import (
	"fmt"
	"io"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// refused names the queue in an error of the ring. The end of the stream goes
// through as io.EOF itself, and ring.ErrPassed, with which the try is to be made again.
func (c *Raw) refused(err error) error {
	if c.end.Hit() {
		return c.end.Lost()
	}
	switch err {
	case ring.ErrEmpty:
		err = c.missed()
	case io.EOF:
		return err
	case ring.ErrLagged:
		l := c.ring.Lagged()
		c.lost.Store(c.ring.Lost())
		err = &LaggedError{From: l.From, To: l.To, Lost: c.lost.Load()}
	}
	if err == c.empty || err == io.EOF || err == ring.ErrPassed {
		return err
	}
	return c.end.Fail(err)
}

// mostPassed is how many ends a Try goes past; there are more only if somebody hostile counts them.
const mostPassed = 64

// missed is what a Try returns that found nothing; ring.ErrPassed if it may find something now.
// A consumer that polls comes here all the time.
func (c *Raw) missed() error {
	if c.end.Fence || park.Armed(c.end.Room) {
		c.idle()
	}
	if err := c.end.Missed(); err != nil {
		return err
	}
	if err := c.ended(); err == ring.ErrPassed && c.passed < mostPassed {
		c.passed++
		return err
	} else if err != nil && err != ring.ErrPassed {
		return err
	}
	c.passed = 0
	if err := c.gone(); err != nil {
		return err
	}
	return c.empty
}

// LaggedError is what a consumer is told that was lapped, in a queue whose producers wait for no
// consumer. It wraps shmq.ErrLagged.
type LaggedError struct {
	// From and To are positions: that of the first record that was lost, and that at which the
	// consumer goes on. A record takes one position or more.
	From, To uint64
	// Lost is how many positions this subscription has lost in all.
	Lost uint64
}

func (e *LaggedError) Error() string {
	return fmt.Sprintf("%v: %d positions from %d on, %d in all; the next call goes on at %d; receive faster, make the queue larger, or have producers wait", ring.ErrLagged, e.To-e.From, e.From, e.Lost, e.To)
}

// Unwrap returns shmq.ErrLagged.
func (e *LaggedError) Unwrap() error { return ring.ErrLagged }

// Lost returns at how many positions the subscription was lapped, as of the last ErrLagged, by this
// consumer and by those that held the subscription before it; 0 in a queue whose producers wait, or
// whose consumers share the records. As with Counters, any goroutine may call it at any time.
func (c *Raw) Lost() uint64 { return c.lost.Load() }

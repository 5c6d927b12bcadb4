package consumer

import (
	"io"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// refused names the queue in an error of the ring. The end of the stream goes
// through as io.EOF itself.
func (c *Raw) refused(err error) error {
	if c.end.Hit() {
		return c.end.Lost()
	}
	switch err {
	case ring.ErrEmpty:
		err = c.missed()
	case io.EOF:
		return err
	}
	if err == c.empty || err == io.EOF {
		return err
	}
	return c.end.Fail(err)
}

// missed is what a Try returns that found nothing. A consumer that polls comes here all the time.
func (c *Raw) missed() error {
	if c.end.Fence || park.Armed(c.end.Room) {
		c.idle()
	}
	if err := c.end.Missed(); err != nil {
		return err
	}
	if err := c.ended(); err != nil && err != ring.ErrPassed {
		return err
	}
	if err := c.gone(); err != nil {
		return err
	}
	return c.empty
}

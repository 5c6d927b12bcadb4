package consumer

import (
	"errors"
	"io"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// refused names the queue in an error of the ring. The end of the stream goes
// through as io.EOF itself.
func (c *Raw) refused(err error) error {
	if c.att.Hit() {
		return c.lost()
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
	return c.fail(err)
}

// missed is what a Try returns that found nothing. Who polls comes here all the time.
func (c *Raw) missed() error {
	if c.fence || park.Armed(c.room) {
		c.idle()
	}
	if err := c.att.Missed(); err != nil {
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

func (c *Raw) fail(err error) error {
	c.att.LogDamage(err)
	var named *shmq.Error
	if errors.As(err, &named) {
		return err
	}
	return &shmq.Error{Op: "receive from", Queue: c.att.Name(), Err: c.att.Remedy(err)}
}

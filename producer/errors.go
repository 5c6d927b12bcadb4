package producer

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/ring"
)

// refused names the queue in an error of the ring. Room may have gone to a filler.
func (p *Raw) refused(err error, n int) error {
	if p.att.Hit() {
		return p.lost()
	}
	p.notifyFiller()
	switch {
	case err == ring.ErrFull:
		if err := p.att.Missed(); err != nil {
			return p.fail(err)
		}
		return p.full
	case err == ring.ErrTooLarge:
		return p.fail(fmt.Errorf("%w: it has %d bytes, the limit of this queue is %d; make one with larger or more slots (shmq create --slot-size, --slots)", err, n, p.MaxRecord()))
	}
	return p.fail(err)
}

func (p *Raw) fail(err error) error {
	p.att.LogDamage(err)
	var named *shmq.Error
	if errors.As(err, &named) {
		return err
	}
	return &shmq.Error{Op: "send to", Queue: p.att.Name(), Err: p.att.Remedy(err)}
}

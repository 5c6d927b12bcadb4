package producer

import (
	"fmt"

	"github.com/shmq/shmq/ring"
)

// refused names the queue in an error of the ring. Room may have gone to a filler.
func (p *Raw) refused(err error, n int) error {
	if p.end.Hit() {
		return p.end.Lost()
	}
	p.notifyFiller()
	switch {
	case err == ring.ErrFull:
		if err := p.end.Missed(); err != nil {
			return p.end.Fail(err)
		}
		return p.full
	case err == ring.ErrTooLarge:
		return p.end.Fail(fmt.Errorf("%w: it has %d bytes, the limit of this queue is %d; make one with larger or more slots (shmq create --slot-size, --slots)", err, n, p.MaxRecord()))
	case err == ring.ErrManyProducers:
		err = manyProducers()
	}
	return p.end.Fail(err)
}

// manyProducers is the error of a call that is about marks.
func manyProducers() error {
	return fmt.Errorf("%w; make a queue with one (shmq create --producers one), or send without a mark", ring.ErrManyProducers)
}

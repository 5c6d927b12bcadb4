package bench

import (
	"errors"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// The bare ring moves records through the same memory with the same algorithms, and
// nothing around them: an end that finds it full or empty spins, none looks for sleepers,
// no context is asked, nothing is counted. It shows what all that costs.

func attachTo(s spec, role shmq.Role) (*attach.Participant, error) {
	return attach.To(s.queue(), role, &attach.Options{NoCreate: true})
}

type bareSender struct {
	clock *monotonic
	att   *attach.Participant
	p     *ring.Producer
	rec   []byte
}

func newBareSender(s spec, c *monotonic) (end, error) {
	att, err := attachTo(s, shmq.Producer)
	if err != nil {
		return nil, err
	}
	p, err := att.Ring().NewProducer(att.Seat())
	if err != nil {
		return nil, errors.Join(err, att.Detach())
	}
	return &bareSender{c, att, p, make([]byte, s.Case.Payload)}, nil
}

func (s *bareSender) run(o order) (out outcome, err error) {
	out.start = s.clock.now()
	for n := 0; n < o.N; {
		if err = s.p.Send(s.rec); err == nil {
			n++
		} else if err == ring.ErrFull {
			atomics.Pause(1)
		} else {
			return out, err
		}
	}
	out.end = s.clock.now()
	return out, nil
}

func (s *bareSender) close() error { return s.att.Detach() }

type bareReceiver struct {
	clock *monotonic
	att   *attach.Participant
	c     *ring.Consumer
	buf   []byte
}

func newBareReceiver(s spec, c *monotonic) (end, error) {
	att, err := attachTo(s, shmq.Consumer)
	if err != nil {
		return nil, err
	}
	return &bareReceiver{c, att, att.Ring().NewConsumer(att.Seat()), make([]byte, 0, s.Case.Payload)}, nil
}

func (r *bareReceiver) run(o order) (out outcome, err error) {
	for out.count < o.N {
		if r.buf, _, err = r.c.TryReceive(r.buf); err == nil {
			out.count++
		} else if err == ring.ErrEmpty {
			atomics.Pause(1)
		} else {
			return out, err
		}
	}
	out.end = r.clock.now()
	return out, nil
}

func (r *bareReceiver) close() error {
	r.c.Close()
	return r.att.Detach()
}

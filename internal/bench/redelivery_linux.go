package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// The record that a victim holds, and the ones that keep the survivor busy.
const (
	heldRecord = 1
	newRecord  = 2
)

// redeliveryPatience bounds one operation, in nanoseconds.
const redeliveryPatience = 10e9

// survivor times how long a killed consumer's record takes to reach a consumer that always
// finds another one and so never waits.
type survivor struct {
	spec  spec
	clock *monotonic
	p     *producer.Raw
	c     *consumer.Raw
	buf   []byte
}

// newRedelivery returns the survivor, or the victim, which the survivor starts.
func newRedelivery(s spec, clock *monotonic) (end, error) {
	c, err := openConsumer(s.queue())
	if err != nil {
		return nil, err
	}
	if s.End > 0 {
		l, err := c.Lease(context.Background()) // until the survivor kills this process
		if err == nil && l.Bytes()[0] != heldRecord {
			err = errors.New("the victim got another record than the one that it is to hold")
		}
		return &alone{clock, func(int) error { return nil }}, err
	}
	p, err := openProducer(s.queue())
	return &survivor{spec: s, clock: clock, p: p, c: c}, err
}

func (s *survivor) run(o order) (out outcome, err error) {
	out.hist = newHistogram()
	for range o.N {
		ns, err := s.once()
		if err != nil {
			return out, err
		}
		out.end += ns // from 0 on: the sum of the times
		record(out.hist, ns)
	}
	return out, nil
}

// once kills a victim and returns the time until its record is here.
func (s *survivor) once() (int64, error) {
	if err := s.p.TrySend([]byte{heldRecord}); err != nil {
		return 0, err
	}
	victim, err := s.start()
	if err != nil {
		return 0, err
	}
	killed := s.clock.now()
	if err := victim.Process.Kill(); err != nil {
		return 0, err
	}
	_ = victim.Wait() // it was killed
	// A pace at which the ring does not come round to the slot that is held.
	for next := killed; ; next += 20e3 {
		for s.clock.now() < next {
		}
		if err := s.p.TrySend([]byte{newRecord}); err != nil {
			return 0, err
		}
		if s.buf, err = s.c.TryReceive(s.buf); err != nil {
			return 0, err
		}
		now := s.clock.now()
		if s.buf[0] == heldRecord {
			return now - killed, s.drain()
		}
		if now-killed > redeliveryPatience {
			return 0, errors.New("the record of the killed consumer did not come")
		}
	}
}

// start starts a victim, and returns when it holds the record.
func (s *survivor) start() (*exec.Cmd, error) {
	sp := s.spec
	sp.End = 1
	text, err := json.Marshal(sp)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, ChildVerb, string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	orders, err := cmd.StdinPipe() // open until the victim is killed
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, orders.Close())
	}
	var ready answer
	if err = json.NewDecoder(answers).Decode(&ready); err == nil && ready.Error != "" {
		err = fmt.Errorf("the victim: %s", ready.Error)
	}
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd, nil
}

// drain leaves the queue empty for the next operation.
func (s *survivor) drain() (err error) {
	for err == nil {
		s.buf, err = s.c.TryReceive(s.buf)
	}
	if errors.Is(err, shmq.ErrEmpty) {
		return nil
	}
	return err
}

func (s *survivor) close() error { return errors.Join(s.p.Close(), s.c.Close()) }

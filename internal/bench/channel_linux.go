package bench

import "errors"

// channelEnd is a case within one process: two goroutines, each on a thread and a core
// of its own, and Go channels between them.
type channelEnd struct {
	near end
	far  chan<- order
	done <-chan farDone
}

type farDone struct {
	out outcome
	err error
}

func newChannel(s spec, c *monotonic) end {
	type message [payload]byte
	depth := slots
	if s.Case.Kind == RoundTrip {
		depth = 1
	}
	there, back := make(chan message, depth), make(chan message, depth)
	over := func(out chan<- message, in <-chan message) port {
		return port{
			send: func(rec []byte) error {
				out <- message(rec)
				return nil
			},
			receive: func(buf []byte) ([]byte, error) {
				m := <-in
				return append(buf[:0], m[:]...), nil
			},
			close: func() error { return nil },
		}
	}
	orders, done := make(chan order), make(chan farDone)
	go func() {
		pin(s.Mate)
		far := s
		far.End = 1
		e := newPortEnd(far, c, over(back, there))
		for o := range orders {
			out, err := e.run(o)
			done <- farDone{out, err}
		}
	}()
	return &channelEnd{newPortEnd(s, c, over(there, back)), orders, done}
}

func (e *channelEnd) run(o order) (outcome, error) {
	e.far <- o
	out, err := e.near.run(o)
	far := <-e.done
	out.end, out.count = max(out.end, far.out.end), far.out.count
	if out.hist == nil {
		out.hist = far.out.hist
	}
	return out, errors.Join(err, far.err)
}

func (e *channelEnd) close() error {
	close(e.far)
	return nil
}

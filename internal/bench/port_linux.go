package bench

import (
	"github.com/HdrHistogram/hdrhistogram-go"
)

// port sends and receives records one at a time.
type port struct {
	send func(rec []byte) error
	// receive returns the next record, in buf if it fits.
	receive func(buf []byte) ([]byte, error)
	close   func() error
}

// newPortEnd returns the end of a case that works with any port.
func newPortEnd(s spec, c *monotonic, p port) end {
	sends := s.End < s.Case.Producers
	rec := make([]byte, s.Case.Payload)
	switch {
	case s.Case.Kind == RoundTrip && sends:
		return &pinger{clock: c, close_: p.close, round: func() (err error) {
			if err = p.send(rec); err == nil {
				rec, err = p.receive(rec)
			}
			return err
		}}
	case s.Case.Kind == RoundTrip:
		return &echoer{close_: p.close, round: func() (err error) {
			if rec, err = p.receive(rec); err == nil {
				err = p.send(rec)
			}
			return err
		}}
	case sends:
		return &portSender{s.Case, s.End, c, p, rec}
	}
	return &portReceiver{s.Case, c, p, rec}
}

// pinger is the end of a round trip that begins it.
type pinger struct {
	clock  *monotonic
	round  func() error
	close_ func() error
	slept  int // counted by round, if at all
}

func (p *pinger) run(o order) (out outcome, err error) {
	out.start = p.clock.now()
	if o.Timed {
		out.hist = newHistogram()
		err = p.timed(o.N, out.hist)
	} else {
		err = p.untimed(o.N)
	}
	out.end = p.clock.now()
	out.slept = p.slept
	return out, err
}

func (p *pinger) untimed(n int) error {
	for range n {
		if err := p.round(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pinger) timed(n int, h *hdrhistogram.Histogram) error {
	for range n {
		t := p.clock.now()
		if err := p.round(); err != nil {
			return err
		}
		record(h, p.clock.now()-t)
	}
	return nil
}

func (p *pinger) close() error { return p.close_() }

// echoer is the end that answers.
type echoer struct {
	round  func() error
	close_ func() error
	slept  int // counted by round, if at all
}

func (e *echoer) run(o order) (out outcome, err error) {
	for range o.N {
		if err = e.round(); err != nil {
			break
		}
	}
	out.slept = e.slept
	return out, err
}

func (e *echoer) close() error { return e.close_() }

// portSender is the sending end of a throughput or an open loop.
type portSender struct {
	c     Case
	end   int
	clock *monotonic
	port  port
	rec   []byte
}

func (s *portSender) run(o order) (out outcome, err error) {
	n := o.N / s.c.Producers
	out.start = s.clock.now()
	if s.c.Kind == OpenLoop {
		gap := 1e9 / s.c.Rate
		// Producers take turns.
		at := schedule{start: o.Start + int64(float64(s.end)*gap), gap: gap * float64(s.c.Producers)}
		out.start = o.Start
		err = paced(s.clock, at, n, s.rec, s.port.send)
	} else {
		for range n {
			if err = s.port.send(s.rec); err != nil {
				break
			}
		}
	}
	out.end = s.clock.now()
	return out, err
}

func (s *portSender) close() error { return s.port.close() }

// portReceiver is the other end. Where it is one of several it goes on until it gets
// a record that is too short.
type portReceiver struct {
	c     Case
	clock *monotonic
	port  port
	buf   []byte
}

func (r *portReceiver) run(o order) (out outcome, err error) {
	timed := r.c.Kind == OpenLoop
	if timed {
		out.hist = newHistogram()
	}
	for r.c.Consumers > 1 || out.count < o.N {
		if r.buf, err = r.port.receive(r.buf); err != nil || len(r.buf) < r.c.Payload {
			break
		}
		if timed {
			record(out.hist, r.clock.now()-dueAt(r.buf))
		}
		out.count++
	}
	out.end = r.clock.now()
	return out, err
}

func (r *portReceiver) close() error { return r.port.close() }

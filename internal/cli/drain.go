package cli

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

const (
	// leaseBatch is how many records are taken in one step. More would keep them
	// from other receivers, and their room from senders, while the output is slow.
	leaseBatch = 256
	// pageBytes is about how much is formatted before it is written.
	pageBytes = 256 << 10
	// writeGrace is how long a write may go on after a signal before it counts as
	// blocked: what it writes after that comes again.
	writeGrace = 50 * time.Millisecond
)

// drain moves records from a queue to an output.
type drain struct {
	hold   hold
	from   *consumer.Raw
	to     *output
	format format

	left     int64 // records still to be received, negative for no limit
	timeout  time.Duration
	nonblock bool
	show     bool // before each record, its earlier deliveries

	over func(error) error // what becomes of the end of a stream

	leases []consumer.Lease
	page   page
}

// run returns nil at the end of the stream, or when the count is reached.
func (d *drain) run() error {
	for d.left != 0 {
		n, err := d.lease()
		err = d.over(err)
		if werr := d.write(d.leases[:n]); werr != nil {
			return werr
		}
		if d.left > 0 {
			d.left -= int64(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lease takes what is ready, and waits for the first record of it.
func (d *drain) lease() (int, error) {
	ls := d.leases
	if d.left > 0 && d.left < int64(len(ls)) {
		ls = ls[:d.left]
	}
	if !d.nonblock && d.timeout == 0 {
		n, err := d.from.LeaseBatch(d.hold.ctx, ls)
		if !atEnd(err) {
			err = ended(d.hold.ctx, err)
		}
		return n, err
	}
	n, err := d.from.TryLeaseBatch(ls)
	if !errors.Is(err, shmq.ErrEmpty) {
		return n, err
	}
	if d.nonblock {
		return n, emptyError(d.from, err)
	}
	ctx, cancel := context.WithTimeoutCause(d.hold.ctx, d.timeout, errTimeout)
	defer cancel()
	n, err = d.from.LeaseBatch(ctx, ls)
	if atEnd(err) {
		return n, err
	}
	if err = ended(ctx, err); err == errTimeout {
		err = timeoutError(d.from, d.timeout)
	}
	return n, err
}

// atEnd reports whether an error is the end of a stream.
func atEnd(err error) bool { return err == io.EOF || errors.Is(err, shmq.ErrBrokenOff) }

func emptyError(from *consumer.Raw, err error) error {
	return tell(from.Name(), err, "it is empty; leave out --nonblock to wait for records")
}

func timeoutError(from *consumer.Raw, timeout time.Duration) error {
	return tell(from.Name(), errTimeout, "no record came for %v; is anybody sending?", timeout)
}

// write formats and writes the leases, a page at a time, and acknowledges each that
// was written whole. With an error, those that were not are released.
func (d *drain) write(ls []consumer.Lease) error {
	for len(ls) > 0 {
		n, bad := d.fill(ls)
		written, err := d.flush(ls[:n])
		ls = ls[written:]
		if err == nil && errors.As(bad, new(*shmq.Error)) {
			err = bad // not about the record
		} else if err == nil && bad != nil {
			err = tell(d.from.Name(), errData, "a record of %d bytes is not msgpack (%v) and was left there; take it with --format raw --count 1", len(ls[0].Bytes()), bad)
		}
		if err != nil {
			for i := range ls {
				ls[i].Release()
			}
			return err
		}
	}
	return nil
}

// fill formats leases until the page is full and returns their number. The error is
// about the lease that follows them.
func (d *drain) fill(ls []consumer.Lease) (n int, err error) {
	p := &d.page
	p.buf, p.ends = p.buf[:0], p.ends[:0]
	err = d.from.Guard(func() error {
		for n < len(ls) && len(p.buf) < pageBytes {
			if d.show {
				p.buf = append(strconv.AppendInt(p.buf, int64(ls[n].Redelivered()), 10), '\t')
			}
			if err := d.format.recv(p, ls[n].Bytes()); err != nil {
				return err
			}
			p.ends = append(p.ends, len(p.buf))
			n++
		}
		return nil
	})
	if err != nil {
		p.buf = p.buf[:p.start(n)]
	}
	return n, err
}

// flush writes the page, which holds the leases, and returns how many of them were
// written and acknowledged.
func (d *drain) flush(ls []consumer.Lease) (done int, err error) {
	acknowledge := func(written int) {
		first := done
		for done < len(ls) && d.page.ends[done] <= written {
			done++
		}
		d.from.AckBatch(ls[first:done])
	}
	for done < len(ls) && err == nil {
		start := d.page.start(done)
		end := d.to.cut(&d.page, done)
		var n int
		d.hold.outside(func() { n, err = d.to.write(d.page.buf[start:end]) })
		acknowledge(start + n)
		if err == nil && done < len(ls) {
			err = context.Cause(d.hold.ctx)
		}
	}
	return done, d.explain(err)
}

// explain says what became of records when the output failed.
func (d *drain) explain(err error) error {
	if err == nil || err == errPipe || d.hold.ctx.Err() != nil {
		return err
	}
	return tell(d.from.Name(), err, "%v; what was not written is still in the queue", err)
}

package pump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/intake"
	"github.com/shmq/shmq/internal/words"
)

const (
	// PageBytes is about how much is formatted before it is written.
	PageBytes = 256 << 10
	// WriteGrace is how long a write may go on after a signal before it counts as
	// blocked: the records that it writes after that come again.
	WriteGrace = 50 * time.Millisecond
)

// Receiver moves records from a queue, or from several, to an output.
type Receiver struct {
	Hold   Hold
	From   *intake.Intake
	To     *Output
	Format format.Format
	Take   Take
	Queue  bool // before each record, the name of its queue
	Show   bool // before each record, its earlier deliveries
	Meta   bool // each record in an object with what is known of it

	leases []consumer.Lease
	got    int64 // records
	page   format.Page
}

// Run returns nil when there is no more to receive: at the end of the stream, or when the
// count is reached.
func (r *Receiver) Run() error {
	r.leases = make([]consumer.Lease, BatchSize)
	return r.Hold.Run(r.run)
}

func (r *Receiver) run() error {
	for r.got != r.Take.Count {
		n, err := r.Take.Lease(r.Hold.Ctx, r.From, r.leases, r.got)
		r.got += int64(n)
		if werr := r.write(r.leases[:n]); werr != nil {
			return werr
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

// Label returns the name of a queue as it stands before a record: quoted if it would not stand
// in one field of one line.
func Label(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// write formats and writes the leases, a page at a time, and acknowledges each that
// was written whole. With an error, those that were not are released.
func (r *Receiver) write(ls []consumer.Lease) error {
	for len(ls) > 0 {
		n, bad := r.fill(ls)
		written, err := r.flush(ls[:n])
		ls = ls[written:]
		if err == nil && errors.As(bad, new(*shmq.Error)) {
			err = bad // not about the record
		} else if err == nil && bad != nil {
			err = exit.Tell(r.From.From().Name(), exit.ErrData, "a record of %d bytes is not msgpack (%v) and was left there; take it with --format raw --count 1", len(ls[0].Bytes()), bad)
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
func (r *Receiver) fill(ls []consumer.Lease) (n int, err error) {
	p := &r.page
	p.Buf, p.Ends = p.Buf[:0], p.Ends[:0]
	put := r.Format.Put
	err = r.From.From().Guard(func() (err error) {
		for i := range ls {
			if len(p.Buf) >= PageBytes {
				break
			}
			l := &ls[i]
			if r.Queue {
				p.Buf = append(append(p.Buf, Label(l.Queue())...), '\t')
			}
			if r.Show {
				p.Buf = append(strconv.AppendInt(p.Buf, int64(l.Redelivered()), 10), '\t')
			}
			if r.Meta {
				err = putMeta(p, l)
			} else {
				err = put(p, l.Bytes())
			}
			if err != nil {
				return err
			}
			p.Ends = append(p.Ends, len(p.Buf))
			n = i + 1
		}
		return nil
	})
	if err != nil {
		p.Buf = p.Buf[:p.Start(n)]
	}
	return n, err
}

func putMeta(p *format.Page, l *consumer.Lease) error {
	m := format.Meta{ID: l.ID(), Queue: l.Queue(), Attempt: l.Attempt(), SentAt: l.SentAt()}
	return m.Put(p, l.Bytes())
}

// flush writes the page, which holds the leases, and returns how many of them were
// written and acknowledged.
func (r *Receiver) flush(ls []consumer.Lease) (done int, err error) {
	acknowledge := func(written int) {
		first := done
		for done < len(ls) && r.page.Ends[done] <= written {
			done++
		}
		r.From.From().AckBatch(ls[first:done])
	}
	for done < len(ls) && err == nil {
		start := r.page.Start(done)
		end := r.To.cut(&r.page, done)
		var n int
		r.Hold.Outside(func() { n, err = r.To.Write(r.page.Buf[start:end]) })
		acknowledge(start + n)
		if err != nil && done < len(ls) {
			return done, r.explain(err, int64(start+n-r.page.Start(done)))
		}
		if err == nil && done < len(ls) {
			err = context.Cause(r.Hold.Ctx)
		}
	}
	return done, r.explain(err, 0)
}

// explain says what became of records when the output failed, and of the torn bytes of the
// one that it has a part of.
func (r *Receiver) explain(err error, torn int64) error {
	if err == nil || err == exit.ErrPipe {
		return err
	}
	left := ""
	if torn > 0 && !r.To.untear(torn) {
		left = fmt.Sprintf("; of the first record of that the output ends with %s", words.Number(int(torn), "byte"))
	}
	if r.Hold.Ctx.Err() != nil {
		return err
	}
	return exit.Tell(r.From.From().Name(), err, "%v; what was not written is still in the queue%s", err, left)
}

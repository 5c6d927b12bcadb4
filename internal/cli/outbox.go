package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

// flushBytes bounds what is gathered before it is sent, but for one record.
const flushBytes = 256 << 10

// errCount: as many records were sent as were asked for.
var errCount = errors.New("count reached")

// outbox gathers records and sends them in batches: when a batch is full, and
// whenever the input is about to be read and may block. So a batch is as large as
// the input is fast, and nothing that was typed waits.
type outbox struct {
	ctx  context.Context
	to   *producer.Raw
	pace pace

	maxRecord, slotSize int
	batch               int
	left                int64 // records still to be sent, negative for no limit
	timeout             time.Duration
	nonblock            bool
	what                string // the input's name for a record

	// buf holds the records that wait, each up to one of ends. A format appends
	// one and calls added.
	buf  []byte
	ends []int
	recs [][]byte
	sent int64
	err  error // of a flush; final
}

// added takes note of one record that was appended to buf.
func (o *outbox) added() error {
	start := 0
	if n := len(o.ends); n > 0 {
		start = o.ends[n-1]
	}
	if len(o.buf)-start > o.maxRecord {
		o.buf = o.buf[:start]
		return o.tooLarge(o.maxRecord)
	}
	o.ends = append(o.ends, len(o.buf))
	if n := len(o.ends); n == o.batch || int64(n) == o.left || len(o.buf) >= flushBytes {
		return o.flush()
	}
	return nil
}

// flush sends what waits. It returns errCount when that was all there is to send.
func (o *outbox) flush() error {
	if o.err != nil || len(o.ends) == 0 {
		return o.err
	}
	o.recs = o.recs[:0]
	start := 0
	for _, end := range o.ends {
		o.recs = append(o.recs, o.buf[start:end])
		start = end
	}
	before := o.sent
	for rest := o.recs; len(rest) > 0 && o.err == nil; {
		var n int
		if n, o.err = o.pace.due(o.ctx, o.sent, len(rest)); o.err == nil {
			n, o.err = o.send(rest[:n])
			o.sent += int64(n)
			rest = rest[n:]
		}
	}
	o.buf, o.ends = o.buf[:0], o.ends[:0]
	if o.left > 0 {
		if o.left -= o.sent - before; o.left == 0 && o.err == nil {
			o.err = errCount
		}
	}
	return o.err
}

// send sends recs or the first of them, at least one unless there is an error.
func (o *outbox) send(recs [][]byte) (int, error) {
	if !o.nonblock && o.timeout == 0 {
		n, err := o.to.SendBatch(o.ctx, recs)
		return n, ended(o.ctx, err)
	}
	n, err := o.to.TrySendBatch(recs)
	if !errors.Is(err, shmq.ErrFull) {
		return n, err
	}
	if o.nonblock {
		return n, tell(o.to.Name(), err, "it is full: %s %d of the input and what follows it were not sent; leave out --nonblock to wait for room", o.what, o.sent+1)
	}
	// The time runs anew for each record there was no room for.
	ctx, cancel := context.WithTimeoutCause(o.ctx, o.timeout, errTimeout)
	defer cancel()
	n, err = o.to.SendBatch(ctx, recs[:1])
	if err = ended(ctx, err); err == errTimeout {
		err = tell(o.to.Name(), err, "there was no room for %v: %s %d of the input and what follows it were not sent; is anybody receiving?", o.timeout, o.what, o.sent+1)
	}
	return n, err
}

// tooLarge returns the error for the record after those gathered, which has more
// than limit bytes.
func (o *outbox) tooLarge(limit int) error {
	return o.badData("it has more than %d bytes, the limit of this queue; make one with larger or more slots (shmq create --slot-size, --slots)", limit)
}

// badData returns an error about the record after those gathered. They are sent
// first.
func (o *outbox) badData(format string, args ...any) error {
	number := o.sent + int64(len(o.ends)) + 1
	if err := o.flush(); err != nil {
		return err
	}
	return tell(o.to.Name(), errData, "%s %d of the input was not sent, those before it were: %s", o.what, number, fmt.Sprintf(format, args...))
}

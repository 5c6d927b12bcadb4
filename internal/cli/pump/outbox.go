package pump

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/words"
	"github.com/shmq/shmq/producer"
)

// BatchSize is how many records are moved in one step. More leases would keep them from
// other receivers, and their room from senders, while the output is slow.
const BatchSize = 256

// errCount: as many records were sent as were asked for.
var errCount = errors.New("count reached")

// SendOptions say how an Outbox sends.
type SendOptions struct {
	Batch    int           // records a step
	Rate     float64       // records a second at most, 0 for no limit
	Count    int64         // records in all, negative for no limit
	Timeout  time.Duration // for room, 0 for none
	Nonblock bool          // a full queue is an error
	Did      string        // to the records: "sent" unless it says otherwise
	// Unsynced, if it is not nil, gets the first error about the disk. The records are in the
	// queue, so the outbox goes on: closing the producer says whether the disk has them at the end.
	Unsynced func(error)
}

// Outbox sends the records that are gathered in its batch: when that is full, and
// whenever the input is about to be read and may block. So a batch is as large as
// the input is fast, and nothing that was typed waits.
type Outbox struct {
	format.Batch
	hold *Hold
	to   *producer.Raw
	opts SendOptions
	pace pace
	left int64 // records still to be sent, negative for no limit
	sent int64
	err  error // of a flush; final
	told bool  // of an error about the disk
}

// NewOutbox returns an outbox that sends to a queue while its work has the hold.
func NewOutbox(hold *Hold, to *producer.Raw, opts SendOptions) *Outbox {
	opts.Did = cmp.Or(opts.Did, "sent")
	o := &Outbox{hold: hold, to: to, opts: opts, pace: pace{rate: opts.Rate}, left: opts.Count}
	o.Batch = format.Batch{Unit: "record", MaxRecord: to.MaxRecord(), SlotSize: to.SlotSize(), Flush: o.flush}
	o.fits()
	return o
}

// fits sets how many records fill the batch: no more than are still to be sent.
func (o *Outbox) fits() {
	o.Full = o.opts.Batch
	if o.left >= 0 {
		o.Full = int(min(int64(o.Full), o.left))
	}
}

// Sent is the number of records that were sent.
func (o *Outbox) Sent() int64 { return o.sent }

// Pump cuts inputs into records and sends them, to their end or as many as were asked for.
func (o *Outbox) Pump(ins []io.Reader, f format.Format) (err error) {
	if o.left == 0 {
		return nil
	}
	for _, in := range ins {
		if err = f.Cut(&Input{Hold: o.hold, From: in, Before: o.flush, Failed: o.unread}, &o.Batch); err != nil {
			break
		}
	}
	return o.End(err)
}

// PumpWords sends words, or as many records as were asked for.
func (o *Outbox) PumpWords(words []string, f format.Format) (err error) {
	if o.left == 0 {
		return nil
	}
	for _, word := range words {
		if err = f.Word(&o.Batch, word); err != nil {
			break
		}
	}
	return o.End(err)
}

// End sends the rest after an input that ended with err, and returns how it ended.
func (o *Outbox) End(err error) error {
	var bad *format.Error
	switch {
	case err == nil:
		err = o.flush()
	case errors.As(err, &bad):
		number := o.sent + int64(len(o.Recs)) + 1
		if err = o.flush(); err == nil {
			err = exit.Tell(o.to.Name(), exit.ErrData, "%s %d of the input was not sent, those before it were: %v", o.Unit, number, bad)
		}
	}
	if err == errCount {
		return nil
	}
	return err
}

func (o *Outbox) unread(err error) error {
	return exit.Tell(o.to.Name(), exit.ErrInput, "can't read the input: %v; records %s: %d", err, o.opts.Did, o.sent)
}

// flush sends the batch. It returns errCount when that was all there is to send.
func (o *Outbox) flush() error {
	if o.err != nil || len(o.Recs) == 0 {
		return o.err
	}
	before := o.sent
	for rest := o.Recs; len(rest) > 0 && o.err == nil; {
		var n int
		if n, o.err = o.pace.due(o.hold.Ctx, o.sent, len(rest)); o.err == nil {
			n, o.err = o.send(rest[:n])
			o.sent += int64(n)
			o.err = o.goesOn(n, o.err)
			rest = rest[n:]
		}
	}
	o.Reset()
	if o.left > 0 {
		if o.left -= o.sent - before; o.left == 0 && o.err == nil {
			o.err = errCount
		}
	}
	o.fits()
	return o.err
}

// send sends recs or the first of them, at least one unless there is an error.
func (o *Outbox) send(recs [][]byte) (int, error) {
	ctx := o.hold.Ctx
	if !o.opts.Nonblock && o.opts.Timeout == 0 {
		n, err := o.to.SendBatch(ctx, recs)
		return n, exit.Ended(ctx, err)
	}
	n, err := o.to.TrySendBatch(recs)
	if n > 0 || !errors.Is(err, shmq.ErrFull) {
		return n, err
	}
	if o.opts.Nonblock {
		return n, exit.Tell(o.to.Name(), err, "it is full: %s %d of the input and what follows it were not sent; %sleave out --nonblock to wait for room", o.Unit, o.sent+1, heldUp(o.to.Name(), "; "))
	}
	// The time runs anew for each record there was no room for.
	ctx, cancel := context.WithTimeoutCause(ctx, o.opts.Timeout, exit.ErrTimeout)
	defer cancel()
	n, err = o.to.SendBatch(ctx, recs[:1])
	if n > 0 { // the time may have run out while the disk was waited for
		return n, err
	}
	if err = exit.Ended(ctx, err); err == exit.ErrTimeout {
		err = exit.Tell(o.to.Name(), err, "there was no room for %v: %s %d of the input and what follows it were not sent; %s", o.opts.Timeout, o.Unit, o.sent+1, cmp.Or(heldUp(o.to.Name(), ""), "is anybody receiving?"))
	}
	return n, err
}

// heldUp says which subscription holds up a queue that is full, and what to do about it, with
// then behind it; or "" if none does.
func heldUp(name, then string) string {
	info, err := shmq.Stat(name)
	if err != nil {
		return ""
	}
	text := words.HeldUp(info)
	if text == "" {
		return ""
	}
	return text + then
}

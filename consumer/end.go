package consumer

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/layout"
)

// errPassed: there was an end for others, which this consumer goes past. It looks again.
var errPassed = errors.New("passed the end of a stream")

// ended returns what a consumer is told that has found nothing: io.EOF or
// shmq.ErrBrokenOff at the end of a stream that is for it, otherwise nil, or errPassed.
//
// The order of the questions counts. A participant that knows that no producer is attached
// notes the end, with its position. Dead participants are recovered, so that the records that
// they held can be found; if another process is doing that, the answer has to wait. Then no
// record that was sent before the end may be left to be handed out, here or in the hands of
// a consumer that inherited it.
func (c *Raw) ended() error {
	if !c.untilEOF {
		c.ring.Settle()
		return nil
	}
	if c.ring.AtEnd() {
		return c.over
	}
	if err := c.end.EndStream(); err != nil {
		return err
	}
	end, ok := c.ring.Ending()
	if !ok {
		return nil
	}
	c.end.Recover()
	if busy, err := c.end.Recovering(); err != nil || busy {
		return err
	}
	if !c.ring.Drained() {
		return nil
	}
	if !end.Mine && (!end.Open || c.end.Awaited(end.Number)) {
		if c.ring.Behind() {
			c.ring.LeaveEnd()
			return errPassed
		}
		return nil
	}
	how, ok := c.ring.TakeEnd()
	if !ok {
		return errPassed
	}
	c.over = c.eof(how)
	return c.over
}

// eof says how a stream ended.
func (c *Raw) eof(how int) error {
	var why string
	switch {
	case how == layout.EndCut:
		why = "a producer died, or gave up, before it had sent all; what it had sent was received"
	case how != layout.EndFinished && c.strict:
		why = "the last producer left and none had marked the end (Finish, shmq-send --close); what was sent was received"
	default:
		return io.EOF
	}
	return &shmq.Error{Op: "receive from", Queue: c.end.Name(), Err: fmt.Errorf("%w: %s", shmq.ErrBrokenOff, why)}
}

// NextStream leaves the end of the stream behind that this consumer was told: calls do
// not return it any more, and wait for the next stream. Without it they do so from when
// the next stream begins.
func (c *Raw) NextStream() {
	if c.ring != nil {
		c.ring.NextStream()
	}
}

// relieved wakes consumers that wait for an end, after this one has handed out the last
// record of a dead one's batch.
func (c *Raw) relieved() {
	if c.ring.Relieved() && park.Armed(c.end.Data) {
		c.end.Counts.Wakes += uint64(park.WakeAll(c.end.Data))
	}
}

// passOver wakes another consumer if there is a record that this one may not take before
// it is told an end. The wake-up was meant for somebody who can; once for each position,
// or two that may not would wake each other for ever.
func (c *Raw) passOver() {
	if head, _ := c.end.Ring().Positions(); c.passedAt != head && c.ring.Behind() {
		c.passedAt = head
		c.passOn()
	}
}

package consumer

import (
	"fmt"
	"io"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/layout"
)

// ended returns what a consumer is told that has found nothing: io.EOF or
// shmq.ErrBrokenOff at the end of a stream that is for it, otherwise nil, or
// ring.ErrPassed.
func (c *Raw) ended() error {
	if !c.untilEOF { // a poll that finds nothing comes here
		c.ring.Settle()
		return nil
	}
	if c.ring.AtEnd() {
		return c.over
	}
	return c.takeEnd()
}

func (c *Raw) takeEnd() (err error) {
	returned := false
	defer c.end.LeaveUnless(&returned) // the handler of a logger may panic
	how, err := c.ring.TryEnd(c.end.Participant)
	if how != 0 {
		c.over = c.eof(how)
		err = c.over
	}
	returned = true
	return err
}

// eof says how a stream ended.
func (c *Raw) eof(how int) error {
	var err error
	switch {
	case how == layout.EndCut:
		err = fmt.Errorf("%w: a producer died, or gave up, before it had sent all; what it had sent was received", shmq.ErrBrokenOff)
	case how != layout.EndFinished && c.strict:
		err = fail.ErrUnmarked
	default:
		return io.EOF
	}
	return &shmq.Error{Op: "receive from", Queue: c.end.Name(), Err: err}
}

// NextStream leaves the end of the stream behind that this consumer was told: calls do
// not return it any more, and wait for the next stream. Without it they do so from when
// the next stream begins. After ErrBrokenOff there may be no next stream: where Stat says
// Finished, and a Depth of 0, that was the last one.
func (c *Raw) NextStream() {
	c.end.Quietly(func() {
		if c.ring != nil {
			c.ring.NextStream()
		}
	})
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

package consumer

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/park"
)

// idle wakes a producer for any room: this consumer has nothing more to receive, and may
// sleep with leases open, or after fillers that it passed over, which free less than
// freed waits for.
func (c *Raw) idle() {
	if c.end.Fence {
		atomics.Fence()
	}
	if park.Armed(c.end.Room) && c.end.Ring().RoomAtRest() {
		c.wakeProducer()
	}
}

// freed wakes a producer if enough room has become free since it went to sleep; it
// wakes the next when it has sent. While one has the turn, the room is for that one
// alone, and the others, standing back, would sleep on instead: all are woken.
func (c *Raw) freed() {
	if c.end.Fence {
		atomics.Fence()
	}
	if park.Armed(c.end.Room) && c.end.Ring().RoomWorthWaking() {
		c.wakeProducer()
	}
}

func (c *Raw) wakeProducer() {
	wake := park.WakeOne
	if c.end.Ring().TurnAsked() {
		wake = park.WakeAll
	}
	c.end.Counts.Wakes += uint64(wake(c.end.Room))
}

// orphaned wakes another consumer if there may be records to deliver again.
func (c *Raw) orphaned() {
	if c.many && park.Armed(c.end.Data) && c.ring.Orphans() {
		c.end.Counts.Wakes += uint64(park.WakeOne(c.end.Data))
	}
}

// passOn wakes another consumer if there is more to take: one wake-up may stand for
// several records, and a consumer that was woken may leave without taking one.
func (c *Raw) passOn() {
	if c.many && park.Armed(c.end.Data) && c.ring.Ready() {
		c.end.Counts.Wakes += uint64(park.WakeOne(c.end.Data))
	}
}

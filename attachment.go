package shmq

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Role is what a participant does in a queue.
type Role uint8

// The roles.
const (
	Producer Role = layout.RoleProducer
	Consumer Role = layout.RoleConsumer
)

func (r Role) String() string {
	switch r {
	case Producer:
		return "producer"
	case Consumer:
		return "consumer"
	}
	return "unknown"
}

// MarshalText returns "producer" or "consumer".
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Attachment is a place in a queue: a seat, held by a kernel lock until Detach or
// the end of the process, and the mapping. Packages producer and consumer build on
// it; few programs need it themselves. Its methods are safe for concurrent use
// unless they say otherwise; Detach must come last.
type Attachment struct {
	name   string
	at     place
	role   Role
	header layout.Header
	ring   *ring.Ring
	seat   int
	fence  bool
	began  bool // see Begin
	gaveUp bool

	mem     []byte // nil after Detach
	mapping []byte // the same, for good
	// pin holds the description that has this attachment's locks. It has no
	// descriptor for a forked child to inherit, so that the locks end with this
	// process and not with its children.
	pin *sys.Pin
	// probe is for questions, to the other description its own locks look free, and
	// for locks that are held for an instant.
	probe *sys.File

	// See guard.go.
	guarded, shrinkable bool
	handled             bool                  // faults are handled without the calls
	hit                 *uint32               // not 0 once one was
	lost                atomic.Pointer[error] // why the mapping can't be used any more

	// See look.go.
	due     atomic.Bool
	left    atomic.Bool // after Detach
	timer   *time.Timer // sets due
	removed time.Time   // when it was seen that the queue was removed

	syncing sync.Mutex // between Sync and the end of the mapping
	unsure  bool       // a Sync failed, and not all pages count as changed since

	recovering sync.Mutex // two goroutines with one description would share locks
	looked     time.Time
	misses     uint

	log          *slog.Logger
	damageLogged bool

	reporting sync.Mutex // between Report, which reads the mapping, and Detach
	last      Counters   // after Detach
}

// Name returns the queue's name as it was given to Attach.
func (a *Attachment) Name() string { return a.name }

// Ring returns the ring, for this attachment's producer or consumer.
func (a *Attachment) Ring() *ring.Ring { return a.ring }

// Seat returns the number of the seat.
func (a *Attachment) Seat() int { return a.seat }

// Counters returns the seat's counters, for its holder to write.
func (a *Attachment) Counters() *ring.Counters { return a.ring.Seat(a.seat).Counters() }

// MustFence reports whether this process has to execute a full fence between a
// publication and its look at the futex word, because the kernel does not let it
// register for the barrier that sleepers issue.
func (a *Attachment) MustFence() bool { return a.fence }

// Producers returns how many producers the queue may have.
func (a *Attachment) Producers() Side { return side(a.header.ManyProducers) }

// Consumers returns how many consumers the queue may have.
func (a *Attachment) Consumers() Side { return side(a.header.ManyConsumers) }

// Checksum reports whether the queue's records have checksums.
func (a *Attachment) Checksum() bool { return a.header.Checksum }

// SlotSize returns the largest payload in bytes that takes a single slot.
func (a *Attachment) SlotSize() int { return int(a.header.AreaSize) }

// MaxRecord returns the largest payload in bytes.
func (a *Attachment) MaxRecord() int { return a.header.MaxRecord() }

// ProducerAttached asks the kernel whether any producer is attached.
func (a *Attachment) ProducerAttached() (bool, error) {
	held, err := a.probe.Locked(layout.LockProducer)
	return held, fail("ask for producers of", a.name, err)
}

func side(many bool) Side {
	if many {
		return Many
	}
	return One
}

package attach

import (
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Participant has a role and a seat in a queue, and its mapping. Its methods are safe for
// concurrent use unless they say otherwise; Detach must come last.
//
// due and hit are fields of its own, and not of a part of it, because each call loads them.
type Participant struct {
	due atomic.Uint32 // 0 or 1; see heartbeat.go
	hit *uint32       // not 0 once a fault was handled; see guard.go

	q             *mapped.Queue
	ring          *ring.Ring // the queue's
	role          shmq.Role
	held          *seat.Held
	subscribing   seat.Subscribing
	atGate        bool // this has the gate locked
	fence         bool
	began, gaveUp bool // a producer has; see stream.go
	wait          park.Policy

	// See guard.go.
	guarded, shrinkable bool
	handled             bool                  // faults are handled without the calls
	lost                atomic.Pointer[error] // why the mapping can't be used any more

	// See heartbeat.go.
	left     atomic.Bool // from the beginning of Close or Detach on
	ask      atomic.Bool // due is 1 for a reason that Attend has to look at
	long     bool        // see GoLong
	timer    *time.Timer // sets both
	removed  time.Time   // when it was seen that the queue was removed
	lastBeat time.Time

	syncing sync.Mutex // between Sync and the end of the mapping
	unsure  bool       // a Sync failed, and not all pages count as changed since

	recovering sync.Mutex // two goroutines with one description would share locks

	log             *slog.Logger
	damageLogged    bool
	unguardedLogged bool

	reporting sync.Mutex    // between Report, which reads the mapping, and Detach
	last      shmq.Counters // after Detach
}

// Name returns the queue's name as it was given to To.
func (a *Participant) Name() string { return a.q.Name }

// CreationID returns the creation id of the queue, as shmq.Info has it. It tells queues apart
// whatever names lead to them.
func (a *Participant) CreationID() string { return hex.EncodeToString(a.q.Header.CreationID[:]) }

// Ring returns the ring, for this participant's ring.Producer or ring.Consumer.
func (a *Participant) Ring() *ring.Ring { return a.ring }

// Seat returns the number of the seat.
func (a *Participant) Seat() int { return a.held.Number }

// NewConsumer returns the ring's consumer of this participant.
func (a *Participant) NewConsumer() *ring.Consumer {
	if a.held.Entry >= 0 {
		return a.ring.NewSubscriber(a.held.Number, a.held.Entry)
	}
	return a.ring.NewConsumer(a.held.Number)
}

// Each reports whether each consumer of the queue gets every record.
func (a *Participant) Each() bool { return a.q.Header.Each }

// Counters returns the seat's counters, for its holder to write.
func (a *Participant) Counters() *ring.Counters { return a.ring.Seat(a.held.Number).Counters() }

// MustFence reports whether this process has to execute a full fence between a
// publication and its load of the futex word, because the kernel does not let it
// register for the barrier that sleepers issue.
func (a *Participant) MustFence() bool { return a.fence }

// ManyConsumers reports whether the queue may have more than one consumer.
func (a *Participant) ManyConsumers() bool { return a.q.Header.ManyConsumers }

// Checksum reports whether the queue's records have checksums.
func (a *Participant) Checksum() bool { return a.q.Header.Checksum }

// RecordID returns the id of a record by its place.
func (a *Participant) RecordID(incarnation, position uint64) shmq.ID {
	return shmq.ID{Creation: a.q.Header.CreationID, Incarnation: incarnation, Position: position}
}

// SlotSize returns the largest payload in bytes that takes a single slot.
func (a *Participant) SlotSize() int { return int(a.q.Header.AreaSize) }

// MaxRecord returns the largest payload in bytes.
func (a *Participant) MaxRecord() int { return a.q.Header.MaxRecord() }

// ProducerAttached asks the kernel whether any producer is attached.
func (a *Participant) ProducerAttached() (bool, error) {
	held, err := a.q.File.Locked(layout.LockProducer)
	return held, fail.In("ask for producers of", a.q.Name, err)
}

// Recover recovers dead participants: their unpublished claims become skipped slots, their
// unacknowledged records are delivered again. Each participant does this when it attaches,
// and at each heartbeat. Where a page of the queue is missing it recovers less, and this
// participant can't go on.
func (a *Participant) Recover() ring.Swept {
	var found ring.Swept
	_ = a.Guard(func() error { // the next call returns it
		all := a.recoverAll()
		for i := range all {
			found.Claims += all[i].Found.Claims
			found.Takes += all[i].Found.Takes
			found.Records += all[i].Found.Records
			a.logDead(&all[i]) // when no lock is held any more
		}
		return nil
	})
	return found
}

func (a *Participant) recoverAll() []seat.Dead {
	if !a.recovering.TryLock() {
		return nil // another goroutine is at it
	}
	defer a.recovering.Unlock()
	if a.q.Closed() {
		return nil
	}
	all := seat.RecoverAll(a.q, a.held.Number)
	if a.q.Header.Each {
		seat.ClearSlowest(a.q)
	}
	return all
}

// Report returns the counters; after Detach, the last ones, and after the file was cut,
// those of the last Report. It may be called by any goroutine at any time and does not
// disturb the one at work. Each number is of a slightly different moment.
func (a *Participant) Report() shmq.Counters {
	a.reporting.Lock()
	defer a.reporting.Unlock()
	if !a.q.Closed() {
		// If the file was cut, the numbers before that are what there is.
		_ = a.unlessLost(func() error {
			if now := a.report(); !a.Hit() {
				a.last = now
			}
			return nil
		})
	}
	return a.last
}

func (a *Participant) report() shmq.Counters {
	c := a.ring.Seat(a.held.Number).Report()
	return shmq.Counters{Records: c.Records, Bytes: c.Bytes, Waits: c.Waits, Wakes: c.Wakes, Redelivered: c.Redelivered}
}

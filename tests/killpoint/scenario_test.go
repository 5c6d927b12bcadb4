//go:build linux && amd64

package killpoint

import (
	"fmt"
	"slices"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

// scenario is one operation and what surrounds it.
type scenario struct {
	name string
	mode shmq.Options // the two sides
	role shmq.Role    // of the victim

	program string // that plays the victim; "" for the test binary

	variant bool // of another scenario, with another kind of queue
	rare    bool // the bounded form has it now and then, in one mode
	home    home // where the queue lives

	// The state before the victim comes.
	absent  bool     // no queue
	at      int      // index of the slot of the first of records
	skipped bool     // the last two slots were a filler in the lap before
	records []uint64 // in the ring
	hold    bool     // many consumers: one leases a record before those, through it all

	// The state when the victim has prepared itself.
	prepare  func(v *victim)
	sent     []uint64       // by the victim in prepare
	marked   []uint64       // by the victim, in prepare and in the calls, in order
	handed   []uint64       // to the victim in prepare
	received []uint64       // by the victim in prepare
	living   bool           // another producer, if there can be, lives through it all
	sleeps   uint64         // the record for which a producer sleeps that is the sleeper; 0: waitingRecord
	asleep   func(w *world) // called when the sleeper sleeps
	reserve  bool           // and, among many, has a reservation
	corpses  func(w *world) // dirty seats of dead ones
	sleeper  shmq.Role      // a participant of this role sleeps
	broken   bool           // the stamp is of another boot; no other participant is attached

	// The operation. A call may wait for ever.
	calls    []call
	frees    bool // what a sleeping producer needs
	finishes bool // marks the end of the stream
	abandons bool // breaks it off
	removes  bool // the queue
}

// call is one call of the operation, and what becomes of the records while it runs
// and when it has returned.
type call struct {
	do            func(v *victim)
	ids           []uint64
	during, after fate
}

// mayLive reports whether another participant can have that role beside the victim.
func (s *scenario) mayLive(role shmq.Role) bool {
	side := s.mode.Producers
	if role == shmq.Consumer {
		side = s.mode.Consumers
	}
	return side == shmq.Many || s.role != role
}

// options are those of the queue: few seats, so that each is used.
func (s *scenario) options() shmq.Options {
	o := s.mode
	o.Slots, o.SlotSize, o.Seats = slots, 64, 6
	if o.Producers == shmq.One && o.Consumers == shmq.One {
		o.Seats = 2
	}
	return o
}

func modeName(o shmq.Options) string { return fmt.Sprintf("%v/%v", o.Producers, o.Consumers) }

// scenarios are all, in one mode.
func scenarios(mode shmq.Options) []*scenario {
	all := slices.Concat(sends(), marks(mode), receives(mode), tries(mode), parks(mode), attaches(mode), recoveries(mode), removals())
	for _, s := range all {
		s.mode = mode
	}
	return slices.Concat(all, elsewhere(mode, inDescriptor), elsewhere(mode, inSegment), checksums(mode), stamped(mode))
}

// rarely marks scenarios as rare.
func rarely(all ...*scenario) []*scenario {
	for _, s := range all {
		s.rare = true
	}
	return all
}

// stamped are operations with a queue whose records say when they were sent.
func stamped(mode shmq.Options) []*scenario {
	mode.Timestamps = true
	all := slices.Concat(sends(), receives(mode))
	for _, s := range all {
		s.name += ", " + timeStamps
		s.mode, s.variant, s.rare = mode, true, true
	}
	return all
}

const timeStamps = "time stamps"

// find returns a scenario by its names.
func find(mode, name string) *scenario {
	for _, o := range testagent.Modes() {
		if modeName(o) != mode {
			continue
		}
		for _, s := range scenarios(o) {
			if s.name == name {
				return s
			}
		}
	}
	panic("no scenario " + mode + " " + name)
}

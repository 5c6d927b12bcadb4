package shmq

import (
	"fmt"
	"io/fs"
	"math/bits"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/layout"
)

// Defaults of a new queue: 4.5 MB, and records of up to 2 MiB.
const (
	DefaultSlots    = 4096
	DefaultSlotSize = 1024
	DefaultSeats    = 128
	// DefaultSubscriptions is for queues of which each consumer gets every record.
	DefaultSubscriptions = 64
	DefaultMode          = fs.FileMode(0o600)
)

// Multiplicity tells how many participants of a role a queue may have at a time. A single
// one is faster; it holds a kernel lock, so a second one is refused.
type Multiplicity uint8

const (
	// Many participants share the role.
	Many Multiplicity = iota
	// One participant has the role to itself.
	One
	// Each is for consumers: any number, and each of them gets every record.
	Each
)

func (m Multiplicity) String() string {
	switch m {
	case One:
		return "one"
	case Each:
		return "each"
	}
	return "many"
}

// producersOf and consumersOf return how many participants of a role a queue may have.
func producersOf(g layout.Geometry) Multiplicity {
	if g.ManyProducers {
		return Many
	}
	return One
}

func consumersOf(g layout.Geometry) Multiplicity {
	switch {
	case g.Each:
		return Each
	case g.ManyConsumers:
		return Many
	}
	return One
}

// MarshalText returns "one", "many" or "each".
func (m Multiplicity) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText takes "one", "many" or "each".
func (m *Multiplicity) UnmarshalText(b []byte) error {
	switch string(b) {
	case "one":
		*m = One
	case "many":
		*m = Many
	case "each":
		*m = Each
	default:
		return fmt.Errorf("%w: %q is none of one, many and each", ErrOption, b)
	}
	return nil
}

// Options say what a new queue is like. The zero value, and nil, mean the
// defaults; an existing queue is taken as it is.
type Options struct {
	// Producers is how many producers there may be at a time. Default Many.
	Producers Multiplicity
	// Consumers is how many consumers there may be at a time. Default Many.
	Consumers Multiplicity
	// Slots is the number of slots, rounded up to a power of two; 2 to 2^24.
	// Default 4096.
	Slots int
	// SlotSize is the payload in bytes that one slot holds, rounded up to a
	// multiple of 64; 64 to 2^30. A larger record takes several slots, up to
	// half of all. Default 1024.
	SlotSize int
	// Seats is how many participants can be attached at a time, 2 to 1024.
	// Default 128.
	Seats int
	// Mode is the file's permissions, whatever the umask. Default 0600.
	Mode fs.FileMode
	// HugePages puts the queue into huge pages of 2 MiB, as far as it fills them:
	// fewer misses of the TLB for large queues. It needs Linux 6.1 and a filesystem
	// in memory; where the kernel refuses, Create fails. Default false: for small
	// queues it makes no difference. docs/benchmarks.md has figures. On hugetlbfs
	// there is nothing else, whatever this says.
	HugePages bool
	// Checksum gives each record a checksum. A queue on a disk needs it to survive a
	// power failure: it tells records that reached the disk whole from those that did
	// not. Default false.
	Checksum bool
	// Timestamps gives each record the time at which it was sent: consumers learn it, and
	// how old the oldest waiting record is can be seen from outside. A producer reads the
	// clock for each record, or for each batch: some 40 ns; a record has 8 bytes less in
	// its slot's line, so those of 41 to 48 bytes take a second line. Default false, which
	// costs nothing.
	Timestamps bool

	// The rest is for queues of which each consumer gets every record; docs/broadcast.md.

	// Skip: producers wait for no consumer. One that falls behind by a lap goes on at a record that
	// is still there, and is told what it lost (ErrLagged). Default false: producers wait for the
	// slowest living one, and for durable subscriptions.
	Skip bool
	// Keep is how many slots behind the newest record stay, at most 15/16 of all, less those being written, for who
	// begins at the oldest; at most all. Without Skip only, which keeps a lap anyway. Default 0.
	Keep int
	// Subscriptions is how many consumers and durable subscriptions there can be at a time, 1 to
	// 4096. Producers look at all once a lap. Default 64.
	Subscriptions int
}

// spec applies defaults and rounding; o may be nil. Error: ErrOption.
func (o *Options) spec() (place.Spec, error) {
	if err := place.ByteOrder(); err != nil {
		return place.Spec{}, err
	}
	if o == nil {
		o = &Options{}
	}
	s := place.Spec{
		Geometry: layout.Geometry{
			ManyProducers: o.Producers == Many,
			ManyConsumers: o.Consumers == Many,
			Seats:         or(o.Seats, DefaultSeats),
			Slots:         uint64(or(o.Slots, DefaultSlots)),
			AreaSize:      uint64(or(o.SlotSize, DefaultSlotSize)),
			Checksum:      o.Checksum,
			Timestamps:    o.Timestamps,
			Each:          o.Consumers == Each,
			Skip:          o.Skip,
		},
		Mode:      o.Mode,
		HugePages: o.HugePages,
	}
	switch {
	case o.Producers > One:
		return s, fmt.Errorf("%w: producers %v, want one or many", ErrOption, o.Producers)
	case !s.Each && (o.Skip || o.Keep != 0 || o.Subscriptions != 0):
		return s, fmt.Errorf("%w: Skip, Keep and Subscriptions are for queues of which each consumer gets every record, want Consumers: Each with them", ErrOption)
	case o.Keep < 0 || o.Keep > 0 && o.Skip:
		return s, fmt.Errorf("%w: %d slots to keep, want 0 or more, and 0 with Skip, which keeps a lap", ErrOption, o.Keep)
	case o.Subscriptions < 0 || o.Subscriptions > layout.MaxSubscriptions:
		return s, fmt.Errorf("%w: %d subscriptions, want 1 to %d", ErrOption, o.Subscriptions, layout.MaxSubscriptions)
	case o.Slots < 0 || s.Slots < layout.MinSlots || s.Slots > layout.MaxSlots:
		return s, fmt.Errorf("%w: %d slots, want %d to %d", ErrOption, o.Slots, layout.MinSlots, layout.MaxSlots)
	case o.SlotSize < 0 || s.AreaSize > layout.MaxAreaSize:
		return s, fmt.Errorf("%w: slot size %d, want 1 to %d", ErrOption, o.SlotSize, layout.MaxAreaSize)
	case o.Mode&^fs.ModePerm != 0:
		return s, fmt.Errorf("%w: mode %v, want permission bits only", ErrOption, o.Mode)
	}
	if s.Each {
		s.Subscriptions, s.Keep = or(o.Subscriptions, DefaultSubscriptions), uint64(o.Keep)
	}
	s.Slots = 1 << bits.Len64(s.Slots-1)
	s.AreaSize = (s.AreaSize + layout.AreaUnit - 1) / layout.AreaUnit * layout.AreaUnit
	if err := s.Check(); err != nil {
		return s, fmt.Errorf("%w: %w", ErrOption, err)
	}
	if uint64(int(s.TotalSize())) != s.TotalSize() || int(s.TotalSize()) < 0 {
		return s, fmt.Errorf("%w: %d bytes are more than this system can map", ErrOption, s.TotalSize())
	}
	if s.Mode == 0 {
		s.Mode = DefaultMode
	}
	return s, nil
}

func or(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// WaitPolicy says how a call waits for room or for a record. Its costs are told
// in docs/benchmarks.md.
type WaitPolicy uint8

const (
	// SpinThenPark spins for some microseconds and then sleeps. How long it spins
	// follows from how often that was of use: next to nothing for a partner that is
	// slow or shares the core.
	SpinThenPark = WaitPolicy(park.SpinThenPark)
	// Spin never sleeps: the lowest latency, for a whole core. Once a wait has taken
	// a while it gives the core away again and again, so that two ends on one core
	// still get on.
	Spin = WaitPolicy(park.Spin)
	// Park sleeps at once: the least CPU, at the price of a wake-up for each wait.
	Park = WaitPolicy(park.Park)
)

var policyNames = [...]string{SpinThenPark: "spin-then-park", Spin: "spin", Park: "park"}

func (w WaitPolicy) String() string {
	if int(w) < len(policyNames) {
		return policyNames[w]
	}
	return fmt.Sprintf("invalid(%d)", uint8(w))
}

// MarshalText returns the policy's name.
func (w WaitPolicy) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText takes "spin-then-park", "spin" or "park".
func (w *WaitPolicy) UnmarshalText(b []byte) error {
	for i, name := range policyNames {
		if name == string(b) {
			*w = WaitPolicy(i)
			return nil
		}
	}
	return fmt.Errorf("%w: %q is none of spin-then-park, spin and park", ErrOption, b)
}

package layout

import (
	"errors"
	"fmt"
	"math/bits"
)

// Limits of a geometry.
const (
	MinSlots = 2
	MaxSlots = 1 << 24
	// MaxAreaSize bounds one data area, 1 GiB.
	MaxAreaSize = 1 << 30
	// MaxRecordSize bounds a record: its length fits an int on every system.
	MaxRecordSize = 1<<31 - 1
	// MaxSubscriptions bounds the subscription table.
	MaxSubscriptions = 4096
)

// Geometry is the shape of a queue: what Validate took from a header, and all
// that the code needs to know of it. It lives in private memory; nothing that
// is written to the mapping later can change it.
type Geometry struct {
	ManyProducers bool
	ManyConsumers bool
	Seats         int
	Slots         uint64 // a power of two
	AreaSize      uint64 // D: payload bytes of one slot beyond the inline ones
	Checksum      bool   // each record has a checksum
	Timestamps    bool   // each record says when it was sent

	// Each consumer gets every record: it has a subscription. The rest is 0 without it.
	Each          bool
	Skip          bool   // producers wait for no subscription; one that is lapped skips
	Subscriptions int    // entries of the subscription table
	Keep          uint64 // slots behind tail that stay whole for who joins at the oldest record
}

// Check tells whether the geometry lies within the limits.
func (g Geometry) Check() error {
	switch {
	case g.Seats < 2 || g.Seats > MaxSeats:
		return fmt.Errorf("%d seats, want 2 to %d", g.Seats, MaxSeats)
	case g.Slots < MinSlots || g.Slots > MaxSlots || g.Slots&(g.Slots-1) != 0:
		return fmt.Errorf("%d slots, want a power of two from %d to %d", g.Slots, MinSlots, MaxSlots)
	case g.AreaSize < AreaUnit || g.AreaSize > MaxAreaSize || g.AreaSize%AreaUnit != 0:
		return fmt.Errorf("slot size %d, want a multiple of %d from %d to %d", g.AreaSize, AreaUnit, AreaUnit, MaxAreaSize)
	}
	return g.checkSubscriptions()
}

// checkSubscriptions is the part of Check about queues of which each consumer gets every record.
func (g Geometry) checkSubscriptions() error {
	switch {
	case !g.Each && (g.Skip || g.Subscriptions != 0 || g.Keep != 0):
		return errors.New("subscriptions, or what becomes of slow ones, where consumers share the records")
	case !g.Each:
		return nil
	case g.ManyConsumers:
		return errors.New("consumers that share the records and each get all")
	case g.Subscriptions < 1 || g.Subscriptions > MaxSubscriptions:
		return fmt.Errorf("%d subscriptions, want 1 to %d", g.Subscriptions, MaxSubscriptions)
	case g.Keep > g.Slots:
		return fmt.Errorf("%d slots to keep, want at most the %d that there are", g.Keep, g.Slots)
	case g.Keep != 0 && g.Skip:
		return fmt.Errorf("%d slots to keep, want 0 where producers wait for nobody: a lap is kept anyway", g.Keep)
	}
	return nil
}

// Shift is the base-2 logarithm of the number of slots.
func (g Geometry) Shift() uint { return uint(bits.TrailingZeros64(g.Slots)) }

// SubscriptionOffset is where the subscription table starts, right behind the seats.
func (g Geometry) SubscriptionOffset() uint64 { return SeatOffset + uint64(g.Seats)*SeatSize }

// SlotOffset is where the slot lines start.
func (g Geometry) SlotOffset() uint64 {
	return pageUp(g.SubscriptionOffset() + uint64(g.Subscriptions)*SubscriptionSize)
}

// DataOffset is where the data areas start.
func (g Geometry) DataOffset() uint64 { return pageUp(g.SlotOffset() + g.Slots*SlotSize) }

// TotalSize is the size of the whole file. With the limits that Check demands
// it stays below 2^55, so none of these sums can overflow.
func (g Geometry) TotalSize() uint64 { return pageUp(g.DataOffset() + g.Slots*g.AreaSize) }

// InlineOffset is where in a slot line an inline payload starts.
func (g Geometry) InlineOffset() int {
	if g.Timestamps {
		return SlotTimeInline
	}
	return SlotInline
}

// InlineSize is how many payload bytes a slot line holds.
func (g Geometry) InlineSize() int {
	if g.Checksum {
		return SlotSum - g.InlineOffset()
	}
	return SlotSize - g.InlineOffset()
}

// MaxSlotsPerRecord is how many slots a record or a batch may take: half the
// ring, so that with a filler before the end it always fits into an empty one.
func (g Geometry) MaxSlotsPerRecord() uint64 { return g.Slots / 2 }

// MaxRecord is the largest payload in bytes.
func (g Geometry) MaxRecord() int {
	return int(min(g.MaxSlotsPerRecord()*g.AreaSize, MaxRecordSize))
}

func pageUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

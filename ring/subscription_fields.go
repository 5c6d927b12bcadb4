package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// SubscriptionFields are fields of an entry as they stand there, right or wrong.
type SubscriptionFields struct {
	Handout                uint64
	Durable, NameLen, Seat uint32
	Name                   string // as far as there is room for it
}

// Fields returns them.
func (s Subscription) Fields() SubscriptionFields {
	f := SubscriptionFields{
		Handout: s.Handout(),
		Durable: atomic.LoadUint32(s.u32(layout.SubDurable)),
		NameLen: atomic.LoadUint32(s.u32(layout.SubNameLen)),
		Seat:    atomic.LoadUint32(s.u32(layout.SubSeat)),
	}
	f.Name = string(unsafe.Slice((*byte)(unsafe.Add(s.base, layout.SubName)), min(f.NameLen, layout.SubNameN)))
	return f
}

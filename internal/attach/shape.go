package attach

import (
	"fmt"
	"math/bits"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/layout"
)

// checkShape returns ErrOption if a queue that exists is not what the caller wants to make:
// a program that asks for a shape does not want another one in silence. A zero asks for
// nothing in particular.
func checkShape(q *mapped.Queue, want *shmq.Options) error {
	is := &q.Header.Geometry
	slots := uint64(1) << bits.Len64(uint64(want.Slots)-1)
	size := (uint64(want.SlotSize) + layout.AreaUnit - 1) / layout.AreaUnit * layout.AreaUnit
	var has, asked string
	switch {
	case want.Slots != 0 && is.Slots != slots:
		has, asked = fmt.Sprintf("with %d slots", is.Slots), fmt.Sprint(slots)
	case want.SlotSize != 0 && is.AreaSize != size:
		has, asked = fmt.Sprintf("with slots of %d bytes", is.AreaSize), fmt.Sprint(size)
	case want.Seats != 0 && is.Seats != want.Seats:
		has, asked = fmt.Sprintf("with %d seats", is.Seats), fmt.Sprint(want.Seats)
	case want.Producers == shmq.One && is.ManyProducers:
		has, asked = "for many producers", "one"
	case want.Consumers == shmq.Each && !is.Each:
		has, asked = "for consumers that share the records", "for each to get all"
	case want.Consumers == shmq.One && is.Each:
		has, asked = "for each consumer to get every record", "one consumer"
	case want.Consumers == shmq.One && is.ManyConsumers:
		has, asked = "for many consumers", "one"
	case want.Skip && !is.Skip:
		has, asked = "whose producers wait for slow consumers", "one that skips"
	case want.Keep != 0 && is.Keep != uint64(want.Keep):
		has, asked = fmt.Sprintf("that keeps %d slots", is.Keep), fmt.Sprint(want.Keep)
	case want.Subscriptions != 0 && is.Subscriptions != want.Subscriptions:
		has, asked = fmt.Sprintf("with %d subscriptions", is.Subscriptions), fmt.Sprint(want.Subscriptions)
	case want.Checksum && !is.Checksum:
		has, asked = "without checksums", "with"
	default:
		return nil
	}
	return fmt.Errorf("%w: the queue exists %s, and not %s, as was asked for; ask for nothing in particular, set AnyShape, or remove the queue first", fail.ErrOption, has, asked)
}

// gatherPages has a queue that exists in huge pages, for everybody who maps it, if that is
// asked for. On hugetlbfs it is so already.
func gatherPages(q *mapped.Queue, want *shmq.Options) error {
	if !want.HugePages || q.File.HugePage() != 0 {
		return nil
	}
	if err := place.Gather(q.Mem); err != nil {
		return fmt.Errorf("the queue exists: %w", err)
	}
	return nil
}

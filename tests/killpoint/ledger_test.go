//go:build linux && amd64

package killpoint

import (
	"fmt"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
)

// A record's number says which sender sent it, how many bytes it has, and which of its
// sender's records it is.
func record(who sender, size, n int) uint64 { return uint64(who)<<48 | uint64(size)<<32 | uint64(n) }

func sizeOf(id uint64) int      { return int(id >> 32 & 0xffff) }
func senderOf(id uint64) sender { return sender(id >> 48) }

type sender uint64

const (
	earlier sender = iota + 1 // before the victim came
	theVictim
	living // a producer that lives through it all
	late   // after the kill
	waiter // a producer that sleeps for room
	filling
)

// fate is what the contract says of a record at the moment of the kill.
type fate int

const (
	// gone: acknowledged, given up, or never sent: it does not come.
	gone fate = iota
	// certain: sent, and no consumer was handed it: it comes, unflagged.
	certain
	// sending: the call that sends it has not returned: it comes whole, unflagged,
	// or not at all.
	sending
	// taking: the call that leases it has not returned: it comes, flagged or not.
	taking
	// handed: leased and not acknowledged: it comes, flagged.
	handed
	// settling: being acknowledged: it comes flagged, or not at all.
	settling
	// receiving: being copied and acknowledged: it comes, flagged or not, or not at all.
	receiving
)

// permits checks how often a record came, and how it was flagged.
func (f fate) permits(id uint64, came []delivery) error {
	if len(came) > 1 || f.must() && len(came) == 0 || f == gone && len(came) != 0 {
		return fmt.Errorf("record %#x came %d times, it is %v", id, len(came), f)
	}
	for _, d := range came {
		flagged := d.redelivered > 0
		if (f == certain || f == sending) && flagged || (f == handed || f == settling) && !flagged {
			return fmt.Errorf("record %#x came with Redelivered %d, it is %v", id, d.redelivered, f)
		}
	}
	return nil
}

// must reports whether the record has to come.
func (f fate) must() bool { return f == certain || f == taking || f == handed }

func (f fate) String() string {
	return [...]string{"gone", "certain", "being sent", "being leased", "handed out", "being acknowledged", "being received"}[f]
}

type delivery struct {
	id          uint64
	redelivered int
}

// delivered reads a record that came.
func delivered(b []byte, redelivered int) (delivery, error) {
	id, err := ringtest.ReadRecord(b)
	if err == nil && len(b) != sizeOf(id) {
		err = fmt.Errorf("record %#x came with %d bytes", id, len(b))
	}
	return delivery{id, redelivered}, err
}

// ledger is what became of each record, as far as its sender and its receiver know.
type ledger map[uint64]fate

// after is the ledger at the moment when n calls had returned.
func (l ledger) after(calls []call, n int) {
	for i, c := range calls[:min(n+1, len(calls))] {
		for _, id := range c.ids {
			if i < n {
				l[id] = c.after
			} else {
				l[id] = c.during
			}
		}
	}
}

// check compares what came, in that order, with the ledger. alone says that one
// consumer got all of it.
func (l ledger) check(came []delivery, calls []call, alone bool) error {
	for id, f := range l {
		var of []delivery
		for _, d := range came {
			if d.id == id {
				of = append(of, d)
			}
		}
		if err := f.permits(id, of); err != nil {
			return err
		}
	}
	last := map[sender]uint64{}
	for _, d := range came {
		if _, known := l[d.id]; !known {
			return fmt.Errorf("record %#x came, which no producer sent", d.id)
		}
		n, who := d.id&0xffffffff, senderOf(d.id)
		if n <= last[who] && (alone || d.redelivered == 0) {
			return fmt.Errorf("record %d of sender %d came after %d: %x", n, who, last[who], came)
		}
		last[who] = max(n, last[who])
	}
	// The sent part of a batch is its front.
	for _, c := range calls {
		missing := false
		for _, id := range c.ids {
			has := slices.ContainsFunc(came, func(d delivery) bool { return d.id == id })
			if l[id] == sending && has && missing {
				return fmt.Errorf("record %#x came, one before it in its batch did not", id)
			}
			missing = missing || !has
		}
	}
	return nil
}

package ring

import (
	"sync/atomic"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// What a rebuild makes of subscriptions. All consumers are dead, so only durable ones stay.
//
// A durable subscription that was on the disk with the last completed sync, S, and was not ended
// since, has kept its entry: the name, and all else that is written while a cursor joins, is
// in every version of the page, and every cursor that the disk may have is at or before the
// oldest record that the subscription had not acknowledged when the machine stopped. In a queue whose
// producers wait that record was not overwritten; so it is found, as others are. One that was made
// since S, or ended, may be there or not, or be a mixture of what the entry said: it counts if it is
// active, durable and has a name.
//
// The gate is not asked what was acknowledged: a producer may publish one that is beyond the
// cursor of a subscription that joins just then. All records of the window that are good stay,
// since a new subscription may want the oldest; but where positions would go back for one that no
// durable subscription wants, it goes.

// keptSubscription is a durable subscription that stays.
type keptSubscription struct {
	Subscription
	entry int
	pos   uint64 // of its cursor, as the disk has it
}

// findSubscriptions finds the durable ones. Of two of a name one had been ended; the one that is farther
// behind stays, which loses nothing.
func (b *rebuilder) findSubscriptions() {
	if b.m.Geo.Skip && b.m.Geo.ManyProducers {
		b.before = b.ref // head says nothing
	}
	byName := map[string]int{}
	for i := range b.m.Geo.Subscriptions {
		s := b.Subscription(i)
		fields := s.Fields()
		name := fields.Name
		if !s.Kept() || fields.NameLen > layout.SubNameN || !ValidName(name) {
			continue
		}
		found := keptSubscription{s, i, s.Cursor().Near(b.ref)}
		if n, twice := byName[name]; !twice {
			byName[name] = len(b.subs)
			b.subs = append(b.subs, found)
		} else if int64(found.pos-b.subs[n].pos) < 0 {
			b.subs[n] = found
		}
	}
}

// wanted returns how many of the good records, the newest first, are to be delivered to those that
// are known.
func (b *rebuilder) wanted() int {
	if !b.m.Geo.Each {
		return len(b.good)
	}
	n := 0
	for _, g := range b.good {
		for _, s := range b.subs {
			if int64(g.pos-s.pos) >= 0 {
				n++
				break
			}
		}
	}
	return n
}

// reached returns the positions that some participant knew of.
func (b *rebuilder) reached() []uint64 {
	all := []uint64{b.ref, b.before}
	for _, s := range b.subs {
		all = append(all, s.pos)
	}
	return all
}

// keep drops the good records that lie a lap before end.
func (b *rebuilder) keep(end uint64) {
	for n := len(b.good); n > 0 && int64(b.good[n-1].pos-(end-b.m.Cap)) < 0; n-- {
		b.good = b.good[:n-1]
	}
}

// resetSubscriptions brings the table in line, and returns the new head: the gate, or the intent,
// since nothing beyond end is begun. Each cursor comes to a record, for there may be no word of its
// own where it stands, and all from there on comes flagged.
func (b *rebuilder) resetSubscriptions(end uint64) (head uint64) {
	stays := make([]bool, b.m.Geo.Subscriptions)
	gate := end
	if n := len(b.good); n > 0 {
		gate = b.good[n-1].pos
	}
	next := atomics.Load64(b.ends) + 1 // of what is there now; see resetStreams
	for _, s := range b.subs {
		stays[s.entry] = true
		pos := end
		for _, g := range b.good {
			if int64(g.pos-s.pos) < 0 {
				break
			}
			pos = g.pos
		}
		lost := uint64(0) // that its next holder is to be told of
		if b.m.Geo.Skip {
			if before, ok := s.untold(); ok {
				lost = before.To - before.From
			}
			more := uint64(max(0, int64(gate-s.pos)))
			s.willLose(pos, more)
			lost += more
		}
		atomic.StoreUint64(s.u64(layout.SubEnds), next)
		atomics.Store64(s.u64(layout.SubHandout), end)
		atomics.Store64(s.cursorAt(), uint64(layout.MakeCursor(layout.CursorActive, pos)))
		if b.m.Geo.Skip {
			s.toldLost(lost)
		}
	}
	for i, kept := range stays {
		if !kept {
			b.Subscription(i).Clear()
		}
	}
	atomics.Store64(b.handout, end)
	if b.m.Geo.Skip {
		return end
	}
	return gate
}

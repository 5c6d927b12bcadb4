package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// How a producer learns that slots are free where each consumer gets every record.
//
// A producer keeps a gate: all before it is free, for all who are and will be. A gate once
// computed is good for ever for the producer that computed it. It is not good for others by way of
// head: the second look may stop at less than the head that was published before it.
//
// The gate is computed from the producer's own t and not from the cursors alone: a cursor that was read
// late may be beyond t, and one that was not there when it was read may lie between.

// freeByGate counts the free slots from position t on, up to want.
func (p *Producer) freeByGate(t, want uint64) (uint64, error) {
	r := p.r
	if int64(t+want-p.headSeen) > int64(r.m.Cap) {
		if p.looks {
			return p.lookFree(t, want), nil
		}
		p.scan(t, want)
	}
	room := int64(r.m.Cap) - int64(t-p.headSeen)
	if room <= 0 {
		return 0, nil
	}
	free := min(want, uint64(room))
	if r.m.Geo.ManyProducers {
		p.spent += free
		free = r.unclaimedOf(t, free)
	}
	return free, nil
}

// scan raises the gate for a claim of n slots at t, as far as subscriptions let it.
//
// Preconditions: t was loaded before; with a single producer, it is that one's own.
func (p *Producer) scan(t, n uint64) {
	r := p.r
	if r.m.Geo.Skip {
		p.announce(t, n)
		return
	}
	p.spent += 2 * uint64(r.m.Geo.Subscriptions)
	lag := max(0, int64(r.kept())-int64(n))
	gate := t - uint64(max(lag, r.mostBehind(t)))
	raise(r.head, gate)
	// The full fence between head and the second look, for a head that was there already.
	atomics.Fence()
	p.headSeen = later(p.headSeen, t-uint64(max(int64(t-gate), r.mostBehind(t))))
}

// lookFree is what freeByGate would count, by a look at the cursors that publishes nothing: a scan
// raises head for a claim that may not follow, and announcing one makes a lossy reader lose what nobody
// writes over.
func (p *Producer) lookFree(t, want uint64) uint64 {
	r := p.r
	free := want
	if !r.m.Geo.Skip {
		room := int64(r.m.Cap) - max(0, r.mostBehind(t))
		free = uint64(max(0, min(int64(want), room)))
	}
	if r.m.Geo.ManyProducers {
		free = r.unclaimedOf(t, free)
	}
	return free
}

// kept returns how many slots stay behind tail. A part of a lap does not, or the next claim would have to
// scan again.
func (r *Ring) kept() uint64 { return min(r.m.Geo.Keep, r.m.Cap-max(1, r.m.Cap/scans)) }

// scans is how many a lap a producer makes at most, unless a subscription is that far behind.
const scans = 16

// announce lets a producer that waits for no subscription write n slots from t on, and perhaps more.
// A single one stores its intent before it writes the first byte, as a limit for some records
// ahead, and never lower: a successor that writes less than a dead one had begun must not
// make what that one tore look whole. Where producers are many tail says as much, which is moved
// before the claim's first byte is written.
func (p *Producer) announce(t, n uint64) {
	r := p.r
	if r.m.Geo.ManyProducers {
		p.headSeen = later(p.headSeen, t)
		return
	}
	limit := t + max(n, r.m.Cap/intents)
	if was := atomics.Load64(r.head); int64(was-limit) > 0 && was-limit <= r.m.Cap {
		limit = was
	}
	atomics.Store64(r.head, limit)
	atomics.StoreBarrier()
	p.headSeen = limit - r.m.Cap
}

// intents is how many a lap a single producer stores. Records that far ahead count as overwritten.
const intents = 16

// mostBehind returns how far the slowest subscription is behind t, joining ones among them; less
// than 0 if all are beyond it, or there is none.
func (r *Ring) mostBehind(t uint64) int64 {
	most := int64(-1)
	for i := range r.m.Geo.Subscriptions {
		if c := layout.Cursor(atomics.Load64(r.m.CursorAt(i))); c != 0 {
			most = max(most, int64(t-c.Near(t)))
		}
	}
	return most
}

// unclaimedOf returns how many of the n slots from t on no producer is still writing to since a
// lap before. Nothing else keeps a producer from going over a claim: a subscription may begin behind
// it.
func (r *Ring) unclaimedOf(t, n uint64) uint64 {
	for k := range n {
		if r.m.Load(t+k).State() == layout.Claimed {
			return k
		}
	}
	return n
}

func later(p, q uint64) uint64 {
	if int64(p-q) > 0 {
		return p
	}
	return q
}

package ring

import (
	"cmp"
	"errors"
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// The content of a disk that a ring is on when the machine has stopped: each page, or each line
// of 64 bytes, as it was at some moment between the last completed sync, S, and the stop. No two
// of them need be of the same moment. These things follow, for a record at position p
// that was published before S and not acknowledged until the stop:
//
//   - Its slots were not used again, so its line and its data are of its own lap, in
//     every version. The word is Full, Reading or Orphan of that lap: it became
//     ReadingAcked, OrphanAcked, Skip or Free only by an acknowledgement, and Claimed was
//     before S. Nothing that the checksum covers changes in between. So it is found, and
//     is good.
//   - No position from p + slots on was ever claimed, so nothing good ends beyond that. If
//     T is the highest end of a good record, the window from T - slots to T has the record
//     in it. A good record that lies before the window was acknowledged: its slots were
//     claimed again.
//   - A single consumer does not touch the words, and frees by head. Every head that the
//     disk may have is at or before p. Subscriptions: see rebuild_subscriptions.go.
//
// T comes from good records only: a word, or a hot word, can be too old by any number of
// laps, and a record of it is good only if its line and its data are of one lap, which the
// position in the checksum tells. A good record was published, whole, at its position:
// Full is stored after all else, and an unpublished one is Claimed, or its word is of an
// earlier lap. So nothing is delivered that was not sent, but it may have been
// acknowledged, since S, or within the window by a consumer whose store did not get to the
// disk; all that is found comes flagged. Positions are those of the records, so a
// producer's come in the order in which it sent them; those that are missing were not
// synced. Of a batch whose send had not returned, some may come; also if its sender died and
// the batch is a Skip: the words inside are Full until the slots are used again.
//
// Records that are found are laid out as if all participants had died: orphans before
// head, or, with a single consumer, records between head and handout. A slot that has no good
// record is free, or for a single consumer a Skip.
//
// Positions may go back, to one at which an old record, that is torn or was never
// published, stands in a slot. It must not be found there by a word of the new record of
// that position, when only that reaches the disk. So lines without a record lose the
// length and the checksum of the old one, and what Rebuild made is on the disk before
// a producer sends. To go back is avoided as far as the oldest record allows: tail and head
// count here, since nothing is lost by too high an end.
//
// Rebuild may be interrupted, and run again on any mixture of what it found and what it
// made. It changes no payload, no line of a good record but its word, and that into
// another under which the record is as good; it makes nothing good that was not; the
// highest good record stays, and head does not pass the oldest. So the next run finds the
// same records. Only the count of torn ones may be off.

// crcLaps bounds the payload that is read: as much as all areas have, so often. The payload
// above a record that must be found lies within one lap of it, so once is enough for that,
// and once more for the rest; the others are for words that are not the ring's.
const crcLaps = 8

// Rebuilt tells what Rebuild found.
type Rebuilt struct {
	Records int `json:"records"` // to be delivered, flagged: they may have been delivered before
	Torn    int `json:"torn"`    // dropped, because they did not reach the disk whole
}

// Rebuild makes a ring of what a disk kept of one: each page as it was at some moment
// between the last completed sync and the stop of the machine. Every record that was
// published before that sync began and not acknowledged is delivered, flagged, and in
// order. Others may be, too, if they are whole.
//
// Preconditions: g passed Check and has Checksum; no participant is attached, by the kernel's
// locks; the caller has the whole region on the disk again before one attaches, and
// runs Rebuild again if the machine stops before that.
func Rebuild(region []byte, g layout.Geometry) (Rebuilt, error) {
	r, err := New(region, g, nil)
	if err != nil {
		return Rebuilt{}, err
	}
	if !g.Checksum {
		return Rebuilt{}, errors.New("ring: without checksums nothing tells which records are whole")
	}
	b := rebuilder{Ring: r, before: atomics.Load64(r.head), ref: atomics.Load64(r.tail), budget: crcLaps * g.Slots * g.AreaSize}
	b.findSubscriptions()
	b.find(b.candidates())
	end := b.end()
	b.keep(end)
	b.lay(end)
	b.reset(end)
	clear(region[layout.SeatOffset:][:uint64(g.Seats)*layout.SeatSize])
	// The counts are of many moments, too. The sums begin again with the records that are there.
	n := b.wanted()
	r.Seat(0).bank(0).store(Sums{Sent: uint64(n) + r.Torn()})
	return Rebuilt{Records: n, Torn: b.bad}, nil
}

type rebuilder struct {
	*Ring
	before uint64 // head as the disk has it
	ref    uint64 // tail as the disk has it; words stand for the positions nearest to it
	sums   region.Summer
	budget uint64 // payload bytes that may still be read
	good   []pick // newest first
	bad    int

	subs []keptSubscription // see rebuild_subscriptions.go

	mark   Marked // of the newest good record that has one
	marked bool
}

// candidates returns the positions of words that may stand for a record that is not
// acknowledged, the newest first.
func (b *rebuilder) candidates() (ps []uint64) {
	for i := range b.m.Cap {
		switch w := b.m.Load(i); w.State() {
		case layout.Full, layout.Reading, layout.Orphan:
			ps = append(ps, w.Position(i, b.ref, b.m.Shift))
		}
	}
	slices.SortFunc(ps, func(p, q uint64) int { return cmp.Compare(int64(q-b.ref), int64(p-b.ref)) })
	return ps
}

// find picks the good ones of the window, and counts the others there.
func (b *rebuilder) find(candidates []uint64) {
	var bad []uint64
	for _, p := range candidates {
		acked := !b.m.Geo.ManyConsumers && !b.m.Geo.Each && int64(p-b.before) < 0
		if acked || len(b.good) > 0 && b.top()-p > b.m.Cap {
			break // all others are older
		}
		if k, ok := b.check(p); ok {
			b.good = append(b.good, pick{p, k})
		} else {
			bad = append(bad, p)
		}
	}
	for _, p := range bad {
		// Without a good one the window lies before where the next record goes.
		if len(b.good) > 0 || int64(p-(b.end()-b.m.Cap)) >= 0 {
			b.bad++
		}
	}
}

// top is where the newest good record ends.
func (b *rebuilder) top() uint64 { return b.good[0].pos + b.good[0].k }

// check tells whether a candidate is a good record, of k slots, that ends before the one
// found before it. (A reservation may have had more slots than its record needs.)
func (b *rebuilder) check(p uint64) (k uint64, ok bool) {
	span := b.m.Span(p, b.m.Load(p))
	if span == 0 || span > b.m.Geo.MaxSlotsPerRecord() {
		return 0, false
	}
	data, meta, err := b.m.Payload(p, span)
	if err != nil || uint64(len(data)) > b.budget {
		return 0, false
	}
	k = b.m.SlotsFor(len(data))
	if n := len(b.good); n > 0 && int64(p+k-b.good[n-1].pos) > 0 {
		return 0, false
	}
	b.budget -= uint64(len(data))
	if b.sums.Sum(&b.m, p, meta, b.m.SentAt(p), data) != *b.m.SumAt(p) {
		return 0, false
	}
	if meta&layout.MetaMarked != 0 && !b.marked {
		b.mark, b.marked = Marked{Pos: p, Mark: *b.m.MarkAt(p)}, true
	}
	return k, true
}

// end is where the next record goes: behind the good ones, and as far as tail and head say
// where the oldest leaves room for that.
func (b *rebuilder) end() uint64 {
	end, most := b.ref, ^uint64(0)>>1
	if n := len(b.good); n > 0 {
		end = b.top()
		if oldest := b.good[n-1].pos; !b.m.Geo.Each {
			most = oldest + b.m.Cap - end
		} else if n := b.wanted(); n > 0 {
			most = b.good[n-1].pos + b.m.Cap - end
		}
	}
	further := uint64(0)
	for _, p := range b.reached() {
		if int64(p-end) > 0 {
			further = max(further, p-end)
		}
	}
	return end + min(further, most)
}

// lay writes the words of the lap before end. It stores each place once.
func (b *rebuilder) lay(end uint64) {
	at := end - b.m.Cap
	gap := b.free
	for _, g := range slices.Backward(b.good) {
		gap(at, g.pos)
		at = g.pos + g.k
		b.inside(g.pos+1, at)
		if b.m.Geo.ManyConsumers {
			b.m.Store(g.pos, layout.OrphanWord(g.pos, g.k, false, b.m.Shift))
			continue
		}
		b.m.Store(g.pos, layout.FullWord(g.pos, g.k, b.m.Shift))
		gap = b.skip // from the oldest on
	}
	gap(at, end)
}

// free makes the slots from position p to q free for the next lap.
func (b *rebuilder) free(p, q uint64) {
	for ; p != q; p++ {
		b.wipe(p)
		b.m.Store(p, layout.FreeWord(p+b.m.Cap, b.m.Shift))
	}
}

// inside makes the slots from p to q those inside a record.
func (b *rebuilder) inside(p, q uint64) {
	for ; p != q; p++ {
		b.wipe(p)
		b.m.Store(p, layout.FreeWord(p, b.m.Shift))
	}
}

// skip has a single consumer pass over the slots from p to q.
func (b *rebuilder) skip(p, q uint64) {
	for p != q {
		k := min(q-p, b.m.Cap-p&b.m.Mask)
		b.inside(p+1, p+k)
		b.wipe(p)
		b.m.Store(p, layout.SkipWord(p, k, b.m.Shift))
		p += k
	}
}

// wipe makes a line without a record one that no word makes a record of. A length of a
// line that was never written is 0, and may be there still: the checksum is not that of
// an empty record.
func (b *rebuilder) wipe(p uint64) {
	*b.m.LengthMeta(p) = ^uint64(0)
	*b.m.SumAt(p) = ^b.sums.Sum(&b.m, p, 0, b.m.SentAt(p), nil)
}

// reset brings the hot words in line. They are in no order: a rebuild that is
// interrupted here begins again.
func (b *rebuilder) reset(end uint64) {
	head := end
	switch {
	case b.m.Geo.ManyConsumers:
		atomics.Add64(b.orphans, 1)
	case b.m.Geo.Each:
		head = b.resetSubscriptions(end)
	default:
		if n := len(b.good); n > 0 {
			head = b.good[n-1].pos
		}
		atomics.Store64(b.handout, end)
	}
	atomics.Store64(b.head, head)
	atomics.Store64(b.tail, end)
	atomics.Store64(b.turn, 0)
	atomics.Store32(b.dataFutex, 0)
	atomics.Store32(b.roomFutex, 0)
	b.resetStreams()
	b.resetMarks(end)
	atomics.Add64(b.torn, uint64(b.bad))
}

// resetStreams makes one stream of all that is there, and of all ends that no consumer was told:
// one that was cut, since nothing tells whether all of it reached the disk. Its end is
// noted by the next participant. The words may be of many moments: an epoch that is older than
// the mark, or than the log, would make another producer the last.
func (b *rebuilder) resetStreams() {
	last := atomics.Load64(b.ends)
	epoch, left := atomics.Load64(b.epoch), atomics.Load64(b.left)
	ended, hadLeft := atomics.Load64(b.Ring.end(last, layout.EndEpoch)), atomics.Load64(b.Ring.end(last, layout.EndLeftCount))
	open := epoch != ended
	for _, e := range []uint64{atomics.Load64(b.finished), ended} {
		if int64(e-epoch) > 0 {
			epoch = e
		}
	}
	if open || len(b.good) > 0 || int64(last-atomics.Load64(b.told)) > 0 {
		epoch++ // one that began and did not leave
		if int64(left-hadLeft) >= int64(epoch-ended) {
			left = hadLeft
		}
	}
	atomics.Store64(b.epoch, epoch) // first: the stream is open from here on
	atomics.Store64(b.left, left)
	atomics.Store64(b.met, last)
	atomics.Store64(b.told, last)
}

//go:build shmqstep

package ring_test

import (
	"fmt"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// plan says what the participants of one run do. Each call is made tries times at
// most while it would block.
type plan struct {
	geo     layout.Geometry
	start   uint64
	stride  uint64   // of the hints; 0 is half the slots
	sends   [][]send // by producer
	takes   [][]take // by consumer
	deaths  int
	restart bool // a dead participant's seat is taken again, to go on with its plan
}

type send struct {
	how   sendHow
	sizes []int
	tries int
	turn  bool // ask for the turn while there is no room
}

type sendHow int

const (
	sendCopy sendHow = iota
	sendReserved
	sendAborted
	sendBatch
)

type take struct {
	most   int // a batch when more than one
	tries  int
	settle []verdict // in this order
	again  bool      // settle a second time, through copies

	whole   bool // all acknowledged in one call, in the order of hand-out
	receive bool // copied and acknowledged at once, instead of leased and settled
}

type verdict struct {
	lease int
	how   settleHow
}

type settleHow int

const (
	settleAck settleHow = iota
	settleRelease
	settleKeep
)

// fate is what is known of a record outside the ring.
type fate struct {
	returned  bool // the send returned: it must arrive
	refused   bool // the send returned an error: it must not
	delivered int
	holder    *life
	acking    bool
	acked     bool
	again     bool // acknowledged, but may come again
}

// life is one participant from attachment to its end or death. A dead one is
// followed by another on its seat that reclaims first.
type life struct {
	name     string
	seat     int
	producer bool
	index    int // among producers or consumers
	task     *ringtest.Task
	history  uint64
	dead     bool
	handed   []uint64          // ids in order of hand-out
	last     map[uint64]uint64 // by producer: the last id that came unflagged

	receiving int // records that the call under way may take and not return
}

// world runs a plan and checks that the ring keeps its promises.
type world struct {
	plan
	region   *ringtest.Region
	ring     *ring.Ring
	lives    []*life
	producer *ring.Producer // the latest to attach
	fates    map[uint64]*fate
	ids      []uint64 // next id by producer
	done     []int    // by seat: calls of the plan that were begun

	deaths    int
	disrupted bool // a participant died, released or closed
	mayLose   int  // records that consumers may have died with as they received them
	steps     int
	head      uint64
	tail      uint64
	handout   uint64
	trace     []string
	tracing   bool
	failure   error
}

// newWorld uses region again when it has the plan's shape.
func newWorld(p plan, region *ringtest.Region) *world {
	if region == nil || region.Geometry != p.geo {
		region = ringtest.NewRegion(p.geo, p.start)
	} else {
		region.Start(p.start)
	}
	w := &world{
		plan: p, region: region, ring: region.Ring(), fates: map[uint64]*fate{},
		ids: make([]uint64, len(p.sends)), done: make([]int, len(p.sends)+len(p.takes)),
		head: p.start, tail: p.start, handout: p.start,
	}
	if p.stride > 0 {
		w.ring.SetStride(p.stride)
	}
	for i := range p.sends {
		w.begin(i, true, i, false)
	}
	for i := range p.takes {
		w.begin(len(p.sends)+i, false, i, false)
	}
	return w
}

func (w *world) failf(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf(format, args...)
	}
}

// begin starts a life on seat. A successor reclaims first.
func (w *world) begin(seat int, producer bool, index int, successor bool) {
	l := &life{seat: seat, producer: producer, index: index, last: map[uint64]uint64{}}
	l.name = fmt.Sprintf("c%d", index)
	if producer {
		l.name = fmt.Sprintf("p%d", index)
	}
	if successor {
		l.name += fmt.Sprintf("'%d", w.deaths)
	}
	w.lives = append(w.lives, l)
	l.task = ringtest.Start(l.name, func() {
		ringtest.Yield() // before anything: there is a life to be scheduled
		if successor {
			w.ring.Sweep(seat)
			single := !w.geo.ManyProducers && producer || !w.geo.ManyConsumers && !producer
			if !single && !w.restart {
				return
			}
		}
		if producer {
			w.produce(l)
		} else {
			w.consume(l)
		}
	})
}

// kill ends a life where it stands.
func (w *world) kill(l *life) {
	w.note(l, "killed before "+w.describe(l.task))
	l.task.Kill()
	l.dead = true
	w.mayLose += l.receiving
	w.deaths++
	w.disrupted = true
	w.leave(l)
	w.begin(l.seat, l.producer, l.index, true)
}

// abandon ends what still runs.
func (w *world) abandon() {
	for _, l := range w.lives {
		if !l.task.Done {
			l.task.Kill()
		}
	}
}

// leave settles the books when a consumer dies or closes: no consumer holds what it
// held. Where consumers are single, what it acknowledged behind a record that it
// did not comes again too.
func (w *world) leave(l *life) {
	gap := false
	for _, id := range l.handed {
		f := w.fates[id]
		if f.holder == l {
			f.holder = nil
			w.disrupted = true
		}
		gap = gap || !f.acked
		if f.acking || gap && f.acked && !w.geo.ManyConsumers {
			f.acking, f.acked, f.again = false, false, true
			w.disrupted = true
		}
	}
	l.handed = nil
}

// step lets l do its next access, and checks what must hold after every one.
func (w *world) step(l *life) {
	t := l.task
	addr, op := t.Addr, t.Op
	var before uint64
	if addr != nil {
		before = *(*uint64)(addr)
	}
	if w.tracing {
		w.note(l, w.describe(t))
	}
	l.history = mix(l.history, uint64(uintptr(addr))^uint64(op)<<60, before)
	w.steps++
	t.Step()
	if t.Failure != nil {
		w.failf("%w", t.Failure)
	}
	if addr == nil || op == atomics.OpLoad {
		return
	}
	after := *(*uint64)(addr)
	if w.tracing && after != before {
		w.trace = append(w.trace, fmt.Sprintf("        -> %s", w.value(addr, after)))
	}
	w.checkHint("head", layout.HotHead, &w.head)
	w.checkHint("tail", layout.HotTail, &w.tail)
	w.checkHint("handout", layout.HotHandout, &w.handout)
	w.checkFreed(addr, before, after)
	if err := inOrder(w.ring); err != nil {
		w.failf("an examination accuses the innocent: %w", err)
	}
}

func mix(h, a, b uint64) uint64 {
	h = (h ^ a) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ b) * 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

func (w *world) checkHint(name string, off uint64, last *uint64) {
	now := w.region.Hot(off)
	if int64(now-*last) < 0 {
		w.failf("%s went back from %d to %d", name, *last, now)
	}
	*last = now
}

// checkFreed tells that a slot became free only after it was taken, and all before it.
func (w *world) checkFreed(addr unsafe.Pointer, before, after uint64) {
	i, ok := w.slotOf(addr)
	word := layout.Word(after)
	if !ok || before == after || word.State() != layout.Free {
		return
	}
	shift := w.geo.Shift()
	p := word.Position(i, w.head, shift) - w.geo.Slots
	taken := w.head
	if w.geo.ManyConsumers {
		taken = w.ring.Region().Untaken(taken)
	}
	if int64(taken-p) <= 0 {
		w.failf("position %d became free, and %d was not taken", p, taken)
	}
}

func (w *world) slotOf(addr unsafe.Pointer) (i uint64, ok bool) {
	off := uint64(uintptr(addr) - uintptr(unsafe.Pointer(&w.region.Bytes[0])))
	i = (off - w.geo.SlotOffset()) / layout.SlotSize
	return i, off >= w.geo.SlotOffset() && i < w.geo.Slots
}

func (w *world) note(l *life, what string) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%-6s %s", l.name, what))
	}
}

func (w *world) describe(t *ringtest.Task) string {
	if t.Addr == nil {
		return "payload"
	}
	op := [...]string{"load", "store", "rmw"}[t.Op]
	return fmt.Sprintf("%-5s %s", op, w.value(t.Addr, *(*uint64)(t.Addr)))
}

func (w *world) value(addr unsafe.Pointer, v uint64) string {
	off := uint64(uintptr(addr) - uintptr(unsafe.Pointer(&w.region.Bytes[0])))
	return describe(w.geo, off, v, w.head)
}

// describe tells what value v at offset off of a region means, near position ref.
func describe(g layout.Geometry, off, v, ref uint64) string {
	switch {
	case off >= g.DataOffset():
		return fmt.Sprintf("data+%d = %#x", off-g.DataOffset(), v)
	case off >= g.SlotOffset():
		i, at := (off-g.SlotOffset())/layout.SlotSize, off%layout.SlotSize
		if at != layout.SlotWord {
			return fmt.Sprintf("slot[%d]+%d = %#x", i, at, v)
		}
		x := layout.Word(v)
		return fmt.Sprintf("word[%d] = %s seat=%d k=%d at %d", i, x.State(), x.Seat(), x.Slots(g.Shift()), x.Position(i, ref, g.Shift()))
	case off >= layout.SeatOffset:
		return fmt.Sprintf("seat[%d]+%d = %#x", (off-layout.SeatOffset)/layout.SeatSize, (off-layout.SeatOffset)%layout.SeatSize, v)
	}
	off -= layout.HotOffset
	for name, o := range map[string]uint64{
		"tail": layout.HotTail, "head": layout.HotHead, "handout": layout.HotHandout,
		"orphans": layout.HotOrphans, "turn": layout.HotTurn, "skipped": layout.HotSkipped,
		"epoch": layout.HotEpoch, "finished": layout.HotFinished,
	} {
		if o == off {
			return fmt.Sprintf("%s = %d", name, v)
		}
	}
	return fmt.Sprintf("hot+%d = %d", off, v)
}

//go:build shmqstep

package ring_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Streams under a scheduler: participants attach, send, receive, finish, leave and are
// killed between any two accesses to shared memory, in random order. The kernel's locks
// are here, in private memory: a killed participant loses them at that instant. Checked
// are which participant is told which end, when, and the records that were handed out before
// that.

// streams is one run.
type streams struct {
	rng    *rand.Rand
	region *ringtest.Region
	r      *ring.Ring
	lives  []*party
	trace  []string
	clock  int

	locked  *party   // the holder of layout.LockStream
	role    []*party // the holders of the producer's role
	seats   []seatLock
	open    *stream   // what the next end is the end of
	ended   []*stream // in order
	recs    map[uint64]*sentRecord
	failure error
}

type seatLock struct {
	by    *party // the participant that lives there, or recovers it
	dirty bool
}

// stream is one as it really is.
type stream struct {
	begins, marked int // how many producers began, and which one was the latest at the last mark
	before         uint64
	cut            bool
	awaited        []*party // consumers, when its end came
	told           int
	at             int
}

type sentRecord struct {
	of     *stream
	sent   bool
	holder *party
	acked  bool
	early  int    // when a consumer was told an end and no participant seemed to have this
	had    *party // the consumer that gives it back, or died with it
	free   int    // since when it is in no consumer's hands; while it is given back, never
}

// party is a participant, from its attachment to its end.
type party struct {
	name        string
	producer    bool
	seat        int
	task        *ringtest.Task
	dead        bool
	recovering  bool
	of          *stream // a producer's
	began, left bool
	asks, stays bool // a consumer's: to the end of the run
	copies      bool // it receives copies
	since       int  // it listens
	told        []*stream
	looked      int // when it last looked for dead ones
	died        int
	call        int // when the call for records began that is under way, or 0
}

func (f *streams) failf(format string, args ...any) {
	if f.failure == nil {
		f.failure = fmt.Errorf(format, args...)
	}
}

func (f *streams) note(format string, args ...any) {
	f.trace = append(f.trace, fmt.Sprintf(format, args...))
}

func (f *streams) takeSeat(p *party) {
	for i := range f.seats {
		s := &f.seats[i]
		if s.by != nil {
			continue
		}
		p.recovering = true
		s.by, p.seat = p, i
		if s.dirty {
			f.r.Sweep(i)
			f.r.Seat(i).Clean()
		}
		role := uint32(layout.RoleConsumer)
		if p.producer {
			role = layout.RoleProducer
		}
		s.dirty = true
		f.r.Seat(i).Take(ring.Occupant{Role: role})
		p.recovering = false
		return
	}
	panic("no seat is left")
}

func (f *streams) leaveSeat(p *party) {
	f.r.Seat(p.seat).Clean()
	f.seats[p.seat] = seatLock{}
}

func (f *streams) lock(p *party) {
	for f.locked != nil {
		ringtest.Yield()
	}
	f.locked = p
}

// noteEnd is Attachment.noteEnd.
func (f *streams) noteEnd() {
	n := f.r.Ends() + 1
	attended := false
	for i := range f.seats {
		attended = attended || f.seats[i].by != nil && f.seats[i].dirty && f.r.Seat(i).Awaits(n)
	}
	f.r.NoteEnd(attended)
}

// came is told of the store that is an end.
func (f *streams) came(n uint64) {
	s := f.open
	if s.begins == 0 || n != uint64(len(f.ended))+1 || slices.ContainsFunc(f.role, func(p *party) bool { return p.of == s }) {
		f.failf("end %d came of %+v, attached are %v", n, *s, f.role)
	}
	for _, l := range f.lives {
		// Until it listens, what stands in the seat is of its last holder.
		if !l.producer && !l.dead && l.since > 0 && f.seats[l.seat].by == l && f.r.Seat(l.seat).Awaits(n) {
			s.awaited = append(s.awaited, l)
		}
	}
	s.at = f.clock
	f.note("end %d: %+v", n, *s)
	f.ended = append(f.ended, s)
	f.open = &stream{}
}

// produce is a whole producer. In a queue with a single one it waits for the role.
func (f *streams) produce(p *party, records int, how string) {
	f.lock(p)
	for !f.region.Geometry.ManyProducers && len(f.role) > 0 {
		f.locked = nil
		ringtest.Yield()
		f.lock(p)
	}
	f.role = append(f.role, p)
	if len(f.role) == 1 { // asked through its own description
		f.noteEnd()
		f.r.WarnOfStream()
	}
	p.of = f.open
	f.takeSeat(p)
	f.locked = nil
	out, err := f.r.NewProducer(p.seat)
	if err != nil {
		f.failf("%s: %w", p.name, err)
		return
	}
	f.r.BeginStream()
	p.began = true // no step lies between the access and this
	if p.of.begins++; p.of.begins == 1 {
		p.of.before = f.region.Hot(layout.HotEpoch) - 1
	}
	for range records {
		id := uint64(len(f.recs) + 1)
		x := &sentRecord{of: p.of}
		f.recs[id] = x
		for out.Send(ringtest.Record(id, 8)) != nil {
			ringtest.Yield()
		}
		x.sent = true
		f.note("%s sent %d", p.name, id)
	}
	if how == "finish" {
		f.r.FinishStream()
		p.of.marked = int(f.region.Hot(layout.HotFinished) - p.of.before)
	}
	f.lock(p)
	if how != "abandon" {
		f.r.LeaveStream()
		p.left = true
	}
	f.leaveSeat(p)
	f.goes(p)
	if len(f.role) == 0 {
		f.noteEnd()
	}
	f.locked = nil
}

// goes is the instant at which a producer's role is free.
func (f *streams) goes(p *party) {
	f.role = slices.DeleteFunc(f.role, func(o *party) bool { return o == p })
	p.of.cut = p.of.cut || p.began && !p.left
}

// kill ends a party where it stands.
func (f *streams) kill(p *party) {
	f.note("%s is killed", p.name)
	for _, x := range f.recs {
		if p.call > 0 && p.call <= x.early {
			x.early = 0 // this one may have been about to get it
		}
	}
	p.task.Kill()
	p.dead, p.recovering, p.died = true, false, f.clock
	for i := range f.seats {
		if f.seats[i].by == p {
			f.seats[i].by = nil
		}
	}
	if f.locked == p {
		f.locked = nil
	}
	if slices.Contains(f.role, p) {
		if p.of == nil {
			p.of = f.open
		}
		f.goes(p)
	}
	f.gaveBack(p)
}

const notYet = 1 << 60

// givesBack is the instant before a consumer gives back what it holds. Until that is done
// others may find it, or not.
func (f *streams) givesBack(p *party) {
	for _, x := range f.recs {
		if x.holder == p {
			x.holder, x.had, x.free = nil, p, notYet
		}
	}
}

// gaveBack is the instant after that, or of a death.
func (f *streams) gaveBack(p *party) {
	f.givesBack(p)
	for _, x := range f.recs {
		if x.had == p && x.free == notYet {
			x.free = f.clock
		}
	}
}

// asker is what a consumer knows of the others: it is its ring.Kernel.
type asker struct {
	f *streams
	p *party
}

func (k asker) EndStream() error {
	f := k.f
	if !f.r.StreamOpen() || len(f.role) > 0 || f.locked != nil {
		return nil
	}
	f.locked = k.p
	if len(f.role) == 0 {
		f.noteEnd()
	}
	f.locked = nil
	return nil
}

func (k asker) Recover() (got ring.Swept) {
	k.p.looked = k.f.clock
	for i := range k.f.seats {
		s := &k.f.seats[i]
		if i == k.p.seat || s.by != nil || !s.dirty {
			continue
		}
		k.p.recovering = true
		s.by = k.p
		k.f.r.Sweep(i)
		k.f.r.Seat(i).Clean()
		*s = seatLock{}
	}
	k.p.recovering = false
	return got
}

func (k asker) Recovering() (bool, error) {
	return slices.ContainsFunc(k.f.lives, func(l *party) bool { return l != k.p && l.recovering }), nil
}

func (k asker) Awaited(n uint64) bool {
	for i := range k.f.seats {
		if i != k.p.seat && k.f.seats[i].dirty && k.f.r.Seat(i).Awaits(n) && k.f.seats[i].by != nil {
			return true
		}
	}
	return false
}

// consume receives until nothing more comes, or it has got enough.
func (f *streams) consume(p *party, batch, enough int) {
	f.takeSeat(p)
	k := asker{f, p}
	_ = k.EndStream()
	c := f.r.NewConsumer(p.seat)
	p.since = f.clock
	c.Listen(p.asks)
	for idle := 0; idle < 30 && enough > 0; {
		ls := make([]ring.Lease, batch)
		p.call = f.clock
		n, err := f.receive(p, c, ls)
		for i := range ls[:n] {
			f.taken(p, &ls[i])
		}
		p.call = 0
		switch {
		case err == nil:
			enough -= n
			idle = 0
			f.work(p, c, ls[:n])
		case err != ring.ErrEmpty:
			f.failf("%s: %w", p.name, err)
			return
		default:
			f.atNothing(p, c, k)
			k.Recover()
			if f.still(p) {
				idle++
			}
		}
		ringtest.Yield()
	}
	f.givesBack(p)
	c.Close()
	f.gaveBack(p)
	f.leaveSeat(p)
}

// receive takes records, which are leased or, as copies, acknowledged.
func (f *streams) receive(p *party, c *ring.Consumer, ls []ring.Lease) (n int, err error) {
	if !p.copies {
		return c.TryLeaseBatch(ls)
	}
	bufs := make([][]byte, len(ls))
	if len(ls) == 1 {
		if bufs[0], ls[0].Redelivered, err = c.TryReceive(nil); err == nil {
			n = 1
		}
	} else {
		n, ls[0].Redelivered, err = c.TryReceiveBatch(bufs)
	}
	for i := range bufs[:n] {
		ls[i].Data = bufs[i]
	}
	return n, err
}

// still reports whether no producer will do anything any more.
func (f *streams) still(p *party) bool {
	return !slices.ContainsFunc(f.lives, func(l *party) bool { return l.producer && !l.task.Done })
}

func (f *streams) work(p *party, c *ring.Consumer, ls []ring.Lease) {
	ids := make([]uint64, len(ls))
	for i := range ls {
		ids[i] = f.hand(p, &ls[i])
	}
	if !p.copies {
		ringtest.Yield() // it may be killed with all of them
	}
	for i := range ls {
		x := f.recs[ids[i]]
		if p.copies {
			x.holder, x.acked = nil, true
			continue
		}
		if f.rng.IntN(8) == 0 {
			x.holder, x.had, x.free = nil, p, notYet
			c.Release(&ls[i]) // with the last of its batch
			continue
		}
		x.holder, x.acked = nil, true
		c.Ack(&ls[i])
	}
	if !f.holds(p) { // else what it gave back travels with the rest of its batch
		f.gaveBack(p)
	}
}

// atNothing is what a consumer does that has found nothing.
func (f *streams) atNothing(p *party, c *ring.Consumer, k asker) {
	if !p.asks {
		c.Settle()
		return
	}
	if c.AtEnd() {
		c.NextStream()
	}
	how, err := c.TryEnd(k)
	if err != nil && err != ring.ErrPassed {
		f.failf("%s: %w", p.name, err)
	}
	if how != 0 {
		f.tell(p, how)
	}
}

// taken checks a record that a call has got. If a consumer was told the end before, the
// record was on its way here by then.
func (f *streams) taken(p *party, l *ring.Lease) {
	id, _ := ringtest.ReadRecord(l.Data)
	if x := f.recs[id]; x != nil {
		if x.early > 0 && p.call > x.early {
			f.failf("%s finds %d, an end was told at step %d", p.name, id, x.early)
		}
		x.early = 0
	}
}

// hand checks a record that a consumer is handed.
func (f *streams) hand(p *party, l *ring.Lease) uint64 {
	id, err := ringtest.ReadRecord(l.Data)
	x := f.recs[id]
	if err != nil || x == nil || x.holder != nil || x.acked && l.Redelivered == 0 {
		f.failf("%s is handed %d: %+v, %w", p.name, id, x, err)
		return id
	}
	f.note("%s is handed %d", p.name, id)
	taking := func(l *party) bool { return l.dead && l.call > 0 } // nobody knows what
	if x.had == nil && slices.Contains(p.told, x.of) && !slices.ContainsFunc(f.lives, taking) {
		f.failf("%s is handed %d for the first time after it was told the end of that stream", p.name, id)
	}
	x.holder, x.had, x.acked = p, p, false
	for n, s := range f.ended {
		if s == x.of {
			break
		}
		if p.asks && slices.Contains(s.awaited, p) && !slices.Contains(p.told, s) {
			f.failf("%s is handed %d of a later stream before it is told end %d", p.name, id, n+1)
		}
	}
	return id
}

// tell checks an end that a consumer is told.
func (f *streams) tell(p *party, how int) {
	n := int(binary.LittleEndian.Uint32(f.region.Bytes[layout.SeatOffset+p.seat*layout.SeatSize+layout.SeatAwaits:])>>1) - 1
	if n < 1 || n > len(f.ended) {
		f.failf("%s is told end %d of %d", p.name, n, len(f.ended))
		return
	}
	s := f.ended[n-1]
	f.note("%s is told end %d as %d", p.name, n, how)
	switch {
	case slices.Contains(p.told, s):
		f.failf("%s is told end %d again", p.name, n)
	case p.since > s.at && s.told > 0:
		f.failf("%s is told end %d, which was told to others and is not its", p.name, n)
	}
	for _, q := range s.awaited {
		if p.since > s.at && f.seats[q.seat].by == q && !q.dead && q.asks && !slices.Contains(q.told, s) {
			f.failf("%s is told end %d, and %s lives, whose it is", p.name, n, q.name)
		}
	}
	p.told = append(p.told, s)
	s.told++
	want := layout.EndLeft
	switch {
	case s.cut:
		want = layout.EndCut
	case s.marked == s.begins:
		want = layout.EndFinished
	}
	earlierCut := slices.ContainsFunc(f.ended[:n-1], func(s *stream) bool { return s.cut })
	if how != want && !(how == layout.EndCut && earlierCut) {
		f.failf("%s is told end %d as %d, it is %d", p.name, n, how, want)
	}
	for id, x := range f.recs {
		if (x.of == s || slices.Contains(f.ended[:n-1], x.of)) && x.sent && !x.acked && x.holder == nil && x.free < p.looked && !f.travels(p) {
			f.note("no participant seems to have %d", id)
			x.early = f.clock
		}
	}
}

// holds reports whether a word of the ring names p as the holder of a take.
func (f *streams) holds(p *party) bool {
	for i := range f.region.Geometry.Slots {
		w := f.region.Word(i)
		if s := w.State(); (s == layout.Reading || s == layout.ReadingAcked) && w.Seat() == p.seat {
			return true
		}
	}
	return false
}

// travels reports whether a record may have been on its way to a participant that has died
// since p looked.
func (f *streams) travels(p *party) bool {
	return slices.ContainsFunc(f.lives, func(l *party) bool { return l.dead && l.call > 0 && l.died >= p.looked })
}

// check looks, when all have come to their end, whether each of them was told.
func (f *streams) check() {
	for _, l := range f.lives {
		for n, s := range f.ended {
			if l.asks && l.stays && !l.dead && slices.Contains(s.awaited, l) && !slices.Contains(l.told, s) {
				f.failf("%s was never told end %d", l.name, n+1)
			}
		}
	}
	stays := func(l *party) bool { return !l.producer && l.stays && !l.dead }
	lost := func(l *party) bool { return l.copies && l.dead } // with what it had acknowledged
	if !slices.ContainsFunc(f.lives, stays) || slices.ContainsFunc(f.lives, lost) {
		return
	}
	for id, x := range f.recs {
		if x.sent && !x.acked {
			f.failf("record %d is left", id)
		}
	}
}

func (f *streams) start(p *party, do func()) {
	f.lives = append(f.lives, p)
	p.task = ringtest.Start(p.name, func() { ringtest.Yield(); do() })
}

// run schedules all at random, and kills some.
func (f *streams) run(deaths int) {
	now := f.lives[0]
	for f.failure == nil {
		able := slices.DeleteFunc(slices.Clone(f.lives), func(l *party) bool { return l.task.Done })
		if len(able) == 0 {
			f.check()
			return
		}
		if f.clock++; f.clock > 100_000 {
			f.failf("it does not come to an end")
		}
		if now.task.Done || f.rng.IntN(8) == 0 {
			now = able[f.rng.IntN(len(able))]
		}
		if deaths > 0 && f.rng.IntN(150) == 0 {
			deaths--
			f.kill(now)
			if !now.producer { // another takes its place, or the ring stays full
				p := &party{name: now.name + "'", asks: f.rng.IntN(5) > 0, stays: true}
				f.start(p, func() { f.consume(p, 1+int(p.name[1]%2), 1<<30) })
			}
			continue
		}
		before := f.r.Ends()
		now.task.Step()
		if now.task.Failure != nil {
			f.failf("%w", now.task.Failure)
		}
		if after := f.r.Ends(); after != before {
			f.came(after)
		}
	}
	for _, l := range f.lives {
		if !l.task.Done {
			l.task.Kill()
		}
	}
}

// randomStreams is a run that seed describes.
func randomStreams(seed uint64) *streams {
	rng := rand.New(rand.NewPCG(seed, 7))
	g := layout.Geometry{ManyProducers: rng.IntN(3) > 0, ManyConsumers: rng.IntN(4) > 0, Seats: 8, Slots: 8, AreaSize: 64}
	m := ringtest.NewRegion(g, uint64(rng.IntN(9)))
	f := &streams{rng: rng, region: m, r: m.Ring(), seats: make([]seatLock, g.Seats), open: &stream{}, recs: map[uint64]*sentRecord{}}
	for i := range 2 + rng.IntN(3) {
		p := &party{name: fmt.Sprintf("p%d", i), producer: true}
		records, how := rng.IntN(4), []string{"finish", "finish", "close", "abandon"}[rng.IntN(4)]
		f.start(p, func() { f.produce(p, records, how) })
	}
	consumers := 1
	if g.ManyConsumers {
		consumers += rng.IntN(3)
	}
	for i := range consumers {
		p := &party{name: fmt.Sprintf("c%d", i), asks: rng.IntN(5) > 0, stays: i == 0 || rng.IntN(4) > 0, copies: rng.IntN(3) == 0}
		batch, enough := 1+rng.IntN(3), 1<<30
		if !p.stays {
			enough = 1 + rng.IntN(3)
		}
		f.start(p, func() { f.consume(p, batch, enough) })
	}
	f.run(rng.IntN(3))
	return f
}

var seldom = []uint64{302226, 161239, 159821}

func TestStreamsUnderAScheduler(t *testing.T) {
	runs := 20_000
	if testproc.Long() {
		runs = 400_000
	}
	ends, told, dead := 0, 0, 0
	// The last ones are runs that catch what others seldom do: orphans that appear at the
	// very end, and takes that go over an end.
	for i := range uint64(runs) + uint64(len(seldom)) {
		seed := i
		if i >= uint64(runs) {
			seed = seldom[i-uint64(runs)]
		}
		f := randomStreams(seed)
		require.NoError(t, f.failure, "seed %d\n%s", seed, strings.Join(f.trace, "\n"))
		ends += len(f.ended)
		for _, s := range f.ended {
			told += s.told
		}
		for _, l := range f.lives {
			if l.dead {
				dead++
			}
		}
	}
	t.Logf("%d runs, %d deaths, %d ends, told %d times", runs, dead, ends, told)
}

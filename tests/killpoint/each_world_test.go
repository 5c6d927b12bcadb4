//go:build linux && amd64

package killpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// eachWorld is a queue of which each consumer gets every record, with a consumer that lives
// through it all and receives nothing before the kill: the mate.
type eachWorld struct {
	t      *testing.T
	s      *eachScenario
	queue  string
	view   *view
	mate   *consumer.Raw
	p      *producer.Raw // lives, where producers are many or the victim is none
	mates  ledger        // what becomes of each record, for the mate
	audits ledger        // and for the durable subscription
	came   []delivery    // to the mate
	late   []delivery    // to the durable subscription
}

// subscriptions is the size of the table: the mate's, the victim's, and one more.
const subscriptions = 3

// audit is the name of the durable subscription.
const audit = "audit"

func (s *eachScenario) options() shmq.Options {
	o := shmq.Options{Producers: shmq.One, Consumers: shmq.Each, Slots: slots, SlotSize: 64, Seats: 6, Subscriptions: subscriptions, Skip: s.skip}
	if s.many {
		o.Producers = shmq.Many
	}
	if !s.skip {
		o.Keep = s.keep
	}
	return o
}

func newEachWorld(t *testing.T, s *eachScenario) *eachWorld {
	o := s.options()
	w := &eachWorld{t: t, s: s, queue: filepath.Join(t.TempDir(), "prices"), mates: ledger{}, audits: ledger{}}
	require.NoError(t, shmq.Create(w.queue, &o))
	var err error
	w.p, err = producer.OpenRaw(w.queue, nil)
	require.NoError(t, err)
	w.mate, err = consumer.OpenRaw(w.queue, nil)
	require.NoError(t, err)
	for range slots + s.at {
		require.NoError(t, w.p.TrySend(nil))
		_, err := w.mate.TryReceive(nil)
		require.NoError(t, err)
	}
	var before *consumer.Raw
	if s.audited {
		before, err = consumer.OpenRaw(w.queue, &consumer.Options{Subscription: audit})
		require.NoError(t, err)
	}
	for _, id := range s.records {
		require.NoError(t, w.p.TrySend(ringtest.Record(id, sizeOf(id))))
		w.mates[id], w.audits[id] = certain, certain
	}
	for _, id := range s.received {
		w.audits[id] = gone
	}
	if before != nil {
		for i := range s.seen { // the last of which is not acknowledged
			l, err := before.TryLease()
			require.NoError(t, err)
			w.audits[s.records[i]] = handed
			if i < s.seen-1 {
				l.Ack()
				w.audits[s.records[i]] = gone
			}
		}
		require.NoError(t, before.Close())
	}
	if s.role == shmq.Producer && !s.many {
		require.NoError(t, w.p.Close())
		w.p = nil
	}
	w.view = w.look()
	return w
}

// look maps what participants write.
func (w *eachWorld) look() *view {
	h := layout.Header{}
	o := w.s.options()
	h.Geometry = geometry(o)
	h.Each, h.Skip, h.Subscriptions, h.Keep = true, o.Skip, o.Subscriptions, uint64(o.Keep)
	f, err := sys.Open(w.queue, true, false)
	require.NoError(w.t, err)
	mem, err := f.Map(int(h.TotalSize()), true)
	require.NoError(w.t, err)
	v := &view{file: f, mem: mem, geo: h.Geometry}
	for _, part := range [][2]uint64{
		{layout.HotOffset, layout.HotSize},
		{layout.SeatOffset, uint64(h.Seats) * layout.SeatSize},
		{h.SlotOffset(), h.Slots * layout.SlotSize},
		{h.DataOffset(), h.Slots * h.AreaSize},
		{h.SubscriptionOffset(), uint64(h.Subscriptions) * layout.SubscriptionSize},
	} {
		v.live = append(v.live, mem[part[0]:][:part[1]])
		v.last = append(v.last, make([]byte, part[1]))
	}
	v.changed()
	return v
}

func (w *eachWorld) address() string { return w.queue }
func (w *eachWorld) ready()          {}
func (w *eachWorld) changed() bool   { return w.view.changed() }

// state is that of the view, and of the subscriptions without the time at which they began.
func (w *eachWorld) state() state {
	w.view.changed()
	s, err := w.view.state()
	if err != nil {
		w.t.Error(err)
	}
	table := append([]byte(nil), w.view.last[4]...)
	for i := range w.view.geo.Subscriptions {
		e := table[i*layout.SubscriptionSize:]
		binary.LittleEndian.PutUint64(e[layout.SubSince:], 0)
	}
	return s ^ digest(table)
}

func (w *eachWorld) close() {
	if w.mate != nil {
		_ = w.mate.Close()
	}
	if w.p != nil {
		_ = w.p.Close()
	}
	w.view.close(w.t)
	_ = shmq.ForceRemove(w.queue)
}

// contract checks what the living subscription gets, what the durable one begins with, that
// producers go on, and that no entry is lost.
func (w *eachWorld) contract(returned int) (err error) {
	w.audits.after(w.s.calls, returned)
	if w.s.role == shmq.Producer {
		w.mates.after(w.s.calls, returned)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	defer cancel()
	// The producer is a living one where there can be one: it finds the dead at its heartbeat.
	if w.p == nil {
		if w.p, err = producer.OpenRaw(w.queue, nil); err != nil {
			return fmt.Errorf("a new producer: %w", err)
		}
	}
	var heir *consumer.Raw
	if w.s.durable {
		if heir, err = consumer.OpenRaw(w.queue, &consumer.Options{Subscription: audit}); err != nil {
			return fmt.Errorf("who takes the durable subscription over: %w", err)
		}
		defer func() { err = errors.Join(err, heir.Close()) }()
	}
	if err := w.laps(ctx, heir); err != nil {
		return err
	}
	if err := w.mates.check(w.came, w.s.calls, true); err != nil {
		return fmt.Errorf("the mate: %w", err)
	}
	if heir != nil && (w.s.audited || returned == len(w.s.calls)) {
		if err := w.audits.check(w.late, w.s.calls, true); err != nil {
			return fmt.Errorf("the durable subscription: %w", err)
		}
	}
	if err := w.allEntries(heir); err != nil {
		return err
	}
	if w.s.skip {
		return w.lap()
	}
	return w.full()
}

// laps sends three laps, each record of which the mate and the heir receive; one record where
// producers skip.
func (w *eachWorld) laps(ctx context.Context, heir *consumer.Raw) error {
	done := make(chan error, 2)
	total := 3 * slots
	last := record(late, small, total)
	read := func(c *consumer.Raw, came *[]delivery) {
		for {
			l, err := c.Lease(ctx)
			if errors.Is(err, shmq.ErrLagged) && !w.s.audited && c == heir { // it lost what went round before
				continue
			}
			if err != nil {
				done <- fmt.Errorf("after %d records: %w", len(*came), err)
				return
			}
			if len(l.Bytes()) == 0 { // who began at the oldest finds what went round before
				l.Ack()
				continue
			}
			d, err := delivered(l.Bytes(), l.Redelivered())
			l.Ack()
			if err != nil {
				done <- err
				return
			}
			*came = append(*came, d)
			if d.id == last {
				done <- nil
				return
			}
		}
	}
	readers := 1
	go read(w.mate, &w.came)
	if heir != nil {
		readers++
		go read(heir, &w.late)
	}
	first := 1
	if w.s.skip { // where producers wait for nobody, the readers are not to be lapped here
		first = total
	}
	var err error
	for n := first; n <= total && err == nil; n++ {
		err = w.lateRecord(ctx, n)
	}
	for range readers {
		err = errors.Join(err, <-done)
	}
	return err
}

func (w *eachWorld) lateRecord(ctx context.Context, n int) error {
	id := record(late, small, n)
	w.mates[id], w.audits[id] = certain, certain
	if err := w.p.Send(ctx, ringtest.Record(id, sizeOf(id))); err != nil {
		return fmt.Errorf("a living producer, record %d: %w", n, err)
	}
	return nil
}

// allEntries checks that every entry of the table can be had.
func (w *eachWorld) allEntries(heir *consumer.Raw) (err error) {
	free := subscriptions - 1
	if heir != nil {
		free--
	}
	for range free {
		c, err := consumer.OpenRaw(w.queue, nil)
		if err != nil {
			return fmt.Errorf("a new subscription: %w", err)
		}
		defer c.Close()
	}
	if c, err := consumer.OpenRaw(w.queue, nil); !errors.Is(err, shmq.ErrNoSeat) {
		if err == nil {
			_ = c.Close()
		}
		return fmt.Errorf("one subscription more than there are: %v", err)
	}
	return nil
}

// full checks that the ring takes a lap, and no more, while the mate receives nothing, and that the mate
// gets it.
func (w *eachWorld) full() error {
	n := 0
	for ; ; n++ {
		if err := w.p.TrySend(ringtest.Record(record(filling, small, n+1), small)); err != nil {
			if !errors.Is(err, shmq.ErrFull) {
				return err
			}
			break
		}
	}
	if n != slots {
		return fmt.Errorf("%d records went in, while a subscription received none; the ring has %d slots", n, slots)
	}
	for i := range n {
		b, err := w.mate.TryReceive(nil)
		if err != nil {
			return err
		}
		if d, err := delivered(b, 0); err != nil || d.id != record(filling, small, i+1) {
			return fmt.Errorf("got %#x, %w", d.id, err)
		}
	}
	return nil
}

// lap goes round while the mate receives nothing: what it lost and what it gets are all.
func (w *eachWorld) lap() error {
	was, sent := w.mate.Lost(), 3*slots
	for n := range sent {
		if err := w.p.TrySend(ringtest.Record(record(filling, small, n+1), small)); err != nil {
			return err
		}
	}
	got, last := 0, 0
	for {
		b, err := w.mate.TryReceive(nil)
		if errors.Is(err, shmq.ErrEmpty) {
			break
		}
		if errors.Is(err, shmq.ErrLagged) {
			continue
		}
		if err != nil {
			return err
		}
		d, err := delivered(b, 0)
		if err != nil || int(d.id&0xffffffff) <= last {
			return fmt.Errorf("got %#x after %d: %w", d.id, last, err)
		}
		last = int(d.id & 0xffffffff)
		got++
	}
	if lost := int(w.mate.Lost() - was); lost+got != sent || last != sent || lost < slots {
		return fmt.Errorf("%d sent, %d received, %d lost, the last one is %d", sent, got, lost, last)
	}
	return nil
}

package ring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// The machine stops at any moment, with any version of each part of the ring on its disk
// since the last sync. The ring is rebuilt, perhaps more than once because the machine
// stops again; all that was synced and not acknowledged comes, flagged and in order; then
// the ring is used, and the machine stops again. SHMQ_LONG=1 makes 200 times as
// many images.
func TestWhatWasSyncedSurvivesAStopOfTheMachine(t *testing.T) {
	for _, m := range modes {
		t.Run(fmt.Sprintf("producers=%s/consumers=%s", oneMany(m.producers), oneMany(m.consumers)), func(t *testing.T) {
			if !stepped {
				t.Parallel()
			}
			lives := testproc.Rounds(150)
			if os.Getenv("SHMQ_LONG") != "" {
				lives *= 200
			}
			var sum tally
			for seed := range uint64(lives) {
				if err := liveOnADisk(seed, m.producers, m.consumers, &sum); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			t.Logf("%d images, %d of them of a rebuild that was interrupted; %d records came again, %d were torn; %d died inside a call", sum.images, sum.again, sum.records, sum.torn, sum.deaths)
			require.Positive(t, sum.records)
			require.Positive(t, sum.torn)
			require.Equal(t, stepped, sum.deaths > 0)
		})
	}
}

type tally struct{ images, again, records, torn, deaths int }

// liveOnADisk is one machine that stops several times.
func liveOnADisk(seed uint64, mp, mc bool, sum *tally) error {
	rng := rand.New(rand.NewPCG(seed, 77))
	g := layout.Geometry{
		ManyProducers: mp, ManyConsumers: mc, Checksum: true, Timestamps: rng.IntN(2) == 0, Seats: 8,
		Slots:    []uint64{2, 4, 8, 8, 16, 128}[rng.IntN(6)],
		AreaSize: []uint64{64, 64, 128, 1024}[rng.IntN(4)],
	}
	start := boundaries[rng.IntN(len(boundaries))] - rng.Uint64N(2*g.Slots)
	if rng.IntN(3) == 0 {
		start = 0
	}
	unit := []uint64{8, 64, 64, 512, 4096}[rng.IntN(5)]
	inlineOnly := rng.IntN(4) == 0
	k := newMachine(rng, g, start, unit, inlineOnly)
	for life := range 6 {
		eachAccess(k, func() { k.work(20 + rng.IntN(60)) })
		if k.err != nil {
			return fmt.Errorf("life %d, %+v, unit %d: %w", life, g, unit, k.err)
		}
		if err := k.stop(sum, inlineOnly); err != nil {
			return fmt.Errorf("stop %d, %+v, unit %d: %w", life, g, unit, err)
		}
	}
	sum.deaths += k.deaths
	return nil
}

// stop goes on with what the disk has, and checks it.
func (k *machine) stop(sum *tally, inlineOnly bool) error {
	sum.images++
	found := slices.Clone(k.disk.image)
	copy(k.m.Bytes, found)
	before := k.m.Ring().Torn()
	first, err := ring.Rebuild(k.m.Bytes, k.m.Geometry)
	if err != nil {
		return err
	}
	if got := k.m.Ring().Torn(); got != before+uint64(first.Torn) {
		return fmt.Errorf("%d torn records, the count went from %d to %d", first.Torn, before, got)
	}
	// A line that reaches the disk whole is never torn. (A single consumer leaves the word
	// of an acknowledged record while a producer writes the next one under it.)
	if inlineOnly && k.m.Geometry.ManyConsumers && k.disk.unit >= layout.SlotSize && first.Torn > 0 {
		return fmt.Errorf("%d records in their line are torn", first.Torn)
	}
	came, err := k.tryOut(first)
	if err != nil {
		return err
	}
	if err := k.marks.rebuilt(k.m.Ring(), came); err != nil {
		return err
	}
	sum.records += first.Records
	sum.torn += first.Torn
	for range k.rng.IntN(3) {
		sum.images++
		sum.again++
		image := k.disk.mix(k.rng, found, k.m.Bytes)
		copy(k.m.Bytes, image)
		again, err := ring.Rebuild(k.m.Bytes, k.m.Geometry)
		if err != nil {
			return err
		}
		same, err := k.tryOut(again)
		if err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		if err := k.marks.rebuilt(k.m.Ring(), same); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		if !slices.Equal(came, same) {
			return fmt.Errorf("interrupted: %d records come, not the same %d", len(same), len(came))
		}
		found = image
	}
	k.archive.rebuilt(came)
	k.disk.sync()
	k.boot()
	return k.err
}

// tryOut drains a copy of a rebuilt ring, and uses that on.
func (k *machine) tryOut(found ring.Rebuilt) ([]*paper, error) {
	kept := slices.Clone(k.m.Bytes)
	defer copy(k.m.Bytes, kept)
	r := k.m.Ring()
	for i := range k.m.Geometry.Seats {
		if r.Seat(i).Dirty() {
			return nil, fmt.Errorf("seat %d is dirty", i)
		}
	}
	if e := inspect.Examine(r, uint64(len(k.m.Bytes))); len(e.Faults) > 0 {
		return nil, fmt.Errorf("a rebuilt ring is accused: %+v", e.Faults[0])
	}
	torn := r.Torn()
	_, tail := r.Positions()
	v := inspect.NewViewer(r)
	shown := 0
	for rec := (inspect.Record{}); ; shown++ {
		if err := v.Next(&rec); err == ring.ErrEmpty {
			break
		} else if err != nil {
			return nil, fmt.Errorf("viewer: %w", err)
		}
	}
	came, err := k.archive.drain(r, k.rng.IntN(3))
	switch {
	case err != nil:
		return nil, err
	case len(came) != found.Records || shown != found.Records && tail >= k.m.Geometry.Slots: // a viewer does not pass 2^64
		return nil, fmt.Errorf("%d records came and %d were shown of %d that were found", len(came), shown, found.Records)
	case r.Torn() != torn:
		return nil, errors.New("a rebuilt ring has torn records")
	}
	err = useOn(r, k.sizes)
	if e := inspect.Examine(r, uint64(len(k.m.Bytes))); err == nil && len(e.Faults) > 0 {
		err = fmt.Errorf("a rebuilt ring that was used is accused: %+v", e.Faults[0])
	}
	return came, err
}

// useOn fills and drains a ring that is empty, several times over, as a new one.
func useOn(r *ring.Ring, sizes []int) error {
	g := r.Geometry()
	p, err := r.NewProducer(0)
	if err != nil {
		return fmt.Errorf("a producer for the rebuilt ring: %w", err)
	}
	c := r.NewConsumer(freshSeat)
	if g.Each {
		s := r.Subscription(0)
		s.Join(ring.Joining{Seat: freshSeat})
		defer s.Clear()
		c = r.NewSubscriber(freshSeat, 0)
	}
	id, next := uint64(1)<<40, uint64(1)<<40
	take := func(want int) error {
		for range want {
			data, redelivered, err := c.TryReceive(nil)
			if err != nil {
				return fmt.Errorf("using the rebuilt ring: %w", err)
			}
			got, err := ringtest.ReadRecord(data)
			if err != nil || got != next || redelivered != 0 {
				return fmt.Errorf("using the rebuilt ring: record %#x, delivered %d times before, for %#x: %w", got, redelivered, next, err)
			}
			next++
		}
		if _, _, err := c.TryReceive(nil); err != ring.ErrEmpty {
			return fmt.Errorf("using the rebuilt ring: %w where it is empty", err)
		}
		return nil
	}
	for range 2 {
		for n := range g.Slots {
			if err := p.Send(ringtest.Record(id, 8)); err != nil {
				return fmt.Errorf("using the rebuilt ring: %w after %d records of %d", err, n, g.Slots)
			}
			id++
		}
		if err := p.Send(ringtest.Record(id, 8)); err != ring.ErrFull {
			return fmt.Errorf("using the rebuilt ring: %w where it is full", err)
		}
		if err := take(int(g.Slots)); err != nil {
			return err
		}
	}
	for i := range 2 * int(g.Slots) {
		for try := 0; ; try++ {
			err := p.Send(ringtest.Record(id, sizes[i%len(sizes)]))
			if err == nil {
				break
			}
			if err != ring.ErrFull || try > 0 {
				return fmt.Errorf("using the rebuilt ring: %w", err)
			}
			if err := take(int(id - next)); err != nil { // passes over the filler
				return err
			}
		}
		id++
	}
	return take(int(id - next))
}

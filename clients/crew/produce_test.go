//go:build linux

package crew

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

const mostSent = 20 // records of a batch

// sender is a producer of the storm, until it is killed or told to leave. Its records are those of
// internal/ringtest.
type sender struct {
	*worker
	to     *producer.Raw
	random *rand.Rand
	seq    uint64 // of the record that comes next
}

// Arguments: life, queue, journal, seed.
func produce(c *testproc.Child) {
	w := newWorker(c, c.Args[0], c.Args[2])
	s := &sender{worker: w, random: w.seeded(c.Args[3])}
	s.to = attach(w, func() (*producer.Raw, error) {
		return producer.OpenRaw(c.Args[1], &producer.Options{NoCreate: true})
	})
	w.mark(attached)
	for w.ctx.Err() == nil {
		s.step()
	}
	w.mark(leaving)
	w.check(s.to.Close())
	w.leave()
}

func (w *worker) seeded(seed string) *rand.Rand {
	n, err := strconv.ParseUint(seed, 10, 64)
	w.check(err)
	return rand.New(rand.NewPCG(n, w.life))
}

// pause is the time that a program spends between two calls, mostly none.
func pause(r *rand.Rand) {
	if r.IntN(200) == 0 {
		time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
	}
}

func (s *sender) nextID() uint64 { return s.life<<32 | s.seq }

// size picks one: many records are small, some take several slots, a few are the largest.
func (s *sender) size() int {
	slot, most := s.to.SlotSize(), s.to.MaxRecord()
	switch n := s.random.IntN(16); {
	case n < 3:
		return min(most, slot+s.random.IntN(most/4))
	case n == 3:
		return ringtest.MinRecord + s.random.IntN(most-ringtest.MinRecord+1)
	case n == 4 && s.random.IntN(10) == 0:
		return most
	}
	return ringtest.MinRecord + s.random.IntN(slot-ringtest.MinRecord+1)
}

func (s *sender) step() {
	switch n := s.random.IntN(16); {
	case n < 4:
		s.send(1, false)
	case n < 6:
		s.send(1+s.random.IntN(mostSent), false)
	case n < 8:
		s.send(1+s.random.IntN(mostSent), true)
	case n < 10:
		s.reserve(true)
	case n < 11:
		s.reserve(false)
	default:
		s.send(1, true)
	}
}

func (s *sender) send(n int, waits bool) {
	var records [][]byte
	for i := range n {
		records = append(records, ringtest.Record(s.nextID()+uint64(i), s.size()))
	}
	s.note(entry{kind: try, count: n, id: s.nextID()})
	done, err := s.call(context.Background(), records, false)
	if waits && errors.Is(err, shmq.ErrFull) {
		s.mark(wait)
		done, err = s.call(s.ctx, records, true)
	}
	s.sent(done, err)
}

func (s *sender) call(ctx context.Context, records [][]byte, waits bool) (int, error) {
	switch {
	case len(records) > 1 && waits:
		return s.to.SendBatch(ctx, records)
	case len(records) > 1:
		return s.to.TrySendBatch(records)
	case waits:
		return one(s.to.Send(ctx, records[0]))
	}
	return one(s.to.TrySend(records[0]))
}

func one(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

func (s *sender) sent(n int, err error) {
	if err != nil && !errors.Is(err, shmq.ErrFull) && !errors.Is(err, context.Canceled) {
		s.fail("send: %v", err)
	}
	s.note(entry{kind: sent, count: n, id: s.nextID()})
	s.seq += uint64(n)
}

// reserve writes a record in place, sometimes slowly, and sends it or gives it back.
func (s *sender) reserve(commit bool) {
	size, id := s.size(), s.nextID()
	s.mark(wait)
	b, err := s.to.Reserve(s.ctx, size)
	s.sent(0, err) // the wait is over
	if err != nil {
		return
	}
	if !commit {
		id |= 1 << 63
	}
	ringtest.FillRecord(b, id, 0, size)
	pause(s.random)
	if !commit {
		s.to.Abort()
		return
	}
	s.note(entry{kind: try, count: 1, id: id})
	s.sent(one(s.to.Commit(size)))
}

//go:build linux

package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// A sender is a producer that lives until it is killed or told to leave.
type sender struct {
	*part
	to  *producer.Raw
	r   *rand.Rand
	seq uint64 // of the record that comes next
	out []record
	raw [][]byte
}

func produce(c *testproc.Child) {
	p := newPart(c)
	s := &sender{part: p, r: p.random}
	p.attach(func() (err error) {
		s.to, err = producer.OpenRaw(p.queue, &producer.Options{NoCreate: true})
		return err
	})
	for p.ctx.Err() == nil {
		s.step()
	}
	p.leave(s.to.Close)
}

func (s *sender) step() {
	switch s.r.IntN(16) {
	case 0, 1, 2, 3:
		rs := s.next(1)
		s.settle(rs, func() (int, error) { return one(s.to.TrySend(rs[0].data)) })
	case 4, 5:
		rs := s.next(1 + s.r.IntN(20))
		s.settle(rs, func() (int, error) { return s.to.TrySendBatch(s.bytes(rs)) })
	case 6, 7:
		rs := s.next(1 + s.r.IntN(20))
		s.settle(rs, func() (int, error) { return s.to.SendBatch(s.ctx, s.bytes(rs)) })
	case 8, 9:
		s.reserve()
	case 10:
		s.abort()
	default:
		rs := s.next(1)
		s.settle(rs, func() (int, error) { return one(s.to.Send(s.ctx, rs[0].data)) })
	}
}

func one(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// next makes the n records that come next.
func (s *sender) next(n int) []record {
	s.journal.about()
	s.out = s.out[:0]
	seq := s.seq
	for range n {
		rec := record{make([]byte, s.size())}
		fill(rec.data, newID(s.life, seq))
		if !rec.short() {
			seq++
		}
		s.out = append(s.out, rec)
	}
	return s.out
}

func (s *sender) bytes(rs []record) [][]byte {
	s.raw = s.raw[:0]
	for _, r := range rs {
		s.raw = append(s.raw, r.data)
	}
	return s.raw
}

// settle sends records, or the first of them.
func (s *sender) settle(rs []record, send func() (int, error)) {
	s.journal.trying(rs)
	var n int
	var err error
	s.journal.call(func() { n, err = send() })
	s.journal.settle(rs, n)
	s.seq = s.journal.sent.Load()
	s.check(err)
}

func (s *sender) check(err error) {
	if err != nil && !errors.Is(err, shmq.ErrFull) && !errors.Is(err, context.Canceled) {
		s.fail("send: %v", err)
	}
}

func (s *sender) size() int {
	for {
		n := size(s.r, s.to.SlotSize(), s.to.MaxRecord())
		if s.sizes == allSizes || n >= shortSizes && (s.sizes == numbered || n <= s.to.SlotSize()) {
			return n
		}
	}
}

// reserve writes a record in place, sometimes slowly, and sometimes into more room
// than it needs.
func (s *sender) reserve() {
	rs := s.next(1)
	n := len(rs[0].data)
	most := s.to.MaxRecord()
	if s.sizes == oneSlot {
		most = max(n, s.to.SlotSize())
	}
	b, ok := s.room(min(n+s.r.IntN(n+1), most))
	if !ok {
		return
	}
	copy(b, rs[0].data[:n/2])
	s.pause()
	copy(b[n/2:], rs[0].data[n/2:])
	s.settle(rs, func() (int, error) { return one(s.to.Commit(n)) })
}

// abort gives back what looks like a record.
func (s *sender) abort() {
	b, ok := s.room(s.size())
	if !ok {
		return
	}
	fill(b, abortedBit|newID(s.life, s.seq))
	s.pause()
	s.to.Abort()
	s.journal.aborted.Add(1)
}

func (s *sender) room(n int) (b []byte, ok bool) {
	var err error
	s.journal.call(func() { b, err = s.to.Reserve(s.ctx, n) })
	s.check(err)
	return b, err == nil
}

// pause is the time that a program spends between two calls, mostly none.
func (p *part) pause() {
	if p.random.IntN(200) == 0 {
		time.Sleep(time.Duration(p.random.IntN(2_000)) * time.Microsecond)
	}
}

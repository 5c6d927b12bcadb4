package selector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/park"
)

// quickly is how many times in a row Wait returns a queue that is never empty before it looks
// at the others, after it has looked at all of them and found nothing; in a large set it is
// twice the number of queues, so that a look at them costs each record half a look at one. When
// others have something, each has its turn: the same queue comes twice in a row only if the
// others had nothing.
const quickly = 16

// glances is how many queues a round of a spin looks at.
const glances = 8

// waiter is what the goroutine in Wait keeps.
type waiter struct {
	mine    *[]*member // what it works on, also in adopted
	at      int        // in mine, the queue that was returned last; -1 for none
	quick   int        // times that it may be returned without a look at the others
	next    int        // in mine, what the next glance looks at
	spinner *park.Spinner
	sleeper park.Several
	joined  bool // calls of the handles are under way
	slept   bool // since then: wake-ups may have been used up

	adopting func() // of a test, between the two steps of adopt

	// owed is the queue that was returned last if a wake-up for it may have been used up,
	// which the caller has now.
	owed atomic.Pointer[member]
}

// Wait waits until one of the queues has something, and returns it: a consumer whose Try will
// find a record, a producer whose Try will find room. It takes nothing itself. Another
// participant may be faster, so the Try may return shmq.ErrEmpty or shmq.ErrFull all the same;
// then the caller waits again. A caller that does not try leaves what is there to others,
// who learn of it by the next Wait of this set, also if its context has ended, by Remove, or
// by Close of the handle.
//
// With a queue and an error, that queue has come to an end, and was taken out of the set;
// nothing else has ended. The error is what its calls return: io.EOF or shmq.ErrBrokenOff at the
// end of a stream, for a consumer that asks for it; shmq.ErrRemoved, when nothing is left in
// it; shmq.ErrTruncated, shmq.ErrNoSpace, shmq.ErrClosed. A consumer that is to go on with the
// next stream is told so (NextStream) and added again. A Try may find the end of a stream before
// Wait does; Wait then returns it as well, unless the caller has called Remove.
//
// Without a queue, the error is that of ctx; io.EOF if no queue is left in the set; or it says
// that the kernel refuses to let the process sleep.
//
// While a queue has something Wait makes no system call. Of queues that have something at the
// same time it returns each in its turn, but returns one that is alone in having something up
// to 16 times, or twice as often as there are queues, before it looks at the others again. That
// a queue has come to its end it says when there is nothing else to return, or some 100 ms later.
func (s *Set) Wait(ctx context.Context) (Queue, error) {
	if err := ctx.Err(); err != nil && s.owed.Load() == nil {
		return nil, s.failed(err)
	}
	if atomic.LoadUint32(&s.inUse) != 0 {
		panic(errOverlap)
	}
	atomics.Mark32(&s.inUse, 1)
	if s.quick > 0 && s.list.Load() == s.mine {
		m := (*s.mine)[s.at]
		ready := false
		if begun := m.end.Enter(); begun != 0 {
			ready = s.lookDue(m, begun)
		} else { // as Look
			ready = m.Ready() && !m.end.Hit()
			m.end.Leave()
		}
		if ready {
			s.quick--
			atomics.Mark32(&s.inUse, 0)
			return m.queue, nil
		}
	}
	return s.wait(ctx)
}

// lookDue is the quick look in a call that is due: it may come to a log handler of the program,
// which may panic.
//
//go:noinline
func (s *Set) lookDue(m *member, begun attach.Begun) bool {
	returned := false
	defer func() {
		if !returned {
			atomics.Mark32(&s.inUse, 0)
		}
	}()
	ready, err := m.LookIn(begun)
	returned = true
	return ready && err == nil // an error is found again
}

// failed puts an error into words that is about no queue.
func (s *Set) failed(err error) error {
	return fmt.Errorf("shmq: wait for the first of %d queues: %w", s.Len(), err)
}

func (s *Set) wait(ctx context.Context) (Queue, error) {
	// Also if code of the program panics: a context, a log handler, also one that passOn comes to.
	defer func() {
		s.leave()
		s.sleeper.Done()
		atomics.Mark32(&s.inUse, 0)
	}()
	defer func() {
		if s.slept {
			s.passOn(nil)
		}
	}()
	s.slept = false
	for {
		s.adopt()
		m, err := s.first(ctx)
		switch {
		case err == errChanged:
			s.passOn(nil)
			s.leave()
			continue
		case m == nil && err == io.EOF:
			return nil, err
		case m == nil:
			s.passOn(nil)
			return nil, s.failed(err)
		case err != nil:
			s.passOn(nil)
			s.leave()
			s.forget(m)
			return m.queue, err
		}
		if s.slept {
			s.owed.Store(m)
		}
		s.passOn(m)
		return m.queue, nil
	}
}

// errChanged: queues were added or taken out.
var errChanged = errors.New("the set has changed")

// adopt takes over the list as it is meant to be. It looks at list again after it has stored
// adopted, since Remove looks at adopted after it has stored list: either adopt sees the later
// list, or Remove sees that a handle is adopted that it was to forget.
func (s *Set) adopt() {
	l := s.list.Load()
	if l == nil {
		l = &[]*member{}
		s.list.CompareAndSwap(nil, l)
		l = s.list.Load()
	}
	if l == s.mine {
		return
	}
	for adopted := false; !adopted; {
		if s.adopting != nil {
			s.adopting()
		}
		s.adopted.Store(l)
		now := s.list.Load()
		l, adopted = now, now == l
	}
	var last *member
	if s.mine != nil && s.at >= 0 {
		last = (*s.mine)[s.at]
	}
	s.at, s.quick, s.next = slices.Index(*l, last), 0, 0
	s.mine = l
	if s.spinner == nil {
		sp := park.NewSpinner(park.Policy(s.Policy))
		s.spinner = &sp
	}
}

// forget takes out a queue that has come to its end.
func (s *Set) forget(m *member) {
	s.owed.CompareAndSwap(m, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.members()
	if i := slices.Index(to, m); i >= 0 {
		to = slices.Delete(slices.Clone(to), i, i+1)
		s.list.Store(&to)
	}
}

// first returns the first queue, from the one behind the last, that has something, or an error
// about itself.
func (s *Set) first(ctx context.Context) (*member, error) {
	all := *s.mine
	if len(all) == 0 && !s.StayOpen {
		return nil, io.EOF
	}
	if m := s.owed.Swap(nil); m != nil {
		if !slices.Contains(all, m) { // Remove is under way, and won't find it owed any more
			m.end.Nudge()
		} else if err := s.call(m, m.passOn); err != nil {
			return m, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if m, err := s.sweep(); m != nil {
		return m, err
	}
	var m *member
	var err error
	if len(all) > 0 && s.spinner.Spin(ctx, func(round int) bool {
		if s.list.Load() != s.mine {
			err = errChanged
			return true
		}
		if m, err = s.glance(); m == nil && round%64 == 63 {
			m, err = s.check()
		}
		return m != nil
	}) {
		return m, err
	}
	return s.sleep(ctx)
}

// call runs f, of m.
func (s *Set) call(m *member, f func() error) error {
	if err := m.end.Join(); err != nil {
		return err
	}
	defer m.end.Leave()
	return m.end.Within(f)
}

// sweep looks at all queues once.
func (s *Set) sweep() (*member, error) {
	all := *s.mine
	for i := range all {
		at := (s.at + 1 + i) % len(all)
		if ready, err := all[at].Look(); ready || err != nil {
			s.found(at, i == len(all)-1)
			return all[at], err
		}
	}
	return nil, nil
}

// found notes which queue is served. alone: all others were looked at, and had nothing.
func (s *Set) found(at int, alone bool) {
	s.quick = 0
	if alone && at == s.at {
		s.quick = max(quickly, 2*len(*s.mine)) - 1
	}
	s.at, s.next = at, at+1
}

// glance looks at some queues; the next glance, at those that follow.
func (s *Set) glance() (*member, error) {
	all := *s.mine
	for range min(glances, len(all)) {
		at := s.next % len(all)
		s.next = at + 1
		if ready, err := all[at].Look(); ready || err != nil {
			s.found(at, false)
			return all[at], err
		}
	}
	return nil, nil
}

// check asks each queue for what else it may have to tell.
func (s *Set) check() (*member, error) {
	for at, m := range *s.mine {
		if err := m.Check(); err != nil {
			s.found(at, false)
			return m, err
		}
	}
	return nil, nil
}

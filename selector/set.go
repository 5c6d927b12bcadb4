package selector

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/park"
)

// Queue is what a Set waits for: a *consumer.Consumer[T] or *consumer.Raw, which waits for a
// record, and a *producer.Producer[T] or *producer.Raw, which waits for room. There are no
// others.
type Queue interface {
	// Name returns the name of the queue, as it was given when the handle was opened.
	Name() string
	// Member is for this package.
	Member(size int) attach.Member
}

// Set is queues that one goroutine waits for. The zero value is empty and ready to use. Its
// fields are for before the first call.
//
// Wait is for one goroutine at a time, a second one gets a panic; it uses the handles of the
// set, which are for one goroutine at a time as well. So the goroutine that calls Wait is the
// one that receives and sends through them. Every other method may be called by any goroutine
// at any time. A handle may be closed by any goroutine too; Wait then returns it with
// shmq.ErrClosed. A handle should be in one set only.
//
// A Set holds nothing that has to be closed.
type Set struct {
	// Policy says how to wait. That of the handles does not count. Default:
	// shmq.SpinThenPark.
	Policy shmq.WaitPolicy
	// StayOpen has Wait wait for an Add where no queue is left in the set, instead of
	// returning io.EOF. Default false.
	StayOpen bool

	// list is the queues as they are meant to be, which is stored under mu. Wait works on a
	// copy, adopted, which it takes from list when it begins and when it is rung. What stands
	// in one list is never changed.
	mu   sync.Mutex
	list atomic.Pointer[[]*member]

	// A call of Wait marks the set as in use, as calls mark handles (see attach.End), and
	// then looks at list; Remove stores list, has a barrier executed, and then looks at the
	// mark. So Remove knows when Wait does not use a handle any more that it was to forget.
	inUse   uint32
	adopted atomic.Pointer[[]*member]

	waiter
}

// member is a queue of a set.
type member struct {
	attach.Member
	queue Queue
	end   *attach.End
	word  *uint32 // on which it sleeps

	in    bool // a call of it is under way
	ready bool // what look has found
	err   error
	// The functions that run in End.Within, made once.
	look, idle, announce, recall, over, passOn func() error
}

func newMember(q Queue, size int, sleeper *park.Several) *member {
	m := &member{Member: q.Member(size), queue: q}
	m.end = m.End()
	m.word = m.end.Word()
	m.look = func() error { m.ready = m.Ready(); return nil }
	m.idle = func() error { m.Idle(); return nil }
	m.announce = func() error { sleeper.Announce(m.word); return nil }
	m.recall = func() error { m.Recall(); return nil }
	m.over = func() error { m.err = m.Over(); return nil }
	m.passOn = func() error { m.PassOn(); return nil }
	return m
}

// Add adds a queue. A Wait that is under way waits for it too. For a producer it means room
// for a record that takes one slot (SlotSize of producer.Raw). A consumer that was told the
// end of a stream is told it again, unless NextStream of it was called. Error:
// shmq.ErrOption if the queue is in the set.
func (s *Set) Add(q Queue) error { return s.add(q, 0) }

// AddRoom adds a producer that waits for room for a record of size bytes: while it waits,
// others leave it what comes free, as far as Send does the same. Error: as Add.
func (s *Set) AddRoom(p Queue, size int) error { return s.add(p, size) }

func (s *Set) add(q Queue, size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index(q) >= 0 {
		return fail.In("wait for", q.Name(), fmt.Errorf("%w: it is in the set already", fail.ErrOption))
	}
	s.change(append(slices.Clone(s.members()), newMember(q, size, &s.sleeper)))
	return nil
}

// Remove takes a queue out of the set, and reports whether it was there. When it returns, Wait
// does not use the handle any more, and the caller may; also if it was not there, because
// another Remove is taking it out, or Wait is about to return its end.
func (s *Set) Remove(q Queue) bool {
	m := s.take(q)
	s.letGo(q)
	if m == nil {
		return false
	}
	if s.owed.CompareAndSwap(m, nil) { // it was told that there is something
		m.end.Nudge()
	}
	return true
}

func (s *Set) take(q Queue) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(q)
	if i < 0 {
		return nil
	}
	m := s.members()[i]
	s.change(slices.Delete(slices.Clone(s.members()), i, i+1))
	return m
}

// Len returns how many queues are in the set.
func (s *Set) Len() int { return len(s.members()) }

func (s *Set) members() []*member {
	if l := s.list.Load(); l != nil {
		return *l
	}
	return nil
}

func (s *Set) index(q Queue) int {
	return slices.IndexFunc(s.members(), func(m *member) bool { return m.queue == q })
}

// change sets the list, and tells Wait.
//
// Preconditions: the caller holds mu.
func (s *Set) change(to []*member) {
	s.list.Store(&to)
	s.sleeper.Ring()
}

// letGoPatience bounds how long Remove waits for Wait to let go of a handle. That takes
// microseconds, unless a log handler, or a context, of the program holds it up.
var letGoPatience = time.Minute

// letGo waits until Wait does not use q as a member that is not in list any more.
func (s *Set) letGo(q Queue) {
	attach.Barrier()
	var begun time.Time
	for n := 0; atomic.LoadUint32(&s.inUse) != 0 && s.uses(q); n++ {
		switch {
		case n == 0:
			begun = time.Now()
		case time.Since(begun) > letGoPatience:
			panic(fmt.Sprintf("shmq: Remove of queue %q from within a Wait of the same set", q.Name()))
		}
		s.sleeper.Ring()
		time.Sleep(min(time.Duration(n)*10*time.Microsecond, park.Heartbeat/10))
	}
}

// uses reports whether Wait works on q as a member that was taken out. If q was added again
// since, by another goroutine, it is another member.
func (s *Set) uses(q Queue) bool {
	l := s.adopted.Load()
	return l != nil && slices.ContainsFunc(*l, func(m *member) bool {
		return m.queue == q && !slices.Contains(s.members(), m)
	})
}

var errOverlap = errors.New("shmq: Wait of a selector.Set is called by two goroutines at once; give each goroutine a set of its own")

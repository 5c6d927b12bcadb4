package park

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/internal/sys"
)

// Several is one participant's way to sleep until the first of several futex words tells it
// something. But for Ring it is for one goroutine at a time. A wait goes
//
//	defer s.Done()
//	for {
//		s.Prepare(words)
//		if there is something in any of the queues { return }
//		if err := s.Sleep(ctx); err != nil { return err }
//	}
//
// It is the hand-shake of the package with step 1 for all words, then one barrier, which stands
// between all of these stores and all that the caller looks at in step 3. The flags of the
// other words stay up when one has ended the sleep: nobody knows who else sleeps there, so
// nobody but a waker that finds no sleeper may lower them.
//
// One sleep may use up a wake-up of each word: until the sleeper has left the lists of all of
// them, every waker that meets it there counts it as woken. A wake-up stands for a record that
// somebody has to take. So a caller that has slept and then turns to one of the queues has to
// wake another sleeper of each other queue that has something.
type Several struct {
	list    sys.Words
	unsure  bool // no barrier: a wake-up may be missed
	partial bool // the kernel does not wait for all of the words: looking now and then has to do
	single  bool // the kernel waits for one word only
	left    int  // words that may still be announced on

	alone  *uint32 // the word that is waited for where the kernel waits for one only
	ticket uint32

	done <-chan struct{} // of the context that is watched
	stop func() bool

	mu  sync.Mutex
	own *uint32 // 1 once the sleep is to end; nil between two waits
}

// MostWords is how many words a sleep is ended by at most, beside its context.
const MostWords = sys.MaxWords - 1

// Prepare announces on each of the words that the caller is about to sleep. The caller looks
// at all of their queues once more before it does, and at whatever it is told by Ring. Where
// there are more words than the kernel waits for, those that come first count.
func (s *Several) Prepare(words []*uint32) {
	s.Begin(len(words))
	for _, w := range words {
		s.Announce(w)
	}
	s.Announced()
}

// Begin, Announce for each of n words, and Announced are Prepare in parts, for words of which
// one may be lost while the others go on: only Announce touches a word.
func (s *Several) Begin(n int) {
	s.renew()
	s.left = MostWords
	if s.single = !sys.CanWaitTwo(); s.single {
		s.left = 1
	}
	s.partial = n > s.left
	s.alone = nil
	s.list.Reset(s.own)
}

// Announce is a part of Prepare: it announces on one word.
func (s *Several) Announce(w *uint32) {
	if s.left == 0 {
		return
	}
	s.left--
	ticket := announce(w)
	if s.single {
		s.alone, s.ticket = w, ticket
	} else {
		s.list.Add(w, ticket)
	}
}

// Announced is the end of Prepare: the barrier.
func (s *Several) Announced() { s.unsure = sys.Barrier() != nil }

// renew makes a word for Ring and for the end of the context, unless there is one that has not
// been used. A cancellation that comes late finds one that no thread waits on.
func (s *Several) renew() {
	if s.own != nil && atomic.LoadUint32(s.own) == 0 {
		return
	}
	s.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = new(uint32)
}

// Sleep sleeps until one of the words is not what Prepare left there, a wake-up, a heartbeat,
// a Ring, or the end of ctx, whose error it then returns. Any other error comes from the kernel
// and means that sleeping is not possible here.
func (s *Several) Sleep(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.watch(ctx)
	d := Heartbeat
	if s.unsure || s.partial {
		d = slice
	}
	if err := s.sleep(d); err != nil {
		return err
	}
	return ctx.Err()
}

func (s *Several) sleep(d time.Duration) error {
	if sys.CanWaitTwo() {
		err := s.list.Wait(d)
		if err == nil || sys.CanWaitTwo() {
			return err
		}
		return nil // it was refused: the next Prepare knows
	}
	// A ring, or the end of the context, is found when the slice is over.
	if s.alone == nil || atomic.LoadUint32(s.own) != 0 {
		return sys.Wait(s.own, 0, slice)
	}
	return sys.Wait(s.alone, s.ticket, slice)
}

// Ring ends the sleep that is under way, or that follows a Prepare that is. Any goroutine may
// call it at any time.
func (s *Several) Ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil {
		ring(s.own)
	}
}

func ring(own *uint32) {
	atomic.StoreUint32(own, 1)
	_ = sys.WakeOwn(own) // fails only for an address that is not mapped
}

// Done ends a wait, whatever came of it.
func (s *Several) Done() {
	if s.stop != nil {
		s.stop()
		s.done, s.stop = nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = nil
}

// watch lets the end of ctx ring.
func (s *Several) watch(ctx context.Context) {
	if s.done == ctx.Done() { // also if that is nil: it never ends
		return
	}
	if s.stop != nil {
		s.stop()
	}
	own := s.own
	s.done = ctx.Done()
	s.stop = context.AfterFunc(ctx, func() { ring(own) })
}

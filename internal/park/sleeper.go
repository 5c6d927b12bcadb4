package park

import (
	"context"
	"sync/atomic"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
)

// Sleeper is one participant's way to sleep on a futex word. It is for one
// goroutine at a time. A wait goes
//
//	defer s.Done()
//	for {
//		ticket := s.Prepare()
//		if try the queue again { return }
//		if err := s.Sleep(ctx, ticket); err != nil { return err }
//	}
type Sleeper struct {
	word   *uint32
	done   <-chan struct{} // of the context that is watched
	stop   func() bool
	cancel *uint32 // 1 once ctx has ended
	unsure bool    // no barrier: a wake-up may be missed
}

// NewSleeper returns a Sleeper on word.
func NewSleeper(word *uint32) *Sleeper { return &Sleeper{word: word} }

// maxTries bounds the tries to raise the flag. A stranger that scribbles over the word
// could foil them for ever; then the sleep that follows ends at once, or with a
// heartbeat.
const maxTries = 1 << 10

// Prepare announces that the caller is about to sleep. The caller tries the
// queue once more before it does.
func (s *Sleeper) Prepare() (ticket uint32) {
	ticket = announce(s.word)
	s.unsure = sys.Barrier() != nil
	return ticket
}

// announce raises the flag of a word, and returns what the word is then.
func announce(word *uint32) (ticket uint32) {
	for range maxTries {
		w := atomics.Load32(word)
		ticket = w | asleep
		if w&asleep != 0 || atomics.CAS32(word, w, ticket) {
			break
		}
	}
	return ticket
}

// Sleep sleeps until the word is not ticket any more, a wake-up, a heartbeat, or
// the end of ctx, whose error it then returns. Any other error comes from the
// kernel and means that sleeping is not possible here.
func (s *Sleeper) Sleep(ctx context.Context, ticket uint32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		if s.unsure {
			return sys.Wait(s.word, ticket, slice)
		}
		return sys.Wait(s.word, ticket, Heartbeat)
	}
	s.watch(ctx)
	d := Heartbeat
	if s.unsure {
		d = slice
	}
	if sys.CanWaitTwo() {
		err := sys.WaitTwo(s.word, ticket, s.cancel, d)
		if err != nil && sys.CanWaitTwo() {
			return err
		}
	} else if err := sys.Wait(s.word, ticket, slice); err != nil {
		return err
	}
	return ctx.Err()
}

// Done ends a wait, whatever came of it.
func (s *Sleeper) Done() {
	if s.stop != nil {
		s.stop()
		s.done, s.stop, s.cancel = nil, nil, nil
	}
}

// watch lets the end of ctx wake the sleeper. The word it wakes through is new
// each time: a cancellation that comes late finds one that no thread waits on.
func (s *Sleeper) watch(ctx context.Context) {
	// Channels can be compared; a context may be of a type that can't.
	if s.done == ctx.Done() {
		return
	}
	s.Done()
	cancel := new(uint32)
	s.done, s.cancel = ctx.Done(), cancel
	s.stop = context.AfterFunc(ctx, func() {
		atomic.StoreUint32(cancel, 1)
		_ = sys.WakeOwn(cancel) // fails only for an address that is not mapped
	})
}

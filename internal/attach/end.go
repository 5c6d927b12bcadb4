package attach

import (
	"runtime"
	"sync"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// End is what Raw of package producer and Raw of package consumer share: a participant in
// the hands of one goroutine, its way to sleep, and what its calls do around the ring. Its
// fields are for the Raw to read.
type End struct {
	*Participant
	inUse uint32  // 1 while a call is under way; see call.go
	hit   *uint32 // the participant's
	use

	Counts  *ring.Counters // of the seat
	Data    *uint32        // where consumers sleep
	Room    *uint32        // where producers sleep
	Fence   bool           // see MustFence
	Guarded bool           // faults become panics, and calls have to catch them
	Untold  error          // a fault in a call that returns no error

	Spinner park.Spinner
	Sleeper *park.Sleeper

	op   string
	word *uint32 // where it sleeps
	Hooks

	closing   sync.Mutex
	unreached runtime.Cleanup
}

// Hooks are what an End asks of the Raw that it is the end of, within a call or when no call
// can begin any more.
type Hooks struct {
	// Drop makes the Raw forget the ring, after which it calls nothing of it: a fault may
	// have left it in the middle of anything.
	Drop func()
	// GiveBack gives back what the Raw holds, and reports whether that was anything whose
	// memory the program may use.
	GiveBack func() (held bool)
	// Last comes after the last use of the ring, and must not lead to the Raw; nil for nothing.
	Last func() error
}

// NewEnd returns the End of a participant. op names its work in errors, word is where it
// sleeps.
func NewEnd(a *Participant, op string, word *uint32, hooks Hooks) End {
	return End{
		Participant: a, hit: a.hit, Counts: a.Counters(), Data: a.ring.DataFutex(), Room: a.ring.RoomFutex(), Fence: a.fence, Guarded: a.guarded,
		Spinner: park.NewSpinner(a.wait), Sleeper: park.NewSleeper(word), op: op, word: word, Hooks: hooks,
	}
}

// Sync is Participant.Sync.
func (e *End) Sync() error {
	if err := e.Closed(); err != nil {
		return err
	}
	return e.Participant.Sync()
}

// StartSync is Participant.StartSync.
func (e *End) StartSync() error {
	if err := e.Closed(); err != nil {
		return err
	}
	return e.Participant.StartSync()
}

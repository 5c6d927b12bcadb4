package attach

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

// Close leaves the queue. It may come from any goroutine, and waits until a call that is
// under way has ended; one that waits for a record or room ends at once, with ErrClosed.
// first, if not nil, is the last use of the ring; where the End is closed already, Close
// returns nil, or ErrClosed if there is something to do first.
//
// If a lease or reservation is open the program may be reading or writing it at this
// moment, or be about to: the range is not unmapped, but becomes private zero pages.
func (e *End) Close(first func() error) error {
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.q.Closed() {
		if first != nil {
			return e.Fail(fail.ErrClosed)
		}
		return nil
	}
	if err := e.stop(); err != nil {
		return e.Fail(err)
	}
	e.unreached.Stop()
	if err := e.checkAfterPause(); err != nil {
		e.Untold = e.Fail(err)
	}
	if first != nil {
		if err := first(); err != nil {
			e.Untold = e.Fail(err)
		}
	}
	if e.lost.Load() == nil {
		if err := e.Participant.Guard(func() error {
			if e.GiveBack() {
				e.q.KeepRange()
			}
			return nil
		}); err != nil {
			e.Untold = e.Fail(err)
		}
	}
	if e.lost.Load() != nil { // what was held is not known any more
		e.q.KeepRange()
	}
	e.Drop()
	if e.Last != nil {
		e.Untold = errors.Join(e.Untold, e.Last())
	}
	return errors.Join(e.Untold, e.Detach())
}

// closePatience bounds how long Close waits for a call. A call among hostile peers takes a
// counted number of steps, one that waits is woken, and a sync takes what the disk takes. So
// this is for calls that will never end: of a goroutine that closes the handle from within
// its own log handler, or that left the call by a panic over memory which is not the queue's.
var closePatience = time.Minute

// stop lets no further call begin and waits for the one that is under way. It wakes all that
// sleep on the same word, of which one may be that call; the others look again. Error: ErrInUse;
// then everything is left as it is, for good, or until the next Close.
func (e *End) stop() error {
	e.shut(barrier)
	var begun time.Time
	for n := 0; atomic.LoadUint32(&e.inUse) != 0; n++ {
		_ = e.q.Touch(func() error { // without the page there is nobody to wake
			if park.Armed(e.word) {
				park.WakeAll(e.word)
			}
			return nil
		})
		switch {
		case n == 0:
			begun = time.Now()
		case time.Since(begun) > closePatience:
			return fmt.Errorf("%w: one of its own calls has not ended for %v; was it closed from a log handler, or did a panic end the call? its seat is kept until the process ends", fail.ErrInUse, closePatience)
		}
		if n < 10 {
			runtime.Gosched()
		} else {
			time.Sleep(min(time.Duration(n)*10*time.Microsecond, park.Heartbeat/10))
		}
	}
	return nil
}

// shut makes calls that begin from now on see that the handle is closed. A call that does not
// see it has marked the handle before shut returns.
func (e *End) shut(barrier func()) {
	e.leave()
	barrier()
}

// barrier makes the stores that other goroutines of this process have made visible, and
// orders what each stored before against what it loads after, as a fence in each would.
func barrier() {
	if !atomics.MarkIsOrdered && sys.BarrierOwn() != nil {
		stopTheWorld()
	}
}

// stopTheWorld is the barrier where the kernel refuses membarrier: reading the memory
// statistics stops all goroutines, and one that is stopped has synchronized with who stops it.
func stopTheWorld() {
	var unread runtime.MemStats
	runtime.ReadMemStats(&unread)
}

package seat

import (
	"fmt"
	"os"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// Mine is an error about a role or seat that this process itself holds: by a handle, perhaps,
// that it has dropped, and that the garbage collector would give back.
type Mine struct{ error }

// Unwrap returns the error.
func (e Mine) Unwrap() error { return e.error }

// process tells one process from another. What a seat says of it is a report; nothing but the
// text of an error rests on it.
type process struct {
	pid   uint32
	start uint64
}

// noSeat says who holds all the seats: the remedy of a process that holds them itself is
// another one.
func noSeat(q *mapped.Queue) error {
	held := map[process]int{}
	var most ring.Occupant
	for i := range q.Header.Seats {
		o := q.Ring.Seat(i).Occupant()
		p := process{o.PID, o.StartTime}
		if held[p]++; i == 0 || held[p] > held[process{most.PID, most.StartTime}] {
			most = o
		}
	}
	all, self := q.Header.Seats, process{uint32(os.Getpid()), sys.StartTime()}
	mine, theirs := held[self], held[process{most.PID, most.StartTime}]
	switch {
	case mine == all:
		return Mine{fmt.Errorf("%w: all %d seats are held by this process, pid %d: close some of its producers and consumers, or share one among goroutines (OpenShared), or make a queue with more seats", fail.ErrNoSeat, all, self.pid)}
	case mine > 0:
		return Mine{fmt.Errorf("%w: %d participants are attached, %d of them this process, pid %d: close or end some, or make a queue with more seats", fail.ErrNoSeat, all, mine, self.pid)}
	case theirs == all:
		return fmt.Errorf("%w: all %d seats are held by one process, pid %d (%s): end it, or have it close some, or make a queue with more seats", fail.ErrNoSeat, all, most.PID, most.Command)
	}
	return fmt.Errorf("%w: %d participants are attached; end some, or make a queue with more seats", fail.ErrNoSeat, all)
}

// Package seat keeps the roles and seats of a queue: which participants have them, which are
// alive, and what becomes of those that died.
package seat

import (
	"fmt"

	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Role is layout.RoleProducer or layout.RoleConsumer.
type Role uint32

func (r Role) String() string {
	switch r {
	case layout.RoleProducer:
		return "producer"
	case layout.RoleConsumer:
		return "consumer"
	}
	return "unknown"
}

// Byte is the byte of the file that the holder of seat i has locked.
func Byte(i int) int64 { return layout.SeatOffset + int64(i)*layout.SeatSize }

// Alive asks the kernel whether the seat's lock is held. An answer that can't be had counts
// as yes: no participant is robbed on a guess.
func Alive(q *mapped.Queue, i int) bool {
	held, err := q.File.Locked(Byte(i))
	return err != nil || held
}

// Living returns the participants that are alive, as text: those of one role, or of all if
// role is 0.
func Living(q *mapped.Queue, role Role) (texts []string) {
	for i := range q.Header.Seats {
		s := q.Ring.Seat(i)
		if !s.Dirty() {
			continue
		}
		o := s.Occupant()
		if role != 0 && o.Role != uint32(role) || !Alive(q, i) {
			continue
		}
		texts = append(texts, text(o))
	}
	return texts
}

func text(o ring.Occupant) string {
	return fmt.Sprintf("%v pid %d (%s)", Role(o.Role), o.PID, o.Command)
}

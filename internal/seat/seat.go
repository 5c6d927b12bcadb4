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
	for _, o := range living(q, role) {
		texts = append(texts, text(o))
	}
	return texts
}

// single returns the holder of a role that only one may have.
func single(q *mapped.Queue, role Role) (o ring.Occupant, found bool) {
	all := living(q, role)
	if len(all) == 0 {
		return o, false
	}
	return all[0], true
}

func living(q *mapped.Queue, role Role) (all []ring.Occupant) {
	for i := range q.Header.Seats {
		s := q.Ring.Seat(i)
		if !s.Dirty() {
			continue
		}
		o := s.Occupant()
		if role != 0 && o.Role != uint32(role) || !Alive(q, i) {
			continue
		}
		all = append(all, o)
	}
	return all
}

func text(o ring.Occupant) string {
	return fmt.Sprintf("%v pid %d (%s)", Role(o.Role), o.PID, o.Command)
}

package cli

import (
	"fmt"
	"time"

	"github.com/shmq/shmq"
)

// warnings says in plain words what may be in the way of others: the dead, the stopped
// that hold something, and a ring without room.
func warnings(i *shmq.Info, now time.Time) (lines []string) {
	for n := range i.Participants {
		p := &i.Participants[n]
		switch {
		case !p.Alive:
			lines = append(lines, deadText(i, p))
		case p.Stopped:
			if line := stoppedText(i, p, now); line != "" {
				lines = append(lines, line)
			}
		}
	}
	if i.Full {
		behind := i.Tail - uint64(i.Slots)
		line := fmt.Sprintf("the ring is full behind position %d", behind)
		for n := range i.Participants {
			if p := &i.Participants[n]; p.Holds != nil && p.Holds.First == behind {
				line += ", which " + who(p) + " holds"
				break
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func deadText(i *shmq.Info, p *shmq.Participant) string {
	what, does := "died", "frees its seat"
	switch {
	case p.Holds == nil:
	case p.Holds.Claims > 0:
		what, does = "died in the middle of a record", "takes it back"
	default:
		what, does = "died with "+holdsText(p), "takes them back"
	}
	return fmt.Sprintf("seat %d: %s %s; the next participant or `shmq recover %s` %s", p.Seat, who(p), what, i.Name, does)
}

func stoppedText(i *shmq.Info, p *shmq.Participant, now time.Time) string {
	has := "holds"
	if !p.HeldSince.IsZero() {
		has = "has held"
	}
	switch {
	case p.Holds != nil && p.Holds.Claims > 0:
		return fmt.Sprintf("%s is stopped in the middle of a record%s; later ones wait for it while it lives", who(p), forText(p, now))
	case p.Holds != nil:
		it := "them"
		if p.Holds.Records == 1 {
			it = "it"
		}
		return fmt.Sprintf("%s is stopped and %s %s%s; nobody else gets %s while it lives", who(p), has, heldText(p.Holds), forText(p, now), it)
	case p.Role == shmq.Producer && i.Producers == shmq.One, p.Role == shmq.Consumer && i.Consumers == shmq.One:
		return fmt.Sprintf("%s is stopped; nobody else can be the %v while it lives", who(p), p.Role)
	}
	return ""
}

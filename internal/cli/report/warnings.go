package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/shmq/shmq"
)

// Warnings says in plain words what may be in the way of participants: dead ones, stopped
// ones that hold something, a ring without room and why, and records that no consumer takes.
func Warnings(i *shmq.Info, now time.Time) (lines []string) {
	if i.Broken {
		lines = append(lines, "the machine stopped, or this is a copy of a queue in use; the next participant, or shmq recover, rebuilds it; until then these numbers mean little")
		return lines
	}
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
		lines = append(lines, fullText(i, now))
	}
	if waiting := waitingText(i); waiting != "" {
		if why := nobodyTakes(i); why != "" {
			lines = append(lines, waiting+", and "+why)
		}
	}
	return lines
}

// fullText says what the ring is full behind: a participant holds the position that a
// producer needs next, or no consumer has taken the record there.
func fullText(i *shmq.Info, now time.Time) string {
	if i.Tail < uint64(i.Slots) { // a lap has not even passed
		return "the ring is full, though nobody can have filled it; run: shmq check " + i.Name
	}
	behind := i.Tail - uint64(i.Slots)
	line := fmt.Sprintf("the ring is full behind position %d", behind)
	for n := range i.Participants {
		p := &i.Participants[n]
		if p.Holds == nil || p.Holds.First != behind {
			continue
		}
		has := "holds"
		if !p.HeldSince.IsZero() {
			has = "has held"
		}
		line = fmt.Sprintf("%s %s %s%s; the ring is full behind it, at position %d", Participant(p), has, Holds(p), ForHowLong(p, now), behind)
		break
	}
	if i.ProducersAsleep && Alive(i, shmq.Producer) > 0 {
		line += "; producers wait for room"
	}
	return line
}

// waitingText says how much waits to be taken, or "". A look that did not walk over the
// slots knows only how many of them are in use.
func waitingText(i *shmq.Info) string {
	verb := func(n int) string {
		if n == 1 {
			return " waits"
		}
		return " wait"
	}
	switch {
	case i.Records > 0:
		return Number(i.Records, "record") + verb(i.Records)
	case i.Orphans > 0:
		return "records wait to be delivered again"
	case i.Depth > 0 && i.Claimed == 0:
		return Number(i.Depth, "slot") + verb(i.Depth) + " to be taken"
	}
	return ""
}

// nobodyTakes says why no consumer can take records, or "" if one can.
func nobodyTakes(i *shmq.Info) string {
	var stopped *shmq.Participant
	n := 0
	for k := range i.Participants {
		p := &i.Participants[k]
		if p.Role != shmq.Consumer || !p.Alive {
			continue
		}
		if !p.Stopped {
			return ""
		}
		stopped = p
		n++
	}
	switch n {
	case 0:
		return "no consumer is attached"
	case 1:
		return "the only consumer, " + strconv.Itoa(stopped.PID) + " (" + stopped.Command + "), is stopped"
	}
	return fmt.Sprintf("all %d consumers are stopped", n)
}

func deadText(i *shmq.Info, p *shmq.Participant) string {
	what, does := "died", "frees its seat"
	switch {
	case p.Holds == nil:
	case p.Holds.Claims > 0:
		what, does = "died in the middle of a record", "takes it back"
	default:
		what, does = "died with "+Holds(p), "takes them back"
	}
	return fmt.Sprintf("seat %d: %s %s; the next participant or `shmq recover %s` %s", p.Seat, Participant(p), what, i.Name, does)
}

func stoppedText(i *shmq.Info, p *shmq.Participant, now time.Time) string {
	has := "holds"
	if !p.HeldSince.IsZero() {
		has = "has held"
	}
	switch {
	case p.Holds != nil && p.Holds.Claims > 0:
		return fmt.Sprintf("%s is stopped in the middle of a record%s; later ones wait for it while it lives", Participant(p), ForHowLong(p, now))
	case p.Holds != nil:
		it := "them"
		if p.Holds.Records == 1 {
			it = "it"
		}
		return fmt.Sprintf("%s is stopped and %s %s%s; nobody else gets %s while it lives", Participant(p), has, heldRecords(p.Holds), ForHowLong(p, now), it)
	case p.Role == shmq.Producer && i.Producers == shmq.One, p.Role == shmq.Consumer && i.Consumers == shmq.One:
		return fmt.Sprintf("%s is stopped; nobody else can be the %v while it lives", Participant(p), p.Role)
	case !p.HeldSince.IsZero():
		return fmt.Sprintf("%s is stopped and has held something%s; nobody else gets that while it lives", Participant(p), ForHowLong(p, now))
	}
	return ""
}

package words

import (
	"fmt"
	"path/filepath"
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
	lines = subscriptionWarnings(i)
	for n := range i.Participants {
		p := &i.Participants[n]
		switch {
		case !p.Alive:
			lines = append(lines, deadText(i, p))
		case p.Stopped || p.Frozen:
			if line := haltedText(i, p, now); line != "" {
				lines = append(lines, line+thawText(p))
			}
		}
	}
	if i.Consumers == shmq.Each {
		return lines // which tell of the ring, and of records that nobody takes
	}
	if i.Full {
		lines = append(lines, fullText(i, now))
	}
	if waiting := waitingText(i, now); waiting != "" {
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
func waitingText(i *shmq.Info, now time.Time) string {
	verb := func(n int) string {
		if n == 1 {
			return " waits"
		}
		return " wait"
	}
	switch {
	case i.Records == 0 && i.Orphans > 0:
		return Number(i.Orphans, "record") + verb(i.Orphans) + " to be delivered again"
	case i.Records > 0:
		text := Number(i.Records+i.Orphans, "record") + verb(i.Records+i.Orphans)
		if !i.OldestSent.IsZero() {
			text += ", the oldest for " + Age(max(now.Sub(i.OldestSent), 0))
		}
		return text
	case i.Depth > 0 && i.Claimed == 0:
		return Number(i.Depth, "slot") + verb(i.Depth) + " to be taken"
	}
	return ""
}

// nobodyTakes says why no consumer can take records, or "" if one can.
func nobodyTakes(i *shmq.Info) string {
	var halted *shmq.Participant
	n := 0
	for k := range i.Participants {
		p := &i.Participants[k]
		if p.Role != shmq.Consumer || !p.Alive {
			continue
		}
		if !p.Stopped && !p.Frozen {
			return ""
		}
		halted = p
		n++
	}
	switch n {
	case 0:
		return "no consumer is attached"
	case 1:
		return "the only consumer, " + strconv.Itoa(halted.PID) + " (" + halted.Command + "), is " + State(halted)
	}
	return fmt.Sprintf("all %d consumers are stopped or frozen", n)
}

func deadText(i *shmq.Info, p *shmq.Participant) string {
	what, does := "died", "frees its seat"
	switch {
	case p.Holds == nil, p.Role == shmq.Consumer && i.Consumers == shmq.Each: // its subscription goes with it, or is kept
	case p.Holds.Claims > 0:
		what, does = "died in the middle of a record", "takes it back"
	default:
		what, does = "died with "+Holds(p), "takes them back"
	}
	return fmt.Sprintf("seat %d: %s %s; the next participant or `shmq recover %s` %s", p.Seat, Participant(p), what, i.Name, does)
}

// thawText says how a frozen participant is thawed.
func thawText(p *shmq.Participant) string {
	switch {
	case !p.Frozen:
		return ""
	case p.Freezer == "":
		return "; its cgroup is frozen, so SIGCONT has no effect: thaw it (docker unpause)"
	}
	return fmt.Sprintf("; its cgroup is frozen, so SIGCONT has no effect: thaw it (docker unpause, or echo %s > %s)", thaw(p.Freezer), p.Freezer)
}

// thaw is what a freezer's file is written to thaw: cgroup.freeze of version 2 of cgroups, or
// freezer.state of version 1.
func thaw(file string) string {
	if filepath.Base(file) == "cgroup.freeze" {
		return "0"
	}
	return "THAWED"
}

func haltedText(i *shmq.Info, p *shmq.Participant, now time.Time) string {
	is, has := State(p), "holds"
	if !p.HeldSince.IsZero() {
		has = "has held"
	}
	switch {
	case p.Holds != nil && p.Holds.Claims > 0:
		return fmt.Sprintf("%s is %s in the middle of a record%s; later ones wait for it while it lives", Participant(p), is, ForHowLong(p, now))
	case p.Role == shmq.Consumer && i.Consumers == shmq.Each:
		if i.Skip {
			return ""
		}
		return fmt.Sprintf("%s is %s; producers wait for it once it is a lap behind", Participant(p), is)
	case p.Holds != nil:
		it := "them"
		if p.Holds.Records == 1 {
			it = "it"
		}
		return fmt.Sprintf("%s is %s and %s %s%s; nobody else gets %s while it lives", Participant(p), is, has, heldRecords(p.Holds), ForHowLong(p, now), it)
	case p.Role == shmq.Producer && i.Producers == shmq.One, p.Role == shmq.Consumer && i.Consumers == shmq.One:
		return fmt.Sprintf("%s is %s; nobody else can be the %v while it lives", Participant(p), is, p.Role)
	case !p.HeldSince.IsZero():
		return fmt.Sprintf("%s is %s and has held something%s; nobody else gets that while it lives", Participant(p), is, ForHowLong(p, now))
	}
	return ""
}

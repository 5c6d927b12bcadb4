package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/ring/inspect"
)

// Participant names a participant: consumer 4711 (recv).
func Participant(p *shmq.Participant) string {
	return fmt.Sprintf("%v %d (%s)", p.Role, p.PID, p.Command)
}

// InQueue says what is in a queue: 3 waiting, the oldest for 4m, 1 to be delivered again, 2
// in the hands of receivers, 1 being written.
func InQueue(i *shmq.Info) string {
	text := fmt.Sprintf("%d waiting, %d to be delivered again", i.Records, i.Orphans)
	if !i.OldestSent.IsZero() {
		text += fmt.Sprintf(", the oldest sent %s ago", Age(Ago(i.OldestSent)))
	}
	return text + fmt.Sprintf(", %d being read, %d being written", i.Leased, i.Claimed)
}

// InAll says what has gone through a queue.
func InAll(i *shmq.Info) string {
	text := fmt.Sprintf("%d sent, %d received", i.Sent, i.Received)
	if i.Torn > 0 {
		text += fmt.Sprintf(", %d torn ones dropped", i.Torn)
	}
	return text
}

// Holds says what a participant holds: "2 records, 14 slots". Nothing is "".
func Holds(p *shmq.Participant) string {
	h := p.Holds
	if h == nil {
		if p.Role == shmq.Producer && !p.HeldSince.IsZero() {
			return "a reservation" // a single producer's; its slots are no other's anyway
		}
		return ""
	}
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, Number(n, what))
		}
	}
	add(h.Claims, "claim")
	if h.Takes > 0 || h.Claims == 0 {
		parts = append(parts, heldRecords(h))
	}
	add(int(h.Slots), "slot")
	return strings.Join(parts, ", ")
}

// heldRecords counts records. Of a single consumer's all but the oldest may have been
// acknowledged.
func heldRecords(h *inspect.Holding) string {
	if h.Takes == 0 && h.Records > 1 {
		return "up to " + Number(h.Records, "record")
	}
	return Number(h.Records, "record")
}

// HeldFor says for how long a participant holds something: 3m12s, or "" if that is not
// known.
func HeldFor(p *shmq.Participant, now time.Time) string {
	if p.HeldSince.IsZero() {
		return ""
	}
	return max(now.Sub(p.HeldSince), 0).Truncate(time.Second).String()
}

// ForHowLong is HeldFor with its preposition, or "".
func ForHowLong(p *shmq.Participant, now time.Time) string {
	if d := HeldFor(p, now); d != "" {
		return " for " + d
	}
	return ""
}

// LivingAndDead counts participants.
func LivingAndDead(info *shmq.Info) (living, dead int) {
	for _, p := range info.Participants {
		if p.Alive {
			living++
		} else {
			dead++
		}
	}
	return living, dead
}

// Alive counts the living participants of a role.
func Alive(info *shmq.Info, role shmq.Role) (n int) {
	for i := range info.Participants {
		if p := &info.Participants[i]; p.Alive && p.Role == role {
			n++
		}
	}
	return n
}

// State is how a participant is: dead, frozen, stopped, or "" for one that goes on. A process that
// is both frozen and stopped is frozen first: no SIGCONT has an effect before it is thawed.
func State(p *shmq.Participant) string {
	switch {
	case !p.Alive:
		return "dead"
	case p.Frozen:
		return "frozen"
	case p.Stopped:
		return "stopped"
	}
	return ""
}

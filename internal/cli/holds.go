package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/ring"
)

// who names a participant: consumer 4711 (recv).
func who(p *shmq.Participant) string { return fmt.Sprintf("%v %d (%s)", p.Role, p.PID, p.Command) }

// holdsText says what a participant holds: "2 records, 14 slots". Nothing is "".
func holdsText(p *shmq.Participant) string {
	h := p.Holds
	if h == nil {
		if p.Role == shmq.Producer && !p.HeldSince.IsZero() {
			return "a reservation" // a single producer's; its slots are nobody else's anyway
		}
		return ""
	}
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, number(n, what))
		}
	}
	add(h.Claims, "claim")
	if h.Takes > 0 || h.Claims == 0 {
		parts = append(parts, heldText(h))
	}
	add(int(h.Slots), "slot")
	return strings.Join(parts, ", ")
}

// heldText counts records. Of a single consumer's all but the oldest may have been
// acknowledged.
func heldText(h *ring.Holding) string {
	if h.Takes == 0 && h.Records > 1 {
		return "up to " + number(h.Records, "record")
	}
	return number(h.Records, "record")
}

// number says 1 record, 2 records.
func number(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// heldFor says for how long a participant holds something: 3m12s, or "" if that is not
// known.
func heldFor(p *shmq.Participant, now time.Time) string {
	if p.HeldSince.IsZero() {
		return ""
	}
	return max(now.Sub(p.HeldSince), 0).Truncate(time.Second).String()
}

// forText is heldFor with its preposition, or "".
func forText(p *shmq.Participant, now time.Time) string {
	if d := heldFor(p, now); d != "" {
		return " for " + d
	}
	return ""
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

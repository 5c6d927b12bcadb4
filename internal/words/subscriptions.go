package words

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shmq/shmq"
)

// Subscription names a subscription: durable subscription "audit" of 4711 (shmq-recv).
func Subscription(s *shmq.Subscription) string {
	text := "the subscription"
	if s.Durable {
		text = "durable subscription " + strconv.Quote(s.Name)
	}
	switch {
	case s.Joining && s.Held:
		return "a consumer that is just subscribing"
	case s.Held:
		return text + " of " + strconv.Itoa(s.PID) + " (" + s.Command + ")"
	case s.Durable:
		return text + ", which no process has,"
	case s.PID != 0:
		return text + " of " + strconv.Itoa(s.PID) + " (" + s.Command + "), which is dead,"
	}
	return text + " of a dead consumer"
}

// SubscriptionState is how the holder of a subscription is: kept (durable, and nobody's), dead,
// joining, frozen, stopped, or "" for one that goes on.
func SubscriptionState(s *shmq.Subscription) string {
	switch {
	case !s.Held && s.Durable:
		return "kept"
	case !s.Held:
		return "dead"
	case s.Joining:
		return "joining"
	case s.Frozen:
		return "frozen"
	case s.Stopped:
		return "stopped"
	}
	return ""
}

// Slowest names the subscription that is farthest behind in a column of a table: its name or its
// holder, how it is, and how many slots it is behind; "" where there is none.
func Slowest(i *shmq.Info) string {
	if len(i.Subscriptions) == 0 {
		return ""
	}
	return Whose(&i.Subscriptions[0]) + ": " + Number(int(i.Subscriptions[0].Lag), "slot")
}

// Whose names a subscription where there is little room: audit, kept; or 4711 (shmq-recv), stopped.
func Whose(s *shmq.Subscription) string {
	who := s.Name
	switch {
	case s.Durable:
	case s.PID != 0:
		who = strconv.Itoa(s.PID) + " (" + s.Command + ")"
	default:
		who = "a consumer"
	}
	if state := SubscriptionState(s); state != "" {
		who += ", " + state
	}
	return who
}

// Behind says how far a subscription is behind: 12 records, 340 bytes, 14 slots.
func Behind(s *shmq.Subscription) string {
	slots := Number(int(s.Lag), "slot")
	if s.Records == 0 {
		return slots
	}
	return fmt.Sprintf("%s, %s, %s", Number(s.Records, "record"), Bytes(int64(s.Bytes)), slots)
}

// slowText says behind whom the ring of a queue is full of which each consumer gets every record.
func slowText(i *shmq.Info) string {
	s := &i.Subscriptions[0]
	line := fmt.Sprintf("%s is the slowest, %s behind; the ring is full behind it, at position %d", Subscription(s), Behind(s), s.Position)
	if i.ProducersAsleep && Alive(i, shmq.Producer) > 0 {
		line += "; producers wait for room"
	}
	return line + remedy(i, s)
}

// HeldUp says behind which subscription the ring is full, and what to do about it; "" if it is
// full behind none.
func HeldUp(i *shmq.Info) string {
	if !i.Full || len(i.Subscriptions) == 0 {
		return ""
	}
	s := &i.Subscriptions[0]
	state := ""
	if st := SubscriptionState(s); st == "stopped" || st == "frozen" {
		state = ", which is " + st + ","
	}
	return fmt.Sprintf("%s%s is %s behind%s", Subscription(s), state, Behind(s), remedy(i, s))
}

func remedy(i *shmq.Info, s *shmq.Subscription) string {
	switch SubscriptionState(s) {
	case "kept":
		return fmt.Sprintf("; go on with it (shmq recv %s --subscription %s), or end it (shmq unsubscribe %[1]s %[2]s)", i.Name, shellWord(s.Name))
	case "dead":
		return "; the next participant or `shmq recover " + i.Name + "` ends it"
	case "stopped":
		return fmt.Sprintf("; continue it (kill -CONT %d), or end it", s.PID)
	}
	return ""
}

// shellWord returns a name as a shell takes it for one word.
func shellWord(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:@%+/") == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// subscriptionWarnings says what is in the way where each consumer gets every record, the
// subscription that holds the ring up first.
func subscriptionWarnings(i *shmq.Info) (lines []string) {
	for n := range i.Subscriptions {
		s := &i.Subscriptions[n]
		switch {
		case n == 0 && i.Full:
			lines = append(lines, slowText(i))
		case SubscriptionState(s) == "kept" && !i.Skip && s.Lag >= uint64(i.Slots)/2:
			lines = append(lines, fmt.Sprintf("%s is %s behind, and producers will wait for it%s", Subscription(s), Behind(s), remedy(i, s)))
		}
		if i.Skip && s.Lag > uint64(i.Slots) {
			lines = append(lines, fmt.Sprintf("%s is lapped: it is %s behind, of which the ring has %d; it will be told", Subscription(s), Number(int(s.Lag), "slot"), i.Slots))
		}
		if s.Lost > 0 {
			lines = append(lines, fmt.Sprintf("%s has lost records in %s, since it began", Subscription(s), Number(int(s.Lost), "slot")))
		}
	}
	return lines
}

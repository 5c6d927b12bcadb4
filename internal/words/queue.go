package words

import (
	"fmt"
	"strings"

	"github.com/shmq/shmq"
)

// QueueState says in a word or two how a queue is, and whether that should be looked at.
func QueueState(i *shmq.Info) (text string, bad bool) {
	counts := map[string]int{}
	for n := range i.Participants {
		counts[State(&i.Participants[n])]++
	}
	var parts []string
	if i.Full {
		parts = append(parts, "full")
	}
	for _, state := range []string{"stopped", "frozen", "dead"} {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	kept := 0
	for n := range i.Subscriptions {
		if s := &i.Subscriptions[n]; s.Lag > 0 && SubscriptionState(s) == "kept" {
			kept++
		}
	}
	if kept > 0 {
		parts = append(parts, fmt.Sprintf("%d kept", kept))
	} else if i.Depth+i.Orphans > 0 && Alive(i, shmq.Consumer) == 0 {
		parts = append(parts, "no consumer")
	}
	if len(parts) > 0 {
		return strings.Join(parts, ", "), true
	}
	if i.Finished {
		return "finished", false
	}
	return "", false
}

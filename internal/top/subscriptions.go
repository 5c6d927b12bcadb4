package top

import (
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/watch"
	"github.com/shmq/shmq/internal/words"
)

// slowest is how many subscriptions are shown: those that are farthest behind.
const slowest = 3

// subscriptionLines shows the slowest subscriptions of a queue of which each consumer gets every
// record.
func subscriptionLines(l *watch.Look, ascii bool) (lines []line) {
	i := l.Info
	if i.Consumers != shmq.Each {
		return nil
	}
	lines = append(lines, line{fmt.Sprintf("each      %d of %d subscriptions, the slowest first", len(i.Subscriptions), i.MaxSubscriptions), plain})
	for n := range i.Subscriptions[:min(len(i.Subscriptions), slowest)] {
		s := &i.Subscriptions[n]
		text := fmt.Sprintf("          %s: %s behind", cells.Clean(words.Whose(s), ascii), words.Behind(s))
		if s.Lost > 0 {
			text += fmt.Sprintf(", %d slots lost", s.Lost)
		}
		style := plain
		if words.SubscriptionState(s) != "" {
			style = warning
		}
		lines = append(lines, line{text, style})
	}
	return lines
}

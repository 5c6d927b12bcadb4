package flags

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Subscribe says how a command subscribes to a queue of which each consumer gets every record.
type Subscribe struct {
	oldest bool
	name   subscriptionName
}

// Add adds the flags to those of a command.
func (s *Subscribe) Add(cmd *cobra.Command) {
	Either(cmd, &s.oldest, "from", [2]string{"newest", "oldest"}, "where each consumer gets every record: begin with what is sent from now on, or with the oldest record that is still there: `newest|oldest`")
	cmd.Flags().Var(&s.name, "subscription", "where each consumer gets every record: go on with the durable subscription of this `name`, or make it; it stays until shmq unsubscribe")
	_ = cmd.RegisterFlagCompletionFunc("subscription", CompleteSubscriptions)
}

// Durable reports whether the subscription stays when the command is gone.
func (s *Subscribe) Durable() bool { return s.name != "" }

// Undo ends the durable subscription of a queue that this command has made since then, and that it can't
// use: producers would wait for it, and nobody has got a record of it. One that was there before stays.
//
// Preconditions: the consumer is closed.
func (s *Subscribe) Undo(name string, since time.Time) error {
	if s.name == "" {
		return nil
	}
	info, err := shmq.Stat(name)
	if err != nil {
		return nil // it is gone with the queue
	}
	for i := range info.Subscriptions {
		if sub := &info.Subscriptions[i]; sub.Name == string(s.name) && !sub.Held && sub.Since.After(since) {
			return info.Unsubscribe(sub.Name)
		}
	}
	return nil
}

// Apply has a consumer subscribe as the flags say. A new queue is then one of which each consumer
// gets every record, unless flags of q say otherwise, and one that exists is refused if it is not:
// what the command was asked for makes sense in no other.
func (s *Subscribe) Apply(name string, q *Queue, o *consumer.Options) {
	if !s.oldest && s.name == "" {
		return
	}
	if s.oldest {
		o.From = consumer.Oldest
	}
	o.Subscription = string(s.name)
	if !q.set.Changed("consumers") {
		o.Create.Consumers = shmq.Each
	}
	admit := o.Admit
	o.Admit = func() error {
		if admit != nil {
			if err := admit(); err != nil {
				return err
			}
		}
		info, err := shmq.Stat(name)
		if err != nil || info.Consumers == shmq.Each { // what is wrong with a queue is told by what attaches to it
			return nil
		}
		return exit.Usage("queue %q exists with --consumers %v, and --subscription and --from are for --consumers each; leave them out, or remove the queue first", name, info.Consumers)
	}
}

// subscriptionName is the name of a durable subscription. An empty one is refused: a script
// whose variable is not set would get a subscription that does not stay.
type subscriptionName string

func (s *subscriptionName) String() string { return string(*s) }

// Set takes a name.
func (s *subscriptionName) Set(name string) error {
	if name == "" {
		return errors.New("it is empty; leave the flag out for a subscription that ends with the command")
	}
	if !ring.ValidName(name) {
		return fmt.Errorf("want 1 to %d bytes that can be printed", layout.SubNameN)
	}
	*s = subscriptionName(name)
	return nil
}

// Type is what help calls a value that the usage has no name for.
func (s *subscriptionName) Type() string { return "name" }

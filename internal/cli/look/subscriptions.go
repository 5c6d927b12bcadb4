package look

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/words"
)

const subscriptionsLong = `List the subscriptions of a queue that was made with --consumers each, the one that is
farthest behind first: where senders wait, they wait for that one. The command only
looks: nobody notices.

  NAME     of a durable one, which stays when its consumer is gone
  PID      of the consumer, or of the last one it had
  STATE    kept: durable, and no process has it; dead: its consumer died, and the next
           participant ends it; stopped, frozen, joining
  RECORDS  that it has not acknowledged, and their BYTES; HANDED of them were handed out
           and come again, flagged, if the consumer dies and another takes it over
  LAG      in slots of the ring
  LOST     slots that were overwritten before it received them (--slow skip)`

// Subscriptions returns the verb that lists the subscriptions of a queue.
func Subscriptions() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "subscriptions NAME",
		SuggestFor:        []string{"subs", "subscribers", "consumers"},
		Short:             "list the subscriptions of a queue, the slowest first",
		Long:              subscriptionsLong,
		Example:           "  shmq subscriptions prices\n  shmq subscriptions prices --json | jq '.[] | select(.lag_records > 1000)'",
		ValidArgsFunction: flags.CompleteNames,
		Args:              flags.OneName,
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := shmq.Stat(args[0])
			if err != nil {
				return err
			}
			if info.Consumers != shmq.Each {
				return exit.Usage("queue %q has no subscriptions: its consumers share the records; make one with --consumers each", args[0])
			}
			if asJSON {
				return report.JSON(os.Stdout, info.Subscriptions)
			}
			return report.Table(os.Stdout, func(w io.Writer) { printSubscriptions(w, info) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects, as stat --json has them")
	return cmd
}

func printSubscriptions(w io.Writer, i *shmq.Info) {
	fmt.Fprintln(w, "NAME\tSEAT\tPID\tCOMMAND\tSTATE\tSINCE\tPOSITION\tLAG\tRECORDS\tBYTES\tHANDED\tLOST")
	for n := range i.Subscriptions {
		s := &i.Subscriptions[n]
		since := "-"
		if !s.Joining {
			since = s.Since.Local().Format(time.DateTime)
		}
		pid := "-"
		if s.PID != 0 {
			pid = strconv.Itoa(s.PID)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", cmp.Or(s.Name, "-"), s.Seat, pid, cmp.Or(s.Command, "-"),
			cmp.Or(words.SubscriptionState(s), "-"), since, s.Position, s.Lag, s.Records, s.Bytes, s.Handed, s.Lost)
	}
}

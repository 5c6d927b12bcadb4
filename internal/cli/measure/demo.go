package measure

import (
	"cmp"
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/demo"
)

// Demo returns the verb that shows a queue at work.
func Demo() *cobra.Command {
	var (
		queue    flags.Queue
		opts     demo.Options
		duration flags.Interval
	)
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "show a queue at work",
		Long:    "Start producers and consumers, each a process of its own, on a new queue; send for a\nfew seconds, account for each record, and leave nothing behind.",
		Example: "  shmq demo\n  shmq demo --duration 10s --senders 4 --receivers 1 --consumers one",
		Args:    flags.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			opts.Queue = queue.Options()
			opts.Duration = duration.Value()
			if seats := cmp.Or(opts.Queue.Seats, shmq.DefaultSeats); opts.Producers > seats || opts.Consumers > seats-opts.Producers {
				return exit.Usage("%d senders and %d receivers have no room in the %d seats of the queue; fewer, or --seats", opts.Producers, opts.Consumers, seats)
			}
			err = demo.Run(cmd.Context(), os.Stdout, opts)
			if errors.Is(err, syscall.EPIPE) {
				return exit.ErrPipe
			}
			return exit.Ended(cmd.Context(), err)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.Var(&duration, "duration", "send for this long (default 3s)")
	flags.Int(set, &opts.Producers, "senders", "", 0, 0, "`number` of processes that send (default 2, or 1 with --producers one)")
	flags.Int(set, &opts.Consumers, "receivers", "", 0, 0, "`number` of processes that receive (default 2, or 1 with --consumers one)")
	queue.Add(cmd)
	return cmd
}

// DemoChild returns the verb that the demo starts its processes with.
func DemoChild() *cobra.Command {
	return &cobra.Command{
		Use:                "demo-child",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return demo.Child(cmd.Context(), args)
		},
	}
}

package cli

import (
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/demo"
)

func demoVerb() *cobra.Command {
	var (
		queue    queueFlags
		opts     demo.Options
		duration duration
	)
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "show a queue at work",
		Long:    "Start producers and consumers, each a process of its own, on a new queue; send for a\nfew seconds, account for each record, and leave nothing behind.",
		Example: "  shmq demo\n  shmq demo --duration 10s --senders 4 --receivers 1 --consumers one",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Queue, err = queue.options(); err != nil {
				return err
			}
			opts.Duration = duration.value()
			err = demo.Run(cmd.Context(), os.Stdout, opts)
			if errors.Is(err, syscall.EPIPE) {
				return errPipe
			}
			return ended(cmd.Context(), err)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.Var(&duration, "duration", "send for this long (default 3s)")
	set.IntVar(&opts.Producers, "senders", 0, "`number` of processes that send (default 2, or 1 with --producers one)")
	set.IntVar(&opts.Consumers, "receivers", 0, "`number` of processes that receive (default 2, or 1 with --consumers one)")
	queue.add(set)
	return cmd
}

// demoChild is what the demo starts its processes with.
func demoChild() *cobra.Command {
	return &cobra.Command{
		Use:                "demo-child",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return demo.Child(cmd.Context(), args)
		},
	}
}

package keep

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
)

// Unsubscribe returns the verb that ends durable subscriptions.
func Unsubscribe() *cobra.Command {
	return &cobra.Command{
		Use:   "unsubscribe NAME SUBSCRIPTION...",
		Short: "end durable subscriptions of a queue",
		Long: `End durable subscriptions of a queue: senders wait for them no longer, and what they
have not acknowledged they do not get. One that a process has stays (exit code 69); one
that there is not gives exit code 66.`,
		Example:           "  shmq unsubscribe prices audit",
		ValidArgsFunction: flags.CompleteNameAndSubscriptions,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := flags.Names(cmd, args); err != nil {
				return err
			}
			if len(args) == 1 {
				return exit.Usage("a SUBSCRIPTION is missing; shmq subscriptions %s lists them", args[0])
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := shmq.Stat(args[0])
			if err != nil {
				return err
			}
			for _, s := range args[1:] {
				err = errors.Join(err, info.Unsubscribe(s))
			}
			return err
		},
	}
}

package keep

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
)

// Remove returns the verb that removes queues.
func Remove() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:               "rm NAME...",
		SuggestFor:        []string{"remove", "delete", "del", "unlink"},
		Short:             "remove queues, with what is in them",
		Long:              "Remove queues, with what is in them. One that is in use stays (exit code 69). A signal\nends the command behind the queue at hand.",
		Example:           "  shmq rm q\n  shmq rm --force q1 q2",
		ValidArgsFunction: flags.CompleteNames,
		Args:              flags.Names,
		RunE: func(cmd *cobra.Command, args []string) error {
			remove := func(name string) error { return shmq.Remove(name) }
			if force {
				remove = shmq.ForceRemove
			}
			var failed error
			for i, name := range args {
				if err := context.Cause(cmd.Context()); err != nil {
					return exit.TellOf(args[i:], err, "%v; not removed", err)
				}
				err := remove(name)
				if failed != nil && err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), exit.Message(cmd.CommandPath(), err))
				} else if err != nil {
					failed = err // Main tells it, and its exit code counts
				}
			}
			return failed
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also when it is in use, damaged or of another version; its participants find that it was removed")
	return cmd
}

package flags

import (
	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
)

// OneName is for verbs that work on one queue.
func OneName(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errNoName
	case 1:
		return nil
	}
	return exit.Usage("unexpected argument %q; one NAME is enough", args[1])
}

// Names is for verbs that work on one queue or more.
func Names(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errNoName
	}
	return nil
}

var errNoName = exit.Usage("the NAME of a queue is missing")

// NameAndFile is for verbs that work on a queue and perhaps a file.
func NameAndFile(cmd *cobra.Command, args []string) error {
	if len(args) > 2 {
		return exit.Usage("unexpected argument %q", args[2])
	}
	return OneName(cmd, args[:min(len(args), 1)])
}

// NoArgs is for verbs that take none.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exit.Usage("unexpected argument %q", args[0])
	}
	return nil
}

// CompleteNames offers the queues that exist to the shell.
func CompleteNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, _ := shmq.List() // nothing to offer where it fails
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// CompleteSubscriptions offers the durable subscriptions of the queue that is named first.
func CompleteSubscriptions(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) > 0 {
		if info, err := shmq.Stat(args[0]); err == nil {
			for i := range info.Subscriptions {
				if s := &info.Subscriptions[i]; s.Durable {
					names = append(names, s.Name)
				}
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// CompleteNameAndSubscriptions offers queues, then the durable subscriptions of the one that was
// chosen.
func CompleteNameAndSubscriptions(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return CompleteNames(cmd, args, toComplete)
	}
	return CompleteSubscriptions(cmd, args, toComplete)
}

// CompleteFirstName offers queues for the first argument, and nothing for the others.
func CompleteFirstName(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return CompleteNames(cmd, args, toComplete)
}

// CompleteNameAndFile offers queues, then files.
func CompleteNameAndFile(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return CompleteNames(cmd, args, toComplete)
	case 1:
		return nil, cobra.ShellCompDirectiveDefault
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

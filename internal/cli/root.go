package cli

import "github.com/spf13/cobra"

const rootLong = `Queues in shared memory: unrelated processes exchange records by the name of a
queue. A NAME without a slash is a file in /dev/shm, or in the directory SHMQ_DIR;
a NAME with a slash is a path.`

const rootExample = `  shmq recv q &
  seq 1000 | shmq send q --close
  shmq ls
  shmq demo`

// Shmq returns the command that has all verbs.
func Shmq() *cobra.Command {
	root := &cobra.Command{
		Use:     "shmq COMMAND",
		Short:   "message queues in shared memory",
		Long:    rootLong,
		Example: rootExample,
		Version: version(),
		Args:    noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.ErrOrStderr())
			_ = cmd.Help() // if stderr is closed there is nobody to tell
			return usageError{"a COMMAND is missing"}
		},
	}
	root.AddCommand(Send("send"), Recv("recv"), create(), ls(), stat(), topVerb(), rm(), recoverVerb(), demoVerb(), demoChild(), versionVerb())
	return root
}

func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{"there is no command " + args[0]}
	}
	return nil
}

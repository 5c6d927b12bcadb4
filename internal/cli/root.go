package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `Queues in shared memory: unrelated processes exchange records by the name of a
queue. A NAME without a slash is a file in /dev/shm, or in the directory SHMQ_DIR;
a NAME with a slash is a path. fd:N is the queue that descriptor N of the command is;
sysv:KEY and sysv:id:ID are System V segments.`

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
	root.AddCommand(verb(Send("shmq-send")), verb(Recv("shmq-recv")), create(), anon(), ls(), stat(), topVerb(), checkVerb(), recoverVerb(), syncVerb(), peek(), tail(), dumpVerb(), load(), drainVerb(), rm(), gc(), demoVerb(), demoChild(), benchVerb(), benchChild(), versionVerb(), completion(), manVerb())
	root.SetHelpCommand(helpVerb())
	return root
}

// verb makes a verb of shmq out of a program of its own, examples and all.
func verb(program *cobra.Command) *cobra.Command {
	name := strings.TrimPrefix(program.Name(), "shmq-")
	program.Example = strings.ReplaceAll(program.Example, program.Name(), "shmq "+name)
	program.Use = strings.TrimPrefix(program.Use, "shmq-")
	return program
}

// helpVerb is what cobra offers, but with an error for what is no verb.
func helpVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "explain a command",
		Long:    "Explain a command, as --help does behind it.",
		Example: "  shmq help send",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			for _, c := range cmd.Root().Commands() {
				if !c.Hidden && len(args) == 0 {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Sprintf("there is no command %q", strings.Join(args, " "))}
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{"there is no command " + args[0]}
	}
	return nil
}

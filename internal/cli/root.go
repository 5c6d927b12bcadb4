package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/ask"
	"github.com/shmq/shmq/internal/cli/backup"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/keep"
	"github.com/shmq/shmq/internal/cli/look"
	"github.com/shmq/shmq/internal/cli/measure"
	"github.com/shmq/shmq/internal/cli/stream"
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
			_ = cmd.Help() // if stderr is closed no user can be told
			return exit.Usage("a COMMAND is missing")
		},
	}
	root.AddCommand(
		verb(Send("shmq-send")), verb(Recv("shmq-recv")), stream.Drain(), stream.Requeue(),
		ask.Call(), ask.Serve(),
		keep.Create(), keep.Anon(), keep.Remove(), keep.GC(), keep.Recover(), keep.Sync(),
		look.List(), look.Stat(), look.Top(), look.Check(), look.Peek(), look.Tail(),
		backup.Dump(), backup.Load(),
		measure.Demo(), measure.DemoChild(), measure.Bench(), measure.BenchChild(),
		versionVerb(), completion(), manVerb(),
	)
	root.SetHelpCommand(helpVerb())
	return root
}

// Send returns the verb that sends, as a command of that name.
func Send(name string) *cobra.Command { return program(stream.Send(name)) }

// Recv returns the verb that receives, as a command of that name.
func Recv(name string) *cobra.Command { return program(stream.Recv(name)) }

// program gives a command that may be a program of its own a version.
func program(cmd *cobra.Command) *cobra.Command {
	cmd.Version = version()
	return cmd
}

// verb makes a verb of shmq out of a program of its own, examples and all.
func verb(program *cobra.Command) *cobra.Command {
	name := strings.TrimPrefix(program.Name(), "shmq-")
	program.Example = strings.ReplaceAll(program.Example, program.Name(), "shmq "+name)
	program.Use = strings.TrimPrefix(program.Use, "shmq-")
	return program
}

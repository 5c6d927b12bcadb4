package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/ask"
	"github.com/shmq/shmq/internal/cli/backup"
	"github.com/shmq/shmq/internal/cli/connect"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/keep"
	"github.com/shmq/shmq/internal/cli/look"
	"github.com/shmq/shmq/internal/cli/measure"
	"github.com/shmq/shmq/internal/cli/program"
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
		Args:    program.NoVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.ErrOrStderr())
			_ = cmd.Help() // if stderr is closed no user can be told
			return exit.Usage("a COMMAND is missing")
		},
	}
	root.AddCommand(
		verb(Send("shmq-send")), verb(Recv("shmq-recv")), stream.Drain(), stream.Requeue(), stream.Tee(),
		ask.Call(), ask.Serve(),
		keep.Create(), keep.Anon(), keep.Remove(), keep.GC(), keep.Recover(), free(keep.Sync()), keep.Unsubscribe(),
		free(look.List()), free(look.Stat()), free(look.Subscriptions()), look.Top(), free(look.Map()), look.Web(), exporterVerb(), free(look.Check()),
		look.Peek(), look.Tail(),
		backup.Dump(), backup.Load(),
		connect.Conn(),
		measure.Demo(), measure.DemoChild(), measure.Bench(), measure.BenchChild(),
		free(versionVerb()), free(completion()), manVerb(),
	)
	root.SetHelpCommand(helpVerb())
	return program.Of(root)
}

// Send returns the verb that sends, as a command of that name.
func Send(name string) *cobra.Command { return program.Of(stream.Send(name)) }

// Recv returns the verb that receives, as a command of that name.
func Recv(name string) *cobra.Command { return program.Of(stream.Recv(name)) }

// free makes a signal end a verb at once, wherever it is: it holds nothing in a queue.
func free(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return exit.Free(cmd.Context(), func() error { return run(cmd, args) })
	}
	return cmd
}

// verb makes a verb of shmq out of a program of its own, examples and all.
func verb(cmd *cobra.Command) *cobra.Command {
	name := strings.TrimPrefix(cmd.Name(), "shmq-")
	cmd.Example = strings.ReplaceAll(cmd.Example, cmd.Name(), "shmq "+name)
	cmd.Use = strings.TrimPrefix(cmd.Use, "shmq-")
	return cmd
}

// Package command has the verbs of shmq-nats.
package command

import (
	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/program"
)

const rootLong = `A bridge between queues in shared memory and NATS JetStream. It can be killed at any
instruction, as can the server, and each record is on the other side once, and in order.

  shmq-nats push QUEUE --stream S --subject T    out of a queue, into a stream
  shmq-nats pull --stream S --consumer C QUEUE   out of a stream, into a queue

What is promised under which settings, and what is not: docs/bridge.md.`

// Root returns the command.
func Root() *cobra.Command {
	root := &cobra.Command{
		Use:   "shmq-nats COMMAND",
		Short: "a bridge between queues and NATS JetStream",
		Long:  rootLong,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usage("there is no command %q; want push or pull", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.ErrOrStderr())
			_ = cmd.Help() // if stderr is closed no user can be told
			return exit.Usage("a COMMAND is missing: push or pull")
		},
	}
	root.AddCommand(pushVerb(), pullVerb())
	return program.Of(root)
}

const exitCodes = `Exit codes: 0 the end that the flags ask for, 1 other error, 64 usage, 65 a record that
can't pass, not a queue, or its file was cut, 66 no such queue, stream or consumer, or it
was removed or made again, 69 role or seats taken, 71 settings of the stream, the
consumer or the queue that don't give what was asked for, 73 no space for the queue, 74
not known to be on the disk, 76 the stream of the queue was broken off (--strict), 77 no
permission, also on the server, 129 SIGHUP, 130 SIGINT, 143 SIGTERM.`

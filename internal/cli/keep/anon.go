package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/sys"
)

const anonLong = `Run a command with a queue that has no name: no other process can find it, and it is
gone, with its records, when the last process that has it ends.

The queue is descriptor 3 of the command and of all processes that the command starts,
unless they close it. They use it by the name fd:3, which is also in the environment, as
SHMQ_QUEUE. Wherever a command takes a NAME, fd:N is the queue of its descriptor N.

The command takes this process's place, so signals and exit codes are its own. Exit
codes of shmq anon itself: 64 usage, 71 the kernel refuses, 73 no memory for the queue,
126 the command can't be run, 127 it is not found.`

const anonExample = `  shmq anon -- sh -c 'shmq-send fd:3 <in & shmq-recv fd:3 --until-eof >out; wait'
  shmq anon --slots 64 --slot-size 65536 -- make -j8
  shmq anon --fd 9 -- sh -c 'shmq stat "$SHMQ_QUEUE"'`

// Anon returns the verb that runs a command with a queue that has no name.
func Anon() *cobra.Command {
	var queue flags.Queue
	fd := 3
	cmd := &cobra.Command{
		Use:     "anon [flags] [--] COMMAND [ARG...]",
		Short:   "run a command with a queue that has no name",
		Long:    anonLong,
		Example: anonExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usage("the COMMAND is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := reserve(fd); err != nil { // before anything else is opened
				return err
			}
			opts := queue.Options()
			return runAnonymous(cmd.Context(), &opts, fd, args)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.SetInterspersed(false) // the command has flags of its own
	flags.Int(set, &fd, "fd", "", fd, 3, "the descriptor's `number`")
	queue.Add(cmd)
	return cmd
}

// reserve keeps the number of a descriptor from being given to something else.
func reserve(fd int) error {
	err := sys.ReserveDescriptor(fd)
	if errors.Is(err, fs.ErrExist) {
		return exit.BadFlag("fd", fd, fmt.Sprintf("it is open already; choose another, or close it (%d<&-)", fd))
	} else if err != nil {
		return exit.BadFlag("fd", fd, err.Error())
	}
	return nil
}

// runAnonymous makes a queue and becomes the command. It returns only if it can't.
func runAnonymous(ctx context.Context, opts *shmq.Options, fd int, args []string) error {
	path, err := exit.LookPath(args[0])
	if err != nil {
		return err
	}
	f, err := shmq.CreateAnonymous(opts)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Setenv("SHMQ_QUEUE", fmt.Sprintf("fd:%d", fd)); err != nil {
		return err
	}
	signal.Reset() // so that those which were ignored are ignored by the command
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", exit.ErrCantRun, sys.ExecWith(f, fd, path, args, os.Environ()))
}

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/consumer"
)

type recvFlags struct {
	queue    queueFlags
	format   formatFlag
	count    count
	timeout  duration
	nonblock bool
	untilEOF bool
	noCreate bool
	show     bool
}

const recvLong = `Write the records of a queue to standard output, and make the queue if it is absent.

How records are written:
  lines    strings and binary as they are, anything else as JSON, each with a newline
  null     the same, with NUL instead of newline
  json     each as JSON on a line of its own
  msgpack  unchanged, one after another
  raw      strings and binary as they are and joined, any other record's bytes unchanged

A record is taken from the queue only after it has been written: what a closed
pipe or a full disk did not take is there for the next receiver. A record that is
not msgpack stays too; --format raw writes even that.

A receiver that is killed after it has written a record and before it has taken it
leaves it to be written again by another. --show-redelivered tells such records from
new ones: their number is not 0.

The command ends when a sender has marked the end of the stream (--close) and the
queue is drained, or as the flags say. An ended stream stays ended until a sender
attaches again: with a queue that was used before, start the sender first.

Exit codes: 0 end of the stream or count reached, 1 other error, 2 usage, 65 not a
queue or a record that is not msgpack, 66 no such queue, 69 role taken, 75 empty
(--nonblock), 77 no permission, 124 no record for so long (--timeout), 130 SIGINT,
141 nobody reads the output, 143 SIGTERM.`

const recvExample = `  %[1]s q
  %[1]s q --until-eof > copy
  %[1]s q --format json | jq .name
  %[1]s q --count 1 --timeout 5s
  %[1]s q --nonblock
  %[1]s q --show-redelivered | grep -v '^0'`

// Recv returns the verb that receives, as a command of that name.
func Recv(name string) *cobra.Command {
	f := &recvFlags{format: formatFlag{formats[0]}, count: -1}
	cmd := &cobra.Command{
		Use:               name + " NAME",
		Short:             "write the records of a queue to standard output",
		Long:              recvLong,
		Example:           fmt.Sprintf(recvExample, name),
		Version:           version(),
		Args:              oneName,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	addFormat(cmd, &f.format)
	set.VarP(&f.count, "count", "n", "stop after `n` records")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when no record came for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "stop, with exit code 75, when the queue is empty")
	set.BoolVar(&f.untilEOF, "until-eof", false, "stop when the queue is drained and no sender is attached any more, like at the end of a pipe")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	set.BoolVar(&f.show, "show-redelivered", false, "put before each record how often it was delivered before, and a tab; with lines, null and json")
	f.queue.add(set)
	cmd.MarkFlagsMutuallyExclusive("timeout", "nonblock")
	return cmd
}

func (f *recvFlags) run(ctx context.Context, name string) (err error) {
	if f.show && !f.format.text {
		return usageError{fmt.Sprintf("--show-redelivered does not go with --format %s: nothing tells the count from the record", f.format.name)}
	}
	opts, err := f.queue.options()
	if err != nil {
		return err
	}
	if err := f.queue.check(name); err != nil {
		return err
	}
	c, err := consumer.OpenRaw(name, &consumer.Options{NoCreate: f.noCreate, Create: opts, UntilEOF: f.untilEOF})
	if err != nil {
		return err
	}
	// Gives back what was leased and not written.
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := f.queue.check(name); err != nil {
		return err // somebody else made it meanwhile
	}
	out := newOutput()
	ctx, cancel := out.endWithReader(ctx)
	defer cancel(nil)
	d := &drain{
		hold: hold{ctx: ctx, grace: writeGrace}, from: c, to: out, format: f.format.format,
		left: int64(f.count), timeout: f.timeout.value(), nonblock: f.nonblock, show: f.show,
		leases: make([]consumer.Lease, leaseBatch),
	}
	return d.hold.run(d.run)
}

package stream

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/worker"
)

type recvFlags struct {
	queue    flags.Queue
	format   flags.Format
	count    flags.Count
	timeout  flags.Duration
	nonblock bool
	empty    bool
	untilEOF bool
	strict   bool
	noCreate bool

	subscribe flags.Subscribe

	wait  shmq.WaitPolicy
	mlock bool
	show  bool
	label bool
	meta  bool
	exec  worker.Flags
	watch progress.Flags
}

const recvLong = `Write the records of a queue to standard output, and make the queue if it is absent. Of
several queues, those of all: each queue that has records has its turn.

How records are written:
  lines    strings and binary as they are, anything else as JSON, each with a newline
  null     the same, with NUL instead of newline
  json     each as JSON on a line of its own
  msgpack  unchanged, one after another
  raw      strings and binary as they are and joined, any other record's bytes unchanged

A record is acknowledged only after it has been written: records that a closed pipe or
a full disk did not take are there for the next receiver. A record that is not msgpack
stays too; --format raw writes even that.

A receiver that is killed after it has written a record and before it has acknowledged
it leaves the record to be written again by another. --show-redelivered tells such
records from new ones: their number is not 0.

With --format json --with-meta each record is an object: id, which names the record for
good; queue; attempt, 1 for the first delivery; sent_at, in a queue with time stamps;
data, the record itself. Without the flag JSON is the records and nothing else, for
tools that know of no queue.

With several queues --show-queue writes the name of its queue before each record, as it
was given here, and a tab; in JSON as in lines, so that the JSON begins behind the tab.
With --show-redelivered the name comes first. A command learns the name by SHMQ_QUEUE,
and a batch is of one queue. --count, --timeout, --nonblock and --until-empty are about
all queues together; --until-eof ends when the streams of all have ended. A queue that
is removed, cut or, with --strict, broken off is told of on standard error, and the
others go on; when the receiver then ends in order, the exit code is that of the first
such queue. If one can't be opened, none is received from.

With --exec, or with a command after --, nothing is written: the command is run for
each record, which it finds on its standard input, in the same format. It is
acknowledged when the command exits with 0, and tried again when it does not. --exec
takes a line for /bin/sh; words after -- are run as they are, without a shell. With
--batch a command gets several records, one after the other. The environment has
SHMQ_QUEUE, SHMQ_ID (which names the record for good), SHMQ_SENT_AT (empty in a queue
without time stamps), SHMQ_RECORD (1 for the first that this receiver took),
SHMQ_RECORDS (how many), SHMQ_ATTEMPT (1 for its first) and SHMQ_REDELIVERED (0, or how
often the record was handed out before: a receiver may have worked on it). Id, time and
number are those of the first of a batch; --with-meta gives those of each. A command
that can't be run (126, 127) stops the receiver; one that can't be started just now, for
want of processes or memory, is tried until it can. Commands have no terminal. A signal
is passed on to those that run; the records of those that then fail, and all others, are
there for the next receiver. A receiver that is killed leaves its commands running, and
their records come again.

A reader of a pipe takes a block at a time: shmq-recv q | head -2 takes more records
than head shows, and they are gone. To take two records, and no more, say --count 2.

A receiver goes on until the flags or a signal end it. A stream ends when its last
sender leaves; with --until-eof the receiver then ends, when it has received everything.
Either side may start first, again and again: the end of a stream is told to the
receivers that were attached when it came, or, if none was, to the first that comes; a
receiver that comes later waits for the next stream. If a sender was killed, or ended
with an error although it had --close, a line on standard error says so; with --strict
the exit code is 76, also if no sender marked the stream as complete (--close).

In a queue with --consumers each every receiver gets every record that is sent while it
is there, from the newest or, with --from oldest, from the oldest one that is still
there. With --subscription NAME its place is kept when it is gone, and the next receiver
with the same NAME goes on where it was acknowledged; senders wait meanwhile. Where
senders wait for nobody (--slow skip), a receiver that falls behind by a lap says on
standard error how much it lost, and goes on; -v sums that up. Without a queue
these two flags make one with --consumers each.

Exit codes: 0 end of the stream (--until-eof) or count reached, 1 other error, 64
usage, 65 not a queue, its file was cut, or a record that is not msgpack, 66 no such
queue, or it was removed, 69 role or seats taken, 71 the kernel refuses, 73 no space
for the queue, 75 empty (--nonblock), 76 the stream was broken off (--strict), 77 no
permission, 123 a command failed, 124 no record for so long (--timeout), 126 the
command can't be run, 127 it is not found, 129 SIGHUP, 130 SIGINT, 141 nobody reads
the output, 143 SIGTERM.`

const recvExample = `  %[1]s q
  %[1]s q --until-eof > copy
  %[1]s q --until-eof --strict > copy
  %[1]s q --format json | jq .name
  %[1]s q --count 1 --timeout 5s
  %[1]s prices --from oldest
  %[1]s prices --subscription audit >> audit.log
  %[1]s q --until-empty | wc -l
  %[1]s q --show-redelivered | grep -v '^0'
  %[1]s q --exec 'curl -sf --data-binary @- http://localhost:8080/' --jobs 4
  %[1]s q --dead-letter q-failed --exec-timeout 1m -- ./handle --verbose
  %[1]s q --batch 500 --exec 'psql -qc "copy lines from stdin"'
  %[1]s q --jobs 8 --key customer --format json -- ./handle
  %[1]s orders refunds --show-queue
  %[1]s orders refunds --exec 'logger -t "$SHMQ_QUEUE"'`

// Recv returns the verb that receives, as a command of that name.
func Recv(name string) *cobra.Command {
	f := &recvFlags{format: flags.Format{Format: format.All[0]}, count: -1}
	cmd := &cobra.Command{
		Use:               name + " NAME... [flags] [-- COMMAND...]",
		SuggestFor:        []string{"receive", "read", "get", "pop", "consume"},
		Short:             "write the records of a queue to standard output",
		Long:              recvLong,
		Example:           fmt.Sprintf(recvExample, name),
		Args:              f.exec.Args,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath())
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	flags.AddFormat(cmd, &f.format)
	set.VarP(&f.count, "count", "n", "stop after `n` records")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when no record came for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "do not wait: stop when the queue is empty, with exit code 75 if there was no record, or fewer than --count")
	set.BoolVar(&f.empty, "until-empty", false, "stop when the queue is empty")
	set.BoolVar(&f.untilEOF, "until-eof", false, "stop at the end of the stream: all was received and the last sender has left, like at the end of a pipe")
	set.BoolVar(&f.strict, "strict", false, "with --until-eof: exit code 76 unless a sender marked the stream as complete (--close) and none was killed")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	f.subscribe.Add(cmd)
	set.BoolVar(&f.show, "show-redelivered", false, "write before each record how often it was delivered before, and a tab; with lines, null and json")
	set.BoolVar(&f.label, "show-queue", false, "write before each record the name of its queue, and a tab; with lines, null and json")
	set.BoolVar(&f.meta, "with-meta", false, "with --format json: an object for each record, with its id, queue, attempt, time of sending, and data")
	f.exec.Add(cmd)
	f.watch.Add(cmd)
	flags.AddAttach(cmd, &f.wait, &f.mlock)
	f.queue.Add(cmd)
	flags.Exclusive(cmd, "timeout", "nonblock", "until-empty")
	return cmd
}

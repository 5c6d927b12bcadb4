package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
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
	wait     shmq.WaitPolicy
	mlock    bool
	show     bool
	meta     bool
	exec     worker.Flags
	watch    progress.Flags
}

const recvLong = `Write the records of a queue to standard output, and make the queue if it is absent.

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
  %[1]s q --until-empty | wc -l
  %[1]s q --show-redelivered | grep -v '^0'
  %[1]s q --exec 'curl -sf --data-binary @- http://localhost:8080/' --jobs 4
  %[1]s q --dead-letter q-failed --exec-timeout 1m -- ./handle --verbose
  %[1]s q --batch 500 --exec 'psql -qc "copy lines from stdin"'
  %[1]s q --jobs 8 --key customer --format json -- ./handle`

// Recv returns the verb that receives, as a command of that name.
func Recv(name string) *cobra.Command {
	f := &recvFlags{format: flags.Format{Format: format.All[0]}, count: -1}
	cmd := &cobra.Command{
		Use:               name + " NAME [flags] [-- COMMAND...]",
		SuggestFor:        []string{"receive", "read", "get", "pop", "consume"},
		Short:             "write the records of a queue to standard output",
		Long:              recvLong,
		Example:           fmt.Sprintf(recvExample, name),
		Args:              f.exec.Args,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0])
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
	set.BoolVar(&f.show, "show-redelivered", false, "write before each record how often it was delivered before, and a tab; with lines, null and json")
	set.BoolVar(&f.meta, "with-meta", false, "with --format json: an object for each record, with its id, queue, attempt, time of sending, and data")
	f.exec.Add(cmd)
	f.watch.Add(cmd)
	flags.AddAttach(cmd, &f.wait, &f.mlock)
	f.queue.Add(cmd)
	flags.Exclusive(cmd, "timeout", "nonblock", "until-empty")
	return cmd
}

func (f *recvFlags) run(ctx context.Context, command, name string) (err error) {
	if f.show && !f.format.Text {
		return exit.Usage("--show-redelivered does not go with --format %s: nothing tells the count from the record", f.format.Name)
	}
	switch {
	case f.strict && !f.untilEOF:
		return exit.Usage("--strict is about the end of a stream; add --until-eof")
	case f.meta && f.format.Name != "json":
		return exit.Usage("--with-meta goes with --format json only")
	case f.meta && f.show:
		return exit.Usage("--with-meta does not go with --show-redelivered: the object has the attempt")
	}
	opts := f.queue.Options()
	if err := f.exec.Check(name); err != nil {
		return err
	}
	if err := exit.LostOutput(name); err != nil && !f.exec.Given() { // a command may have no output
		return err
	}
	tty := &progress.Console{Command: command}
	co := &consumer.Options{NoCreate: f.noCreate, Create: opts, Admit: func() error { return f.queue.Check(name) }, UntilEOF: f.untilEOF, Strict: f.strict, Wait: f.wait, Lock: f.mlock}
	if f.watch.Verbose {
		co.Logger = tty.Logger()
	}
	c, err := consumer.OpenRaw(name, co)
	if err != nil {
		return err
	}
	// Gives back what was leased and not written.
	defer func() { err = errors.Join(err, c.Close()) }()
	out := pump.NewOutput()
	ctx, cancel := out.EndWithReader(ctx)
	defer cancel(nil)
	w := &progress.Watch{Console: tty, Flags: f.watch, Queue: name, Did: "received", Count: c.Counters, Data: os.Stdout}
	take := pump.Take{Count: int64(f.count), Timeout: f.timeout.Value(), Nonblock: f.nonblock, UntilEmpty: f.empty}
	if f.exec.Given() {
		return f.runCommands(ctx, w, c, take)
	}
	r := &pump.Receiver{Hold: pump.Hold{Ctx: ctx, Grace: pump.WriteGrace}, From: c, To: out, Format: f.format.Format, Take: take, Show: f.show, Meta: f.meta, Over: f.over(name, w)}
	w.Waits = func() string {
		if r.Hold.Away() {
			return "waiting for the output"
		}
		return "waiting for records"
	}
	w.Begin()
	defer w.Finish()
	return r.Run()
}

// over returns the function that makes an end like others of a stream that was broken off,
// with a line that says so, unless that has to be an error.
func (f *recvFlags) over(name string, w *progress.Watch) func(error) error {
	return func(err error) error {
		switch {
		case !errors.Is(err, shmq.ErrBrokenOff):
			return err
		case f.strict:
			return exit.Tell(name, err, "%s", exit.Reason(err))
		}
		w.Line("queue %q: %s", name, exit.Reason(err))
		return io.EOF
	}
}

// runCommands receives by running a command for each record.
func (f *recvFlags) runCommands(ctx context.Context, w *progress.Watch, c *consumer.Raw, take pump.Take) (err error) {
	o := f.exec.Options()
	o.Format, o.Meta, o.Take, o.Note, o.Verbose, o.Over = f.format.Format, f.meta, take, w.Line, f.watch.Verbose, f.over(c.Name(), w)
	commands, err := worker.New(ctx, c, o)
	if err != nil {
		return err
	}
	w.Waits = func() string {
		if n := commands.Running(); n > 0 {
			return fmt.Sprintf("running %d", n)
		}
		return "waiting for records"
	}
	w.Begin()
	defer w.Finish()
	return commands.Run()
}

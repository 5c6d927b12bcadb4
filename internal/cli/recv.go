package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

type recvFlags struct {
	queue    queueFlags
	format   formatFlag
	count    count
	timeout  duration
	nonblock bool
	untilEOF bool
	strict   bool
	noCreate bool
	wait     shmq.WaitPolicy
	mlock    bool
	show     bool
	exec     execFlags
	watch    watchFlags
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

With --exec, or with a command after --, nothing is written: the command is run for
each record, which it finds on its standard input, in the same format. It is
acknowledged when the command exits with 0, and tried again when it does not. --exec
takes a line for /bin/sh; words after -- are run as they are, without a shell. The
environment has SHMQ_QUEUE, SHMQ_RECORD (1 for the first that this receiver took),
SHMQ_ATTEMPT (1 for its first) and SHMQ_REDELIVERED (0, or how often the record was
handed out before: it may have been worked on). A command that can't be run (126, 127)
stops the receiver. A signal is passed on to the commands that run; those that then
fail, and all others, are there for the next receiver. A receiver that is killed leaves
its commands running, and their records come again.

A receiver goes on until the flags or a signal end it. A stream ends when its last
sender leaves; with --until-eof the receiver then ends, when all that was sent is
received. Either side may start first, again and again: the end of a stream is told to
the receivers that were there when it came, or, if none was, to the first that comes; who
comes later waits for the next stream. If a sender was killed, or ended with an error
although it had --close, a line on standard error says so; with --strict the exit code is
76, also if no sender marked the stream as complete (--close).

Exit codes: 0 end of the stream (--until-eof) or count reached, 1 other error, 2 usage,
65 not a queue, its file was cut, or a record that is not msgpack, 66 no such queue, or
it was removed, 69 role or seats taken, 71 the kernel refuses, 73 no space for the queue,
75 empty (--nonblock), 76 the stream was broken off (--strict), 77 no permission, 123 a
command failed, 124 no record for so long (--timeout), 126 the command can't be run, 127
it is not found, 129 SIGHUP, 130 SIGINT, 141 nobody reads the output, 143 SIGTERM.`

const recvExample = `  %[1]s q
  %[1]s q --until-eof > copy
  %[1]s q --until-eof --strict > copy
  %[1]s q --format json | jq .name
  %[1]s q --count 1 --timeout 5s
  %[1]s q --nonblock
  %[1]s q --show-redelivered | grep -v '^0'
  %[1]s q --exec 'curl -sf --data-binary @- http://localhost:8080/' --jobs 4
  %[1]s q --dead-letter q-failed -- ./handle --verbose`

// Recv returns the verb that receives, as a command of that name.
func Recv(name string) *cobra.Command {
	f := &recvFlags{format: formatFlag{formats[0]}, count: -1}
	cmd := &cobra.Command{
		Use:               name + " NAME [flags] [-- COMMAND...]",
		Short:             "write the records of a queue to standard output",
		Long:              recvLong,
		Example:           fmt.Sprintf(recvExample, name),
		Version:           version(),
		Args:              f.exec.args,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	addFormat(cmd, &f.format)
	set.VarP(&f.count, "count", "n", "stop after `n` records")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when no record came for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "stop, with exit code 75, when the queue is empty")
	set.BoolVar(&f.untilEOF, "until-eof", false, "stop at the end of the stream: all was received and the last sender has left, like at the end of a pipe")
	set.BoolVar(&f.strict, "strict", false, "with --until-eof: exit code 76 unless a sender marked the stream as complete (--close) and none was killed")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	set.BoolVar(&f.show, "show-redelivered", false, "put before each record how often it was delivered before, and a tab; with lines, null and json")
	f.exec.add(cmd)
	f.watch.add(cmd)
	addWait(set, &f.wait)
	addMlock(set, &f.mlock)
	f.queue.add(set)
	cmd.MarkFlagsMutuallyExclusive("timeout", "nonblock")
	return cmd
}

func (f *recvFlags) run(ctx context.Context, command, name string) (err error) {
	if f.show && !f.format.text {
		return usageError{fmt.Sprintf("--show-redelivered does not go with --format %s: nothing tells the count from the record", f.format.name)}
	}
	if f.strict && !f.untilEOF {
		return usageError{"--strict is about the end of a stream; add --until-eof"}
	}
	opts, err := f.queue.options()
	if err != nil {
		return err
	}
	if err := f.exec.check(name); err != nil {
		return err
	}
	tty := &console{command: command}
	co := &consumer.Options{NoCreate: f.noCreate, Create: opts, Admit: func() error { return f.queue.check(name) }, UntilEOF: f.untilEOF, Strict: f.strict, Wait: f.wait, Lock: f.mlock}
	if f.watch.verbose {
		co.Logger = tty.logger()
	}
	c, err := consumer.OpenRaw(name, co)
	if err != nil {
		return err
	}
	// Gives back what was leased and not written.
	defer func() { err = errors.Join(err, c.Close()) }()
	out := newOutput()
	ctx, cancel := out.endWithReader(ctx)
	defer cancel(nil)
	w := &watch{console: tty, flags: f.watch, queue: name, did: "received", count: c.Counters, data: os.Stdout}
	if f.exec.command != nil {
		return f.runCommands(ctx, w, c)
	}
	d := &drain{
		hold: hold{ctx: ctx, grace: writeGrace}, from: c, to: out, format: f.format.format,
		left: int64(f.count), timeout: f.timeout.value(), nonblock: f.nonblock, show: f.show,
		leases: make([]consumer.Lease, leaseBatch), over: f.over(name, w),
	}
	w.waits = func() string {
		if d.hold.away.Load() {
			return "waiting for the output"
		}
		return "waiting for records"
	}
	w.begin()
	defer w.finish()
	return d.hold.run(d.run)
}

// over returns what makes of a stream that was broken off an end like others, and a line
// that says so, unless that has to be an error.
func (f *recvFlags) over(name string, w *watch) func(error) error {
	return func(err error) error {
		switch {
		case !errors.Is(err, shmq.ErrBrokenOff):
			return err
		case f.strict:
			return tell(name, err, "%s", reason(err))
		}
		w.line("queue %q: %s", name, reason(err))
		return io.EOF
	}
}

// runCommands receives by running a command for each record.
func (f *recvFlags) runCommands(ctx context.Context, w *watch, c *consumer.Raw) (err error) {
	dead, err := f.exec.openDead(c.Name())
	if err != nil {
		return err
	}
	if dead != nil {
		defer func() { err = errors.Join(err, dead.Close()) }()
	}
	r := &crew{
		ctx: ctx, from: c, format: f.format.format, command: f.exec.command, jobs: f.exec.jobs, retries: f.exec.retries,
		drop: f.exec.drop(), dead: dead, note: w.line, verbose: f.watch.verbose,
		left: int64(f.count), timeout: f.timeout.value(), nonblock: f.nonblock, over: f.over(c.Name(), w),
	}
	w.waits = func() string {
		if n := r.running.Load(); n > 0 {
			return fmt.Sprintf("running %d", n)
		}
		return "waiting for records"
	}
	w.begin()
	defer w.finish()
	return r.run()
}

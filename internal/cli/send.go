package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

type sendFlags struct {
	queue    queueFlags
	format   formatFlag
	count    count
	rate     rate
	batch    int
	timeout  duration
	nonblock bool
	finish   bool
	noCreate bool
	wait     shmq.WaitPolicy
	mlock    bool
	sync     shmq.Durability
	watch    watchFlags
}

const sendLong = `Send standard input to a queue, which is made if it is absent.

How the input is cut into records:
  lines    each line a string, or binary where it is not UTF-8
  null     the same, with NUL instead of newline
  json     a stream of JSON values, each a record; integers of 64 bits are exact
  msgpack  a stream of msgpack values, each a record, unchanged
  raw      binary records of up to a slot each; to be joined again by raw

The last line needs no newline to be a record, and gets one when it is received.
A record waits for room while the queue is full. Input that has arrived is sent
before more is waited for.

A stream ends when its last sender leaves; receivers with --until-eof then end, too. The
next sender begins the next stream. With --close the stream is marked as complete when
all was sent; a sender with --close that ends for another reason, or any that is killed,
breaks it off, and receivers are told.

With --sync what is sent is on the disk after each step (each), or at the latest when
so many records are not (100), or so long after it was sent (10ms), or what comes
first (100,10ms). That is for queues on a disk; one that is made gets checksums.

Exit codes: 0 all was sent, 1 other error, 2 usage, 65 bad input, not a queue, or its
file was cut, 66 no such queue, or it was removed, 69 role or seats taken, 71 the kernel
refuses, 73 no space for the queue, 74 sent, but not known to be on the disk, 75 full
(--nonblock), 77 no permission, 124 no room for so long (--timeout), 129 SIGHUP, 130
SIGINT, 143 SIGTERM.`

const sendExample = `  seq 1000 | %[1]s q --close
  %[1]s q --format json < events.jsonl
  %[1]s q --format raw < video.mp4
  yes | %[1]s q --rate 100 --count 1000
  make 2>&1 | %[1]s q --timeout 2s
  %[1]s /var/lib/app/q --sync each < orders`

// Send returns the verb that sends, as a command of that name.
func Send(name string) *cobra.Command {
	f := &sendFlags{format: formatFlag{formats[0]}, count: -1}
	cmd := &cobra.Command{
		Use:               name + " NAME",
		Short:             "send standard input to a queue",
		Long:              sendLong,
		Example:           fmt.Sprintf(sendExample, name),
		Version:           version(),
		Args:              oneName,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0], cmd.InOrStdin())
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	addFormat(cmd, &f.format)
	set.VarP(&f.count, "count", "n", "stop after `n` records")
	set.Var(&f.rate, "rate", "send no more than `r` records per second, evenly")
	set.IntVar(&f.batch, "batch", 256, "put up to `n` records into the queue in one step")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when there was no room for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "give up, with exit code 75, when the queue is full")
	set.BoolVar(&f.finish, "close", false, "mark the stream as complete when all was sent: receivers with --until-eof --strict take no other for that")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	set.TextVar(&f.sync, "sync", shmq.Durability{}, "when what was sent has to be on the disk: `each|N|DURATION`")
	f.watch.add(cmd)
	addWait(set, &f.wait)
	addMlock(set, &f.mlock)
	f.queue.add(set)
	cmd.MarkFlagsMutuallyExclusive("timeout", "nonblock")
	return cmd
}

func (f *sendFlags) run(ctx context.Context, command, name string, stdin io.Reader) (err error) {
	if f.batch < 1 {
		return usageError{fmt.Sprintf("invalid argument \"%d\" for \"--batch\" flag: want at least 1", f.batch)}
	}
	opts, err := f.queue.options()
	if err != nil {
		return err
	}
	tty := &console{command: command}
	po := &producer.Options{NoCreate: f.noCreate, Create: opts, Wait: f.wait, Lock: f.mlock, Durability: f.sync, Admit: func() error { return f.queue.check(name) }}
	if f.watch.verbose {
		po.Logger = tty.logger()
	}
	p, err := producer.OpenRaw(name, po)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		switch {
		case done:
		case f.finish: // its end was promised, and does not come
			err = errors.Join(err, p.Abandon())
		default:
			err = errors.Join(err, p.Close())
		}
	}()
	out := &outbox{
		ctx: ctx, to: p, pace: pace{rate: float64(f.rate)},
		maxRecord: p.MaxRecord(), slotSize: p.SlotSize(), batch: f.batch, left: int64(f.count),
		timeout: f.timeout.value(), nonblock: f.nonblock,
	}
	h := &hold{ctx: ctx}
	w := &watch{console: tty, flags: f.watch, queue: name, did: "sent", count: p.Counters, waits: func() string { return f.waits(h) }, data: os.Stdin}
	w.begin()
	defer w.finish()
	if err := h.run(func() error { return f.pump(h, stdin, out) }); err != nil {
		return interrupted(out, err)
	}
	done = true
	if f.finish {
		return p.Finish()
	}
	return p.Close()
}

// waits says what a sender waits for that sends nothing.
func (f *sendFlags) waits(h *hold) string {
	switch {
	case h.away.Load():
		return "waiting for input"
	case f.rate > 0:
		return "waiting" // for its time, or for room
	}
	return "waiting for room"
}

// pump sends the input to its end.
func (f *sendFlags) pump(h *hold, stdin io.Reader, out *outbox) error {
	if f.count == 0 {
		return nil
	}
	err := f.format.send(&input{h, stdin, out}, out)
	if err == nil {
		err = out.flush()
	}
	if err == errCount {
		return nil
	}
	return err
}

// addFormat adds the flag that chooses the format.
func addFormat(cmd *cobra.Command, f *formatFlag) {
	cmd.Flags().VarP(f, "format", "f", "how data and records correspond: "+strings.Join(formatNames(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
}

// interrupted adds to a signal how far the input got: more of it may have been read.
func interrupted(out *outbox, err error) error {
	if errors.As(err, new(signalError)) {
		return tell(out.to.Name(), err, "%v; records sent: %d", err, out.sent)
	}
	return err
}

// input is stdin: before a read, which may block, all that was read is sent.
type input struct {
	hold *hold
	src  io.Reader
	out  *outbox
}

func (in *input) Read(b []byte) (n int, err error) {
	if err := in.out.flush(); err != nil {
		return 0, err
	}
	in.hold.outside(func() { n, err = in.src.Read(b) })
	if err != nil && err != io.EOF {
		err = tell(in.out.to.Name(), err, "%v; records sent: %d", err, in.out.sent)
	}
	return n, err
}

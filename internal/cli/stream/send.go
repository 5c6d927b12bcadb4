package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/producer"
)

type sendFlags struct {
	queue    flags.Queue
	format   flags.Format
	count    flags.Count
	rate     flags.Rate
	batch    int
	timeout  flags.Duration
	nonblock bool
	finish   bool
	noCreate bool
	wait     shmq.WaitPolicy
	mlock    bool
	sync     producer.Durability
	watch    progress.Flags
	inputs   []string
}

const sendLong = `Send standard input, files or words to a queue, which is made if it is absent.

How the input is cut into records:
  lines    each line a string, or binary where it is not UTF-8
  null     the same, with NUL instead of newline
  json     a stream of JSON values, each a record; integers of 64 bits are exact
  msgpack  a stream of msgpack values, each a record, unchanged
  raw      binary records of up to a slot each; to be joined again by raw

Words behind the NAME are sent instead of standard input: with lines and null each word
is a record, with json the values in it, with raw its bytes.

The last line needs no newline to be a record, and gets one when it is received.
A record waits for room while the queue is full. Input that has arrived is sent
before the sender waits for more.

A stream ends when its last sender leaves; receivers with --until-eof then end, too. The
next sender begins the next stream. With --close the stream is marked as complete when
all was sent; a sender with --close that ends for another reason, or any that is killed,
breaks it off, and receivers are told.

With --sync records are on the disk after each step (each), or at the latest when so
many of them are not (100), or so long after they were sent (10ms), or whichever comes
first (100,10ms). That is for queues on a disk; one that is made gets checksums. Where
the disk refuses, a line on standard error says so at once, and sending goes on: the
records are delivered, and each later sync tries them all again.

An error ends the command with what of the input was sent: "records sent: 17".

Exit codes: 0 all was sent, 1 other error, 64 usage, 65 bad input, not a queue, or its
file was cut, 66 no such queue, or it was removed, 69 role or seats taken, 71 the kernel
refuses, 73 no space for the queue, 74 all was sent, but is not known to be on the disk,
75 full (--nonblock), 77 no permission, 124 no room for so long (--timeout), 129 SIGHUP,
130 SIGINT, 143 SIGTERM.`

const sendExample = `  seq 1000 | %[1]s q --close
  %[1]s q "a record" "and another"
  %[1]s q --format json < events.jsonl
  %[1]s q --format raw < video.mp4
  yes | %[1]s q --rate 100 --count 1000
  make 2>&1 | %[1]s q --timeout 2s
  %[1]s /var/lib/app/q --sync each < orders`

// Send returns the verb that sends, as a command of that name.
func Send(name string) *cobra.Command {
	f := &sendFlags{format: flags.Format{Format: format.All[0]}, count: -1}
	cmd := &cobra.Command{
		Use:               name + " NAME [WORD...]",
		SuggestFor:        []string{"put", "write", "push", "produce", "publish"},
		Short:             "send standard input, files or words to a queue",
		Long:              sendLong,
		Example:           fmt.Sprintf(sendExample, name),
		Args:              f.args,
		ValidArgsFunction: flags.CompleteFirstName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0], args[1:])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	flags.AddFormat(cmd, &f.format)
	set.StringArrayVarP(&f.inputs, "input", "i", nil, "send this `FILE` instead of standard input, which is -; several are sent in turn")
	set.VarP(&f.count, "count", "n", "stop after `n` records")
	set.Var(&f.rate, "rate", "send no more than `r` records per second, evenly")
	flags.Int(set, &f.batch, "batch", "", pump.BatchSize, 1, "put up to `n` records into the queue in one step")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when there was no room for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "give up, with exit code 75, when the queue is full")
	set.BoolVar(&f.finish, "close", false, "mark the stream as complete when all was sent: receivers with --until-eof --strict take no other for that")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	flags.Text(cmd, &f.sync, "sync", producer.Durability{}, "when sent records have to be on the disk: `each|N|DURATION`", "each")
	f.watch.Add(cmd)
	flags.AddAttach(cmd, &f.wait, &f.mlock)
	f.queue.Add(cmd)
	flags.Exclusive(cmd, "timeout", "nonblock")
	return cmd
}

// args wants a NAME. Words behind it are records.
func (f *sendFlags) args(cmd *cobra.Command, args []string) error {
	if err := flags.Names(cmd, args); err != nil || len(args) == 1 {
		return err
	}
	if len(f.inputs) > 0 {
		return exit.Usage("there are words to send, and --input; one is enough")
	}
	if f.format.Word == nil {
		return exit.Usage("words can't be --format %s; send them as lines or json, or use standard input", f.format.Name)
	}
	return nil
}

// open opens what is to be sent. Nothing is sent if one of several files is not there.
func (f *sendFlags) open() (ins []io.Reader, closeAll func(), err error) {
	var files []*os.File
	closeAll = func() {
		for _, file := range files {
			file.Close() // it was open for reading only
		}
	}
	for _, path := range f.inputs {
		if path == "-" {
			ins = append(ins, os.Stdin)
			continue
		}
		file, err := openInput(path)
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("%w: %v", exit.ErrInput, err) // its reason would give a code about queues
		}
		files, ins = append(files, file), append(ins, file)
	}
	if len(ins) == 0 {
		ins = append(ins, os.Stdin)
	}
	return ins, closeAll, nil
}

// openInput opens a file that can be read: a directory is opened too, and refuses later.
func openInput(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (f *sendFlags) run(ctx context.Context, command, name string, words []string) (err error) {
	ins, closeAll := []io.Reader(nil), func() {}
	// The writer of a FIFO may not come.
	if err := exit.Free(ctx, func() (err error) { ins, closeAll, err = f.open(); return err }); err != nil {
		return err
	}
	defer closeAll()
	opts := f.queue.Options()
	tty := &progress.Console{Command: command}
	po := &producer.Options{NoCreate: f.noCreate, Create: opts, Wait: f.wait, Lock: f.mlock, Durability: f.sync, Admit: func() error { return f.queue.Check(name) }}
	if f.watch.Verbose {
		po.Logger = tty.Logger()
	}
	p, err := producer.OpenRaw(name, po)
	if err != nil {
		return pump.Unopened(name, err)
	}
	done := false
	defer func() {
		switch {
		case done:
		case f.finish: // its end was promised, and does not come
			err = exit.Then(err, p.Abandon())
		default:
			err = exit.Then(err, p.Close())
		}
	}()
	h := &pump.Hold{Ctx: ctx}
	out := pump.NewOutbox(h, p, pump.SendOptions{
		Batch: f.batch, Rate: float64(f.rate), Count: int64(f.count), Timeout: f.timeout.Value(), Nonblock: f.nonblock,
		Unsynced: func(err error) { tty.Line("queue %q: %s; sending goes on", name, exit.Reason(err)) },
	})
	out.Warn = func(text string) { tty.Line("queue %q: %s", name, text) }
	w := &progress.Watch{Console: tty, Flags: f.watch, Queue: name, Did: "sent", Count: p.Counters, Waits: func() string { return f.waits(h) }, Data: os.Stdin}
	w.Begin()
	defer w.Finish()
	if err := h.Run(func() error { return f.pump(out, words, ins) }); err != nil {
		return out.Ended(err)
	}
	done = true
	if f.finish {
		return p.Finish()
	}
	return p.Close()
}

func (f *sendFlags) pump(out *pump.Outbox, words []string, ins []io.Reader) error {
	if len(words) > 0 {
		return out.PumpWords(words, f.format.Format)
	}
	return out.Pump(ins, f.format.Format)
}

// waits says what a sender waits for that sends nothing.
func (f *sendFlags) waits(h *pump.Hold) string {
	switch {
	case h.Away():
		return "waiting for input"
	case f.rate > 0:
		return "waiting" // for its time, or for room
	}
	return "waiting for room"
}

package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/cli/worker"
	"github.com/shmq/shmq/internal/intake"
)

// check finds flags that contradict each other.
func (f *recvFlags) check() error {
	switch {
	case f.show && !f.format.Text:
		return exit.Usage("--show-redelivered does not go with --format %s: nothing tells the count from the record", f.format.Name)
	case f.label && !f.format.Text:
		return exit.Usage("--show-queue does not go with --format %s: nothing tells the name from the record", f.format.Name)
	case f.label && f.exec.Given():
		return exit.Usage("--show-queue is for the output; a command has the name in SHMQ_QUEUE")
	case f.show && f.exec.Given():
		return exit.Usage("--show-redelivered is for the output; a command has the number in SHMQ_REDELIVERED")
	case f.strict && !f.untilEOF:
		return exit.Usage("--strict is about the end of a stream; add --until-eof")
	case f.meta && f.format.Name != "json":
		return exit.Usage("--with-meta goes with --format json only")
	case f.meta && f.show:
		return exit.Usage("--with-meta does not go with --show-redelivered: the object has the attempt")
	case f.meta && f.label:
		return exit.Usage("--with-meta does not go with --show-queue: the object has the queue")
	}
	return f.sameTwice()
}

// sameTwice refuses a queue that is named twice: the second consumer would take from the first.
func (f *recvFlags) sameTwice() error {
	seen := map[string]bool{}
	for _, name := range f.exec.Names() {
		path, err := shmq.Path(name)
		if err != nil {
			return err
		}
		if seen[path] {
			return exit.Usage("queue %q is named twice; once is enough", name)
		}
		seen[path] = true
	}
	return nil
}

func (f *recvFlags) run(ctx context.Context, command string) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	names := f.exec.Names()
	if err := f.exec.Check(); err != nil {
		return err
	}
	if err := exit.LostOutput(names[0]); err != nil && !f.exec.Given() { // a command may have no output
		return err
	}
	tty := &progress.Console{Command: command}
	var all []*consumer.Raw
	begun, receives := time.Now(), false
	// Gives back what was leased and not written.
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.Close())
			if !receives {
				err = errors.Join(err, f.subscribe.Undo(c.Name(), begun))
			}
		}
	}()
	for _, name := range names {
		c, err := f.open(name, tty)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	w := f.newWatch(tty, all)
	from, err := intake.New(all...)
	if err != nil {
		return err
	}
	from.Over, from.Lost = f.over(w), func(_ *consumer.Raw, err error) {
		w.Line("%s; the others go on", strings.TrimPrefix(err.Error(), "shmq: "))
	}
	lag := &lagging{line: w.Line}
	from.Lagged = lag.tell
	defer lag.last()
	out := pump.NewOutput()
	ctx, cancel := out.EndWithReader(ctx)
	defer cancel(nil)
	take := pump.Take{Count: int64(f.count), Timeout: f.timeout.Value(), Nonblock: f.nonblock, UntilEmpty: f.empty}
	if f.exec.Given() {
		err = f.runCommands(ctx, w, from, take, &receives)
	} else {
		receives = true
		err = f.write(ctx, w, from, out, take)
	}
	if err == nil {
		err = from.Err()
	}
	return err
}

func (f *recvFlags) open(name string, tty *progress.Console) (*consumer.Raw, error) {
	co := &consumer.Options{NoCreate: f.noCreate, Create: f.queue.Options(), Admit: func() error { return f.queue.Check(name) }, UntilEOF: f.untilEOF, Strict: f.strict, Wait: f.wait, Lock: f.mlock}
	f.subscribe.Apply(name, &f.queue, co)
	if f.watch.Verbose {
		co.Logger = tty.Logger()
	}
	return consumer.OpenRaw(name, co)
}

// newWatch returns what shows how the receiver gets on.
func (f *recvFlags) newWatch(tty *progress.Console, all []*consumer.Raw) *progress.Watch {
	w := &progress.Watch{Console: tty, Flags: f.watch, Queue: all[0].Name(), Did: "received", Count: all[0].Counters, Lost: all[0].Lost, Data: os.Stdout}
	if len(all) == 1 {
		return w
	}
	for _, c := range all {
		w.Each = append(w.Each, progress.Counted{Queue: c.Name(), Count: c.Counters, Lost: c.Lost})
	}
	w.Lost = func() (sum uint64) {
		for _, c := range all {
			sum += c.Lost()
		}
		return sum
	}
	w.Count = func() (sum shmq.Counters) {
		for _, c := range all {
			one := c.Counters()
			sum.Records += one.Records
			sum.Bytes += one.Bytes
		}
		return sum
	}
	return w
}

// write receives by writing to standard output.
func (f *recvFlags) write(ctx context.Context, w *progress.Watch, from *intake.Intake, out *pump.Output, take pump.Take) error {
	r := &pump.Receiver{Hold: pump.Hold{Ctx: ctx, Grace: pump.WriteGrace}, From: from, To: out, Format: f.format.Format, Take: take, Queue: f.label, Show: f.show, Meta: f.meta}
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
func (f *recvFlags) over(w *progress.Watch) func(*consumer.Raw, error) error {
	return func(from *consumer.Raw, err error) error {
		switch {
		case !errors.Is(err, shmq.ErrBrokenOff):
			return err
		case f.strict:
			return exit.Tell(from.Name(), err, "%s", exit.Reason(err))
		}
		w.Line("queue %q: %s", from.Name(), exit.Reason(err))
		return io.EOF
	}
}

// runCommands receives by running a command for each record, and sets *receives when it begins.
func (f *recvFlags) runCommands(ctx context.Context, w *progress.Watch, from *intake.Intake, take pump.Take, receives *bool) error {
	o := f.exec.Options()
	o.Passes = f.passes
	o.Format, o.Meta, o.Take, o.Note, o.Verbose = f.format.Format, f.meta, take, w.Line, f.watch.Verbose
	commands, err := worker.New(ctx, from, o)
	if err != nil {
		return err
	}
	w.Waits = func() string {
		if n := commands.Running(); n > 0 {
			return fmt.Sprintf("running %d", n)
		}
		return "waiting for records"
	}
	*receives = true
	w.Begin()
	defer w.Finish()
	return commands.Run()
}

// passes reports whether what a receiver leaves in a queue comes to no other one: each consumer gets
// every record, and the subscription does not stay.
func (f *recvFlags) passes(name string) bool {
	if f.subscribe.Durable() {
		return false
	}
	info, err := shmq.Stat(name)
	return err == nil && info.Consumers == shmq.Each
}

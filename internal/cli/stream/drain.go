// Package stream holds the verbs that move records: send, recv and drain.
package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/words"
)

const drainLong = `Take the records out of a queue and drop them, and print how many they were. Dropped
records are gone; shmq dump --take keeps them.

The command ends as soon as it finds the queue empty. With senders at work that may be
early or late: stop them first, or use --until-eof, which ends it when the last one has
left. To drop records for ever, run: shmq recv NAME > /dev/null.

Records that a living receiver holds stay with it, and are counted in the output. A
queue with a single receiver can't be drained while that one is attached (exit code 69).`

const drainExample = `  shmq drain q
  shmq drain q -n 1
  shmq drain q --until-eof --json`

type drainFlags struct {
	count    flags.Count
	untilEOF bool
	json     bool
}

// Drain returns the verb that drops records.
func Drain() *cobra.Command {
	f := &drainFlags{count: -1}
	cmd := &cobra.Command{
		Use:               "drain NAME",
		SuggestFor:        []string{"clear", "empty", "purge", "flush"},
		Short:             "take the records out and drop them",
		Long:              drainLong,
		Example:           drainExample,
		Args:              flags.OneName,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args[0], cmd.ErrOrStderr())
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.VarP(&f.count, "count", "n", "drop the `n` oldest records only")
	set.BoolVar(&f.untilEOF, "until-eof", false, "go on until the queue is empty and no sender is attached any more")
	set.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// drained is what the verb prints.
type drained struct {
	Name    string        `json:"name"`
	Dropped int64         `json:"dropped"`
	Bytes   int64         `json:"bytes"`
	Leased  int           `json:"leased"` // still in the hands of others
	Holders []shmq.Holder `json:"holders"`
}

// notEach refuses a queue of which each consumer gets every record: none can be taken out of it for
// the others. A queue that can't be described is another's business.
func notEach(name, verb string) error {
	if info, err := shmq.Stat(name); err == nil && info.Consumers == shmq.Each {
		return exit.Usage("queue %q: each consumer gets every record, so %s can take none out for the others", name, verb)
	}
	return nil
}

func (f *drainFlags) run(ctx context.Context, name string, errs io.Writer) (err error) {
	if err := notEach(name, "drain"); err != nil {
		return err
	}
	c, err := consumer.OpenRaw(name, &consumer.Options{NoCreate: true, UntilEOF: f.untilEOF})
	if err != nil {
		return err
	}
	d := &drained{Name: name, Holders: []shmq.Holder{}}
	err = f.drop(ctx, c, d)
	if errors.Is(err, shmq.ErrBrokenOff) {
		fmt.Fprintf(errs, "shmq drain: queue %q: %s\n", name, exit.Reason(err))
		err = nil
	}
	err = errors.Join(err, c.Close())
	if err == nil {
		err = d.holders()
	}
	if err != nil && !errors.As(err, new(exit.Signal)) {
		return exit.Tell(name, err, "%s; records dropped: %d", exit.Reason(err), d.Dropped)
	}
	return cmp.Or(err, exit.Print(ctx, func() error {
		if f.json {
			return report.JSON(os.Stdout, d)
		}
		return d.print(os.Stdout)
	}))
}

// drop drops records until there is none, or as many as were asked for are gone.
func (f *drainFlags) drop(ctx context.Context, c *consumer.Raw, d *drained) error {
	ls := make([]consumer.Lease, pump.BatchSize)
	for left := int64(f.count); left != 0; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		part := ls
		if left > 0 {
			part = ls[:min(left, pump.BatchSize)]
		}
		var n int
		var err error
		if f.untilEOF {
			n, err = c.LeaseBatch(ctx, part)
		} else {
			n, err = c.TryLeaseBatch(part)
		}
		for i := range part[:n] {
			d.Dropped++
			d.Bytes += int64(len(part[i].Bytes()))
			part[i].Ack()
		}
		if err == io.EOF || errors.Is(err, shmq.ErrEmpty) {
			return nil
		}
		if pump.AtEnd(err) {
			return err
		}
		if err != nil {
			return exit.Ended(ctx, err)
		}
		if left > 0 {
			left -= int64(n)
		}
	}
	return nil
}

// holders finds the participants whose records could not be dropped.
func (d *drained) holders() (err error) {
	v, err := shmq.View(d.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	end := v.Rewind()
	rec := shmq.Record{}
	for {
		err := v.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.State != shmq.Leased {
			continue
		}
		d.Leased++
		if h := v.Holder(&rec); h != nil && !slices.Contains(d.Holders, *h) {
			d.Holders = append(d.Holders, *h)
		}
	}
}

func (d *drained) print(out io.Writer) error {
	s := fmt.Sprintf("%s dropped, %s\n", words.Records(uint64(d.Dropped)), words.Bytes(d.Bytes))
	if d.Leased > 0 {
		var names []string
		for _, h := range d.Holders {
			names = append(names, fmt.Sprintf("pid %d (%s)", h.PID, h.Command))
		}
		s += fmt.Sprintf("%s left in the hands of %s\n", words.Records(uint64(d.Leased)), strings.Join(names, ", "))
	}
	_, err := io.WriteString(out, s)
	return exit.Output(err)
}

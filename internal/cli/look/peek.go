package look

import (
	"bytes"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/pump"
)

const peekLong = `Show the records of a queue without taking them, the oldest first. The
command only looks: participants do not notice, and nothing changes.

Without --format or --json there is a line for each record:
  POSITION  of its first slot, counted since the queue was made
  STATE     waiting; leased to a receiver that has not acknowledged it yet;
            orphaned, to be delivered again; writing, not sent yet
  SIZE      in bytes, encoded as it lies there
  AGAIN     how often it was delivered again
  AGE       since it was sent, in a queue with time stamps
  HOLDER    the process that receives or writes it
  DATA      its beginning; --format or --json give all

With --json each record is an object, with its id, which names it for good, and the time
at which it was sent.

In a queue with --consumers each a record is there until it is overwritten, and waiting,
whoever has received it; shmq subscriptions tells how far each consumer is.

Records that are taken during the look are left out, never shown in part. With --format
only the contents of the records are written, as shmq-recv would write them.`

const peekExample = `  shmq peek q
  shmq peek q -n 1 --format json | jq
  shmq peek q --json | jq 'select(.state == "leased") | .holder.pid'
  shmq peek q --from 4711 --format raw > records`

type peekFlags struct {
	format flags.Format
	count  flags.Count
	from   flags.Position
	json   bool
}

// Peek returns the verb that shows records.
func Peek() *cobra.Command {
	f := &peekFlags{count: -1}
	cmd := &cobra.Command{
		Use:               "peek NAME",
		SuggestFor:        []string{"cat", "view"},
		Short:             "show records without taking them",
		Long:              peekLong,
		Example:           peekExample,
		Args:              flags.OneName,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.VarP(&f.count, "count", "n", "show the `n` oldest records only")
	set.Var(&f.from, "from", "show records at this `position` or after it")
	flags.AddFormat(cmd, &f.format)
	set.BoolVar(&f.json, "json", false, "print an object for each record on a line of its own")
	flags.Exclusive(cmd, "format", "json")
	return cmd
}

func (f *peekFlags) run(ctx context.Context, name string) (err error) {
	v, err := shmq.View(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	out := pump.NewOutput()
	l := &printer{hold: pump.Hold{Ctx: ctx}, view: v, name: name, to: out, left: int64(f.count)}
	switch {
	case f.json:
		l.put = l.asJSON
	case f.format.Put != nil:
		l.put, l.whole = dataOnly(f.format.Format), true
	default:
		l.put = l.asRow
		var b bytes.Buffer
		peekHeading(&b)
		l.page.Buf = b.Bytes()
	}
	return l.hold.Run(func() error { return l.peek(uint64(f.from)) })
}

// peek shows what is in the queue now.
func (p *printer) peek(from uint64) error {
	end := p.view.Rewind()
	rec := shmq.Record{}
	for p.left != 0 {
		err := p.view.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			break
		}
		if err == nil && rec.Position >= from && !(p.whole && rec.State == shmq.Writing) {
			err = p.add(&rec)
		}
		if err != nil {
			return errors.Join(err, p.flush())
		}
		if err := context.Cause(p.hold.Ctx); err != nil {
			return err
		}
	}
	return p.flush()
}

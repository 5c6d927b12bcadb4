package cli

import (
	"bytes"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
)

const peekLong = `Show the records of a queue without taking them, the oldest first. It only looks:
nobody notices, and nothing changes.

Without --format or --json there is a line for each record:
  POSITION  of its first slot, counted since the queue was made
  STATE     waiting; leased to a receiver that has not acknowledged it yet;
            orphaned, to be delivered again; writing, not sent yet
  SIZE      in bytes, encoded as it lies there
  AGAIN     how often it was delivered again
  HOLDER    the process that receives or writes it
  DATA      its beginning; --format or --json give all

Records that are taken while it looks are left out, never shown in part. With
--format only what the records hold is written, as shmq-recv would write it.`

const peekExample = `  shmq peek q
  shmq peek q -n 1 --format json | jq
  shmq peek q --json | jq 'select(.state == "leased") | .holder.pid'
  shmq peek q --from 4711 --format raw > records`

type peekFlags struct {
	format formatFlag
	count  count
	from   uint64
	json   bool
}

func peek() *cobra.Command {
	f := &peekFlags{count: -1}
	cmd := &cobra.Command{
		Use:               "peek NAME",
		Short:             "show records without taking them",
		Long:              peekLong,
		Example:           peekExample,
		Args:              oneName,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.VarP(&f.count, "count", "n", "show the `n` oldest records only")
	set.Uint64Var(&f.from, "from", 0, "show records at this `position` or after it")
	addFormat(cmd, &f.format)
	set.BoolVar(&f.json, "json", false, "print an object for each record on a line of its own")
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	return cmd
}

func (f *peekFlags) run(ctx context.Context, name string) (err error) {
	v, err := shmq.View(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	l := &look{hold: hold{ctx: ctx}, view: v, name: name, to: newOutput(), left: int64(f.count)}
	switch {
	case f.json:
		l.print = l.asJSON
	case f.format.recv != nil:
		l.print = dataOnly(f.format.format)
	default:
		l.print = l.asRow
		var b bytes.Buffer
		peekHeading(&b)
		l.page.buf = b.Bytes()
	}
	return l.hold.run(func() error { return l.peek(f.from) })
}

// peek shows what is in the queue now.
func (l *look) peek(from uint64) error {
	end := l.view.Rewind()
	rec := shmq.Record{}
	for l.left != 0 {
		err := l.view.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			break
		}
		if err == nil && rec.Position >= from {
			err = l.add(&rec)
		}
		if err != nil {
			return errors.Join(err, l.flush())
		}
		if err := context.Cause(l.hold.ctx); err != nil {
			return err
		}
	}
	return l.flush()
}

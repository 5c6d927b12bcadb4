package look

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/pump"
)

const tailLong = `Write the last records of a queue and those that follow, without taking them.

The command looks again and again, up to a thousand times a second while records come
and ten times while none do. It has no seat, sleeps on nothing that a sender would have
to wake, and rests four times as long as it looks, so participants do not feel it.
The price: a record that is received between two looks is not seen. Standard error says
so at the first such record, and at the end how many there may have been. To get every
record, receive them.

It ends when a sender has marked the end of the stream and the rest is written, when the
queue is removed (exit code 66), or by a signal.`

const tailExample = `  shmq tail q
  shmq tail q -n 0 --format json | jq .name
  shmq tail q --json | jq -c '[.position, .state]'
  shmq tail q --count 100 > sample`

const (
	// tailLeast and tailMost bound the pause between two looks.
	tailLeast = time.Millisecond
	tailMost  = 100 * time.Millisecond
	// tailRest is how many times as long as a look the pause is at least.
	tailRest = 4
)

type tailFlags struct {
	format   flags.Format
	last     flags.Count
	count    flags.Count
	untilEOF bool
	json     bool
}

// Tail returns the verb that follows a queue.
func Tail() *cobra.Command {
	f := &tailFlags{format: flags.Format{Format: format.All[0]}, last: 10, count: -1}
	cmd := &cobra.Command{
		Use:               "tail NAME",
		SuggestFor:        []string{"follow", "watch"},
		Short:             "follow a queue without taking records",
		Long:              tailLong,
		Example:           tailExample,
		Args:              flags.OneName,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.VarP(&f.last, "last", "n", "begin with the last `n` records that are in the queue")
	flags.AddFormat(cmd, &f.format)
	set.BoolVar(&f.json, "json", false, "print an object for each record on a line of its own, as peek does")
	set.Var(&f.count, "count", "stop after `n` records")
	set.BoolVar(&f.untilEOF, "until-eof", false, "stop when no sender is attached any more, whether or not the end was marked")
	flags.Exclusive(cmd, "format", "json")
	return cmd
}

func (f *tailFlags) run(cmd *cobra.Command, name string) (err error) {
	v, err := shmq.View(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	out := pump.NewOutput()
	ctx, cancel := out.EndWithReader(cmd.Context())
	defer cancel(nil)
	t := &follower{
		printer:  printer{hold: pump.Hold{Ctx: ctx}, view: v, name: name, to: out, left: int64(f.count), put: dataOnly(f.format.Format)},
		untilEOF: f.untilEOF, told: cmd.ErrOrStderr(), command: cmd.CommandPath(),
	}
	if f.json {
		t.put = t.asJSON
	}
	err = t.hold.Run(func() error {
		if err := t.begin(uint64(f.last)); err != nil {
			return err
		}
		return t.follow()
	})
	if n := t.missed(); n > 0 {
		t.tell("%d records passed unseen, or fewer if some took several slots", n)
	}
	return err
}

// follower is a look that goes on.
type follower struct {
	printer
	untilEOF bool
	passed   uint64 // slots that the viewer had passed when following began
	warned   bool
	told     io.Writer
	command  string
}

func (t *follower) missed() uint64 { return t.view.Missed() - t.passed }

func (t *follower) tell(format string, args ...any) {
	fmt.Fprintf(t.told, "%s: queue %q: %s\n", t.command, t.name, fmt.Sprintf(format, args...))
}

// begin goes to the last n records there are.
func (t *follower) begin(n uint64) error {
	end := t.view.Rewind()
	var last []uint64 // positions; once they are n, record i stands at i mod n
	seen := uint64(0)
	rec := shmq.Record{}
	for {
		err := t.view.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			break
		}
		if err != nil {
			return err
		}
		if rec.State == shmq.Writing || n == 0 {
			continue
		}
		if uint64(len(last)) < n {
			last = append(last, rec.Position)
		} else {
			last[seen%n] = rec.Position
		}
		seen++
	}
	if len(last) > 0 {
		t.view.Seek(last[seen%uint64(len(last))])
	}
	t.passed = t.view.Missed()
	return nil
}

// follow shows records until the stream ends or as many were shown as asked for.
func (t *follower) follow() error {
	pause := tailLeast
	ended := false
	for t.left != 0 {
		start := time.Now()
		more, err := t.show()
		if err != nil {
			return err
		}
		if !more && ended {
			if t.view.Removed() {
				return exit.Tell(t.name, fs.ErrNotExist, "it was removed")
			}
			return nil
		}
		if pause = min(2*pause, tailMost); more {
			pause = tailLeast
		} else if ended, err = t.view.Ended(t.untilEOF); err != nil {
			return err
		}
		if ended {
			continue // records sent until then are still to be shown
		}
		rest := time.NewTimer(max(pause, tailRest*time.Since(start)))
		select {
		case <-rest.C:
		case <-t.hold.Ctx.Done():
			rest.Stop()
			return context.Cause(t.hold.Ctx)
		}
	}
	return nil
}

// show writes the records that are there, a page at most, and reports if there was any.
func (t *follower) show() (more bool, err error) {
	rec := shmq.Record{}
	before := t.view.Position()
	for printed := 0; t.left != 0 && printed < pump.PageBytes; printed += len(rec.Data) + 1 {
		if err = t.view.Next(&rec); err != nil {
			break
		}
		if rec.State == shmq.Writing {
			if h := t.view.Holder(&rec); h == nil || h.Alive {
				t.view.Seek(rec.Position) // until it is sent, or given up
				break
			}
			continue
		}
		if err = t.add(&rec); err != nil {
			break
		}
	}
	if t.missed() > 0 && !t.warned {
		t.warned = true
		t.tell("records are received faster than this can look; some are not shown")
	}
	if errors.Is(err, shmq.ErrEmpty) {
		err = nil
	}
	return t.view.Position() != before, errors.Join(err, t.flush())
}

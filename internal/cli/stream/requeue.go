package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/words"
	"github.com/shmq/shmq/worker/deadletter"
)

const requeueLong = `Put the records of dead letters back: each, byte for byte as it was, to the queue that
it came from, or to the one that --to names. NAME is a queue of dead letters, such as
shmq-recv --dead-letter makes. --dry-run shows what there is, and why it failed.

Letters that are in the queue when the command begins are looked at, the oldest first.
--from, --reason and --exit-code choose among them; --count ends the command after so
many. What is not chosen stays, as do letters whose queue is not there any more (66),
records that it is too small for, and records that are no dead letters (65).

A letter is acknowledged after its record was sent. A command that is killed in between
leaves the letter, and the record is put back twice if it is run again. Letters that had
been handed out before are counted, for that reason; but they may have been looked at
only.

A queue with --consumers each gets records back only where --to names it, since all its
consumers get them then, and not only the one that failed.

What was put back is printed at the end, also if an error or a signal was the end.

To the queue the records are new: they count as never delivered, and their attempts
begin anew. A record waits for room while the queue is full.`

const requeueExample = `  shmq requeue jobs-failed --dry-run
  shmq requeue jobs-failed
  shmq requeue jobs-failed -n 1 --to jobs-test
  shmq requeue jobs-failed --reason 'timed out'`

type requeueFlags struct {
	to       string
	from     string
	reason   string
	exitCode flags.Count
	count    flags.Count
	timeout  flags.Interval
	dryRun   bool
	json     bool

	single bool // the queue is for one consumer
}

// Requeue returns the verb that puts the records of dead letters back.
func Requeue() *cobra.Command {
	f := &requeueFlags{exitCode: -1, count: -1}
	cmd := &cobra.Command{
		Use:               "requeue NAME",
		Short:             "put the records of dead letters back",
		Long:              requeueLong,
		Example:           requeueExample,
		Args:              flags.OneName,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	flags.Given(set, &f.to, "to", "put them into this `queue`")
	set.VarP(&f.count, "count", "n", "put `n` records back only")
	flags.Given(set, &f.from, "from", "only those that came from the queue of this `name`")
	flags.Given(set, &f.reason, "reason", "only those whose reason contains this `text`")
	set.Var(&f.exitCode, "exit-code", "only those whose command ended with this `code`")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when there was no room for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.dryRun, "dry-run", false, "change nothing; print the letters")
	set.BoolVar(&f.json, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("to", flags.CompleteNames)
	return cmd
}

// requeued is what the verb prints.
type requeued struct {
	Name     string         `json:"name"`
	DryRun   bool           `json:"dry_run"`
	Requeued int64          `json:"requeued"` // in a dry run: that would be
	To       map[string]int `json:"to"`
	Left     int64          `json:"left"`   // that were not chosen, or could not be put back
	Before   int64          `json:"before"` // of those put back, handed out before
}

func (f *requeueFlags) run(ctx context.Context, name string) error {
	if err := notEach(name, "requeue"); err != nil {
		return err
	}
	info, err := shmq.Stat(name)
	if err != nil {
		return err
	}
	f.single = info.Consumers == shmq.One
	if f.single && (f.from != "" || f.reason != "" || f.exitCode >= 0) {
		return exit.Usage("queue %q is for one consumer, which can't pass over letters: leave out --from, --reason and --exit-code", name)
	}
	d := &requeued{Name: name, DryRun: f.dryRun, To: map[string]int{}}
	err = f.move(ctx, name, d)
	// Also with an error: most letters may have been put back, and some twice.
	unprinted := exit.Print(ctx, func() error {
		if f.json {
			return report.JSON(os.Stdout, d)
		}
		return d.print(os.Stdout)
	})
	if err == nil || errors.As(err, new(exit.Signal)) || errors.Is(err, exit.ErrPipe) {
		return cmp.Or(err, unprinted)
	}
	text := strings.TrimPrefix(exit.OneLine(err.Error()), "shmq: ")
	if !f.dryRun {
		text += fmt.Sprintf("; records put back: %d", d.Requeued)
	}
	return exit.Tell(name, err, "%s", text)
}

func (f *requeueFlags) move(ctx context.Context, name string, d *requeued) (err error) {
	n, hold := int64(0), &pump.Hold{Ctx: ctx}
	err = hold.Run(func() error { n, err = f.there(hold, name, d); return err })
	if err != nil || f.dryRun {
		return err
	}
	d.Left = n
	c, err := consumer.OpenRaw(name, &consumer.Options{NoCreate: true})
	if err != nil {
		return err
	}
	m := &mover{ctx: ctx, flags: f, from: c, done: d, to: map[string]*target{}, single: f.single}
	return exit.Then(exit.Then(m.run(n), m.close()), c.Close())
}

// there returns how many records are in the queue and no consumer's. In a dry run it prints
// those that are chosen.
func (f *requeueFlags) there(hold *pump.Hold, name string, d *requeued) (n int64, err error) {
	v, err := shmq.View(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	end := v.Rewind()
	rec := shmq.Record{}
	var bad error
	for {
		err := v.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			return n, bad
		}
		if err != nil {
			return 0, err
		}
		if err := context.Cause(hold.Ctx); err != nil {
			return 0, err
		}
		if rec.State != shmq.Waiting && rec.State != shmq.Orphaned {
			continue
		}
		if n++; !f.dryRun {
			continue
		}
		l, err := deadletter.Parse(rec.Data)
		switch {
		case err != nil:
			d.Left++
			bad = cmp.Or(bad, notLetter(len(rec.Data), err))
		case !f.chosen(l) || d.Requeued == int64(f.count):
			d.Left++
		default:
			text := d.add(l, rec.Redelivered, f)
			hold.Outside(func() { _, err = io.WriteString(os.Stdout, text) })
			if err != nil {
				return 0, exit.Output(err)
			}
		}
	}
}

// chosen reports whether the flags choose a letter.
func (f *requeueFlags) chosen(l *deadletter.Letter) bool {
	return (f.from == "" || l.Queue == f.from) && strings.Contains(l.Reason, f.reason) &&
		(f.exitCode < 0 || l.HasExitCode && l.ExitCode == int(f.exitCode))
}

// target returns the queue that a letter's record goes to: by its name, where that means
// the same file as it did to the worker, or else by its path.
func (f *requeueFlags) target(l *deadletter.Letter) string {
	if f.to != "" {
		return f.to
	}
	if path, err := shmq.Path(l.Queue); l.Path == "" || err == nil && path == l.Path {
		return l.Queue
	}
	return l.Path
}

// add counts a letter and returns what is printed of it; any process may have written its texts.
func (d *requeued) add(l *deadletter.Letter, redelivered int, f *requeueFlags) string {
	d.Requeued++
	d.To[f.target(l)]++
	if redelivered > 0 {
		d.Before++
	}
	if f.json {
		return ""
	}
	times := words.Number(l.Attempts, "attempt")
	if l.Redelivered > 0 {
		times += fmt.Sprintf(", delivered %d times before", l.Redelivered)
	}
	return fmt.Sprintf("%s  to %q: %q (%s, %d bytes)\n", l.LastTime.UTC().Format(time.DateTime), f.target(l), l.Reason, times, len(l.Record))
}

func (d *requeued) print(out io.Writer) error {
	did := "put back"
	if d.DryRun {
		did = "to be put back"
	}
	s := fmt.Sprintf("%s %s", words.Records(uint64(d.Requeued)), did)
	for i, name := range slices.Sorted(maps.Keys(d.To)) {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		s += fmt.Sprintf("%s%d to %q", sep, d.To[name], name)
	}
	if d.Left > 0 {
		s += fmt.Sprintf("; %d left", d.Left)
	}
	if d.Before > 0 {
		s += fmt.Sprintf("; %d had been handed out before, and may be there twice", d.Before)
	}
	_, err := fmt.Fprintln(out, s)
	return exit.Output(err)
}

func notLetter(size int, err error) error {
	return fmt.Errorf("%w: a record of %d bytes is %w, and was left there", exit.ErrData, size, err)
}

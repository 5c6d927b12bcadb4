package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/rpc"
)

const gcLong = `Remove the queues in /dev/shm, or in the directory SHMQ_DIR, to which nobody is
attached and in which nothing is left. Those with records stay unless --with-records
is given. In a queue with --consumers each, those are the records that a receiver with
--from oldest would still get.

A queue with a durable subscription stays, whatever is in it; shmq unsubscribe ends
those that nobody needs any more. One that the machine left in pieces stays until it is
rebuilt: shmq recover tells what is in it.

The age of a queue is the time since a participant last attached to it, or since it
was made; the time of leaving is not recorded. A queue that a process attaches to at
this moment is not removed, whatever was seen before. A file that is no queue stays.

The answer queue of a client (NAME.answers-...; see shmq call) goes as soon as that
client is gone, whatever its age and what is in it: nobody can take the answers any
more.

Each queue is printed with what was done and why, when it is done; a signal ends the
command behind the queue at hand. Try --dry-run first.`

const gcExample = `  shmq gc --dry-run
  shmq gc --older-than 7d
  shmq gc --older-than 0 --with-records --json`

type gcFlags struct {
	older       flags.Age
	withRecords bool
	dryRun      bool
	json        bool
}

// GC returns the verb that removes queues without a user.
func GC() *cobra.Command {
	f := &gcFlags{older: flags.Age(time.Hour)}
	cmd := &cobra.Command{
		Use:     "gc",
		Short:   "remove queues without users",
		Long:    gcLong,
		Example: gcExample,
		Args:    flags.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context())
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.BoolVar(&f.dryRun, "dry-run", false, "remove nothing; say what would be removed")
	set.Var(&f.older, "older-than", "keep queues that a participant attached to within this `age` (90s, 30m, 1h30m, 7d)")
	set.BoolVar(&f.withRecords, "with-records", false, "also queues that still hold records")
	set.BoolVar(&f.json, "json", false, "print an object for each queue on a line of its own")
	return cmd
}

// garbage is what gc says of a queue.
type garbage struct {
	Name    string `json:"name"`
	Action  string `json:"action"` // removed, would remove, kept, failed
	Reason  string `json:"reason"`
	Size    int64  `json:"size_bytes"`
	Age     int64  `json:"age_seconds"`
	Records int    `json:"records"`
}

// run prints what is done with each queue when it is done. A signal ends it between two.
func (f *gcFlags) run(ctx context.Context) error {
	entries, err := shmq.List()
	if err != nil {
		return err
	}
	h := &pump.Hold{Ctx: ctx}
	return h.Run(func() (failed error) {
		p := f.printer(h, entries)
		for _, e := range entries {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			g, err := f.collect(e.Name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // gone meanwhile
			}
			if err != nil {
				failed = errors.Join(failed, err)
			}
			if err := p.print(g); err != nil {
				return err
			}
		}
		return errors.Join(failed, p.end())
	})
}

// errKept: a queue stays; the reason is in what was found.
var errKept = errors.New("kept")

// collect removes a queue if it is garbage. The error is one of removing it.
func (f *gcFlags) collect(name string) (garbage, error) {
	g := garbage{Name: name}
	if done, err := f.answers(&g); done || err != nil {
		return g, err
	}
	// Two looks: the first one keeps no process out, during the second none can attach.
	keep, err := f.keep(&g)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return g, err
	case err != nil:
		g.Action, g.Reason = "kept", exit.Reason(err)
		return g, nil
	case keep:
		return g, nil
	case f.dryRun:
		g.Action = "would remove"
		return g, nil
	}
	err = shmq.Remove(name, func() error {
		keep, err := f.keep(&g)
		if err == nil && keep {
			err = errKept
		}
		return err
	})
	switch {
	case err == nil:
		g.Action = "removed"
	case errors.Is(err, fs.ErrNotExist):
		return g, err
	case errors.Is(err, errKept):
	case errors.Is(err, shmq.ErrInUse):
		g.Action, g.Reason = "kept", "a participant has just attached"
	default:
		g.Action, g.Reason = "failed", exit.Reason(err)
		return g, err
	}
	return g, nil
}

// answers removes an answer queue whose client is gone. done is false for any other queue.
func (f *gcFlags) answers(g *garbage) (done bool, err error) {
	requests, ok := rpc.AnswersOf(g.Name)
	if !ok {
		return false, nil
	}
	gone, err := rpc.Abandoned(g.Name)
	if err != nil || !gone {
		return false, nil // what there is to say of any queue
	}
	if _, err := f.keep(g); err != nil {
		return false, nil
	}
	g.Reason = fmt.Sprintf("its client of queue %q is gone", requests)
	if f.dryRun {
		g.Action = "would remove"
		return true, nil
	}
	removed, err := rpc.CollectOne(g.Name)
	switch {
	case err != nil:
		g.Action, g.Reason = "failed", exit.Reason(err)
	case removed:
		g.Action = "removed"
	default: // by another process
		return true, fs.ErrNotExist
	}
	return true, err
}

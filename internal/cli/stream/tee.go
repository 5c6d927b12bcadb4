package stream

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
)

const teeLong = `Take the records of the queue FROM and send each, byte for byte as it is, to every
queue TO. Queues that are absent are made: a TO like FROM, so that each record has room.

A record is acknowledged when every TO has it. A tee that is killed in between leaves
it, and the next one sends it to all again: a TO may have it twice, but none goes
without. At most --batch records can be there twice for each kill; the next tee counts
records that had been handed out before (-v). To a TO the records are new: they count as
never delivered, and a time stamp is that of the tee.

A full TO holds the tee up, and so the others, until there is room. Of one that
--skip-full names the records for which it has no room are left out, which is told on
standard error, and counted. A record that is too large for a TO stays in FROM, and
ends the tee (65). Records for a TO with checksums are on its disk before they are
acknowledged.

A tee goes on until the flags or a signal end it. With --until-eof it ends at the end of
FROM's stream, and the streams of the TOs end as that one did: marked as complete, or
not, or broken off, so that receivers with --until-eof --strict get to know. If it ends
for another reason they are broken off, too. Without the flag FROM's streams may end and
begin, and those of the TOs go on.

FROM may be a queue with --consumers each: tee is then one of its subscribers, and
begins with what is sent from now on, or with --from oldest. A tee that may be killed
needs a durable subscription, --subscription NAME: the next tee with that NAME goes on
with what was not acknowledged, and senders wait meanwhile. Where senders wait for
nobody (--slow skip), a tee that falls behind by a lap says on standard error how much
it lost.

Several tees may share the work if FROM allows many consumers; then the order of records
is that of no queue any more.

Exit codes: 0 end of the stream (--until-eof) or count reached, 1 other error, 64
usage, 65 not a queue, its file was cut, or a record that is too large, 66 no such
queue, or it was removed, 69 role or seats taken, 71 the kernel refuses, 73 no space
for the queue, 74 not known to be on the disk, 75 empty (--nonblock), 76 the stream
was broken off (--strict), 77 no permission, 124 no record for so long (--timeout),
129 SIGHUP, 130 SIGINT, 143 SIGTERM.`

const teeExample = `  shmq tee orders billing audit
  shmq tee events archive live --skip-full live
  shmq tee orders billing audit --until-eof --strict
  shmq tee jobs jobs-copy --count 100 -v
  shmq tee prices prices-eu prices-us --subscription regions`

type teeFlags struct {
	queue    flags.Queue
	skip     []string
	count    flags.Count
	batch    int
	timeout  flags.Duration
	nonblock bool
	empty    bool
	untilEOF bool
	strict   bool
	noCreate bool

	subscribe flags.Subscribe

	wait  shmq.WaitPolicy
	mlock bool
	watch progress.Flags

	ownMode bool // the mode of a new queue was given
}

// Tee returns the verb that sends the records of a queue to several.
func Tee() *cobra.Command {
	f := &teeFlags{count: -1}
	cmd := &cobra.Command{
		Use:               "tee FROM TO...",
		SuggestFor:        []string{"fanout", "copy", "duplicate", "split", "broadcast"},
		Short:             "send each record of a queue to several",
		Long:              teeLong,
		Example:           teeExample,
		Args:              f.args,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.ownMode = cmd.Flags().Changed("mode")
			return f.run(cmd.Context(), cmd.CommandPath(), args[0], args[1:])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringArrayVar(&f.skip, "skip-full", nil, "while this `TO` is full, leave records out there instead of waiting; may be given for several")
	set.VarP(&f.count, "count", "n", "stop after `n` records")
	flags.Int(set, &f.batch, "batch", "", pump.BatchSize, 1, "take up to `n` records in one step")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when no record came for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "do not wait for records: stop when FROM is empty, with exit code 75 if there was no record, or fewer than --count")
	set.BoolVar(&f.empty, "until-empty", false, "stop when FROM is empty")
	set.BoolVar(&f.untilEOF, "until-eof", false, "stop at the end of FROM's stream, and end those of the TOs as it ended")
	set.BoolVar(&f.strict, "strict", false, "with --until-eof: exit code 76 unless a sender marked the stream as complete (--close) and none was killed")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when one of the queues is absent")
	f.subscribe.Add(cmd)
	f.watch.Add(cmd)
	flags.AddAttach(cmd, &f.wait, &f.mlock)
	f.queue.Add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("skip-full", flags.CompleteNames)
	flags.Exclusive(cmd, "timeout", "nonblock", "until-empty")
	return cmd
}

// args wants a FROM and at least one TO, each queue once.
func (f *teeFlags) args(cmd *cobra.Command, args []string) error {
	if err := flags.Names(cmd, args); err != nil {
		return err
	}
	if len(args) == 1 {
		return exit.Usage("the NAME of a queue to send to is missing")
	}
	seen := map[string]string{}
	for i, name := range args {
		path, err := shmq.Path(name)
		if err != nil {
			return err
		}
		switch before, twice := seen[path]; {
		case twice && before == args[0]:
			return exit.Usage("queue %q is where the records come from; it can't have them back", name)
		case twice:
			return exit.Usage("queue %q is named twice; once is enough", name)
		}
		seen[path] = args[i]
	}
	for _, name := range f.skip {
		if !slices.Contains(args[1:], name) {
			return exit.Usage("--skip-full %s names none of the queues that are sent to", name)
		}
	}
	if f.strict && !f.untilEOF {
		return exit.Usage("--strict is about the end of a stream; add --until-eof")
	}
	return nil
}

func (f *teeFlags) run(ctx context.Context, command, from string, to []string) error {
	t := &tee{ctx: ctx, flags: f, tty: &progress.Console{Command: command}}
	return t.run(from, to)
}

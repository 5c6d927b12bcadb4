package look

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/history"
	"github.com/shmq/shmq/internal/top"
	"github.com/shmq/shmq/internal/words"
)

// recording has the flags of top that are about recordings.
type recording struct {
	record, replay, format string
	every, length          flags.Interval
}

func (r *recording) add(cmd *cobra.Command) {
	r.every.Duration = flags.Duration(time.Second)
	f := cmd.Flags()
	flags.Given(f, &r.record, "record", "append looks to `file`")
	flags.Given(f, &r.replay, "replay", "show the looks of `file`")
	f.Var(&r.every, "every", "with --record: time between two looks, 50ms or more")
	f.Var(&r.length, "for", "with --record: how long; unless given, until it is interrupted")
	flags.Word(cmd, &r.format, "format", "", "with --replay: json for each look as JSON on a line", "json")
	flags.Exclusive(cmd, "record", "replay")
}

// check refuses flags that do not go together.
func (r *recording) check(cmd *cobra.Command, names []string, once bool) error {
	given := cmd.Flags().Changed
	switch {
	case r.record != "" && once:
		return exit.Usage("--record and --once exclude each other")
	case given("record") && (given("interval") || given("no-color")):
		return exit.Usage("--record shows nothing: --interval and --no-color are for a view; the time between two looks is --every")
	case given("replay") && given("interval"):
		return exit.Usage("--interval is for queues that are watched; a recording has its own")
	case given("format") && (once || given("no-color")):
		return exit.Usage("--format json is no view: leave out --once and --no-color")
	case r.record == "" && (given("every") || given("for")):
		return exit.Usage("--every and --for are for --record FILE")
	case r.replay == "" && given("format"):
		return exit.Usage("--format is for --replay FILE")
	case r.every.Value() < minInterval:
		return exit.BadFlag("every", r.every.Value(), "want 50ms or more")
	case r.replay != "" && len(names) > 0:
		return exit.Usage("--replay shows all queues of the recording: no NAME")
	}
	return nil
}

func (r *recording) run(ctx context.Context, o top.Options) error {
	err := r.do(ctx, o)
	for _, bad := range []error{history.ErrNotHistory, history.ErrVersion, history.ErrDamaged} {
		if errors.Is(err, bad) {
			return fmt.Errorf("%w: %w", exit.ErrData, err)
		}
	}
	return err
}

func (r *recording) do(ctx context.Context, o top.Options) error {
	switch {
	case r.record != "":
		err := top.Record(ctx, top.RecordOptions{Names: o.Names, File: r.record, Every: r.every.Value(), For: r.length.Value()}, func(cut int64) {
			if cut > 0 {
				fmt.Fprintf(os.Stderr, "shmq top: %s: the last frame was torn; %s cut off\n", r.record, words.Bytes(cut))
			}
		})
		return ofFile(err, r.record, exit.ErrOutput)
	case r.replay == "":
		return top.Run(ctx, o)
	}
	h, err := history.Open(r.replay)
	if err != nil {
		return ofFile(err, r.replay, exit.ErrInput)
	}
	defer h.Close()
	if note := h.Note(); note != "" {
		fmt.Fprintln(os.Stderr, "shmq top: "+note)
	}
	if h.Len() == 0 {
		return fmt.Errorf("%w: %s: the recording has no whole frame", exit.ErrData, r.replay)
	}
	if r.format == "" {
		return top.Replay(ctx, o, h)
	}
	out := bufio.NewWriter(os.Stdout)
	if err := top.ReplayJSON(ctx, out, h); err != nil {
		return err
	}
	return exit.Output(out.Flush())
}

// ofFile keeps what is wrong with a file of recordings from being taken for an error of a queue, or
// of standard output.
func ofFile(err error, file string, kind error) error {
	if bad := new(fs.PathError); errors.As(err, &bad) && bad.Path == file {
		return fmt.Errorf("%w: %v", kind, err)
	}
	return err
}

package look

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/top"
	"github.com/shmq/shmq/internal/words"
)

const topLong = `Watch queues live: all of them, or those NAMEs; a single NAME is looked at closely.
The command only looks: it takes no seat, and participants do not notice.

Keys: up and down choose, Enter looks closer, Esc goes back, ? explains the rest and
the columns, q quits. If standard output is no terminal, or with --once, it writes one
frame, whose rates are over one interval.

--record appends a look each --every to FILE, without a view, for the time --for or
until it is interrupted. --replay shows FILE in the same view, with more keys (?), or,
with --format json, writes each look as JSON on a line.`

const topExample = `  shmq top
  shmq top q --interval 200ms
  shmq top --once | head
  shmq top --record night.shmq --every 10s --for 12h
  shmq top --replay night.shmq`

// minInterval is how often top looks at most.
const minInterval = 50 * time.Millisecond

// Top returns the verb that watches queues live.
func Top() *cobra.Command {
	var o top.Options
	var noColor bool
	var rec recording
	every := flags.Interval{Duration: flags.Duration(time.Second)}
	cmd := &cobra.Command{
		Use:               "top [NAME...]",
		Short:             "watch queues live",
		Long:              topLong,
		Example:           topExample,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := rec.check(cmd, args, o.Once); err != nil {
				return err
			}
			o.Names, o.Interval = args, every.Value()
			if o.Interval < minInterval {
				return exit.BadFlag("interval", o.Interval, "want 50ms or more")
			}
			o.Dumb = os.Getenv("TERM") == "dumb"
			o.Color = !noColor && os.Getenv("NO_COLOR") == "" && !o.Dumb
			o.ASCII = !localeIsUTF8()
			o.Texts = top.Texts{Warnings: words.Warnings, Holds: words.Holds, Reason: exit.Reason}
			err := rec.run(cmd.Context(), o)
			if write := new(fs.PathError); errors.As(err, &write) && write.Op == "write" {
				return exit.Output(write.Err)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&o.Once, "once", false, "write one frame and end")
	cmd.Flags().Var(&every, "interval", "time between two looks, 50ms or more")
	cmd.Flags().BoolVar(&noColor, "no-color", false, "no colours; NO_COLOR in the environment does the same")
	rec.add(cmd)
	return cmd
}

// localeIsUTF8 tells whether the terminal shows more than ASCII, by the first variable
// that says anything, as setlocale goes.
func localeIsUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

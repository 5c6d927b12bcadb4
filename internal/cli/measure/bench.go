// Package measure holds the verbs that put queues to work: bench and demo.
package measure

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/bench"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
)

const benchLong = `Measure queues on this machine, and beside them what the bare hardware and the
kernel's own ways take for the same in the same run. A CASE is a name, the start of
one up to a slash, or a pattern; without any, all are measured, which takes minutes.

Each end is a process pinned to a core of its own. A row and the bare figure beside
it take turns; what is printed is the median of the repetitions, in nanoseconds. Run
it on a quiet machine.`

const benchExample = `  shmq bench round-trip
  shmq bench open-loop --rate 50000 --plot latency.svg
  shmq bench throughput/one-one --json
  shmq bench --goals
  shmq bench --sweep size --plot size.svg`

// benchFlags are the flags of bench.
type benchFlags struct {
	time        flags.Interval
	repetitions int
	rate        flags.Rate
	list, json  bool
	goals       bool
	sweep       string
	hdr, plot   string
	plotted     []bench.Case
}

// Bench returns the verb that measures.
func Bench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:     "bench [CASE...]",
		Short:   "measure",
		Long:    benchLong,
		Example: benchExample,
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return caseNames(bench.Cases()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := f.run(cmd, args)
			if errors.Is(err, syscall.EPIPE) {
				return exit.ErrPipe
			}
			return exit.Ended(cmd.Context(), err)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.BoolVar(&f.list, "list", false, "print the cases and what they are")
	set.Var(&f.time, "time", "how long a repetition takes, about (default 300ms)")
	flags.Int(set, &f.repetitions, "repetitions", "", bench.DefaultRepetitions, 1, "how `often` a row is measured; the median counts")
	set.Var(&f.rate, "rate", "records a second of the open loops (default 10000)")
	set.BoolVar(&f.goals, "goals", false, "measure what the project holds itself to, and say if it is met")
	flags.Given(set, &f.sweep, "sweep", "measure how cost grows: `size|slots|procs`")
	flags.Offer(cmd, "sweep", "size", "slots", "procs")
	set.BoolVar(&f.json, "json", false, "print JSON")
	flags.Given(set, &f.hdr, "hdr", "write latencies to `FILE` as HdrHistogram percentiles; with several cases, to a file for each")
	flags.Given(set, &f.plot, "plot", "draw latencies by percentile, of the open loops unless cases are named, or the sweep, into `FILE`.svg")
	for _, other := range []string{"json", "goals", "hdr", "plot"} {
		flags.Exclusive(cmd, "list", other)
	}
	return cmd
}

// BenchChild returns the verb that a measurement starts its processes with.
func BenchChild() *cobra.Command {
	return &cobra.Command{
		Use:                bench.ChildVerb,
		Hidden:             true,
		DisableFlagParsing: true,
		RunE:               func(_ *cobra.Command, args []string) error { return bench.Child(args) },
	}
}

func (f *benchFlags) run(cmd *cobra.Command, patterns []string) error {
	cases, sweep, err := f.cases(patterns)
	if err != nil {
		return err
	}
	if f.list {
		return report.Table(os.Stdout, func(w io.Writer) {
			for _, c := range cases {
				fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, c.Kind, c.What)
			}
		})
	}
	files, err := f.open(cases)
	if err != nil {
		return err
	}
	opts := bench.Options{Cases: cases, Time: f.time.Value(), Repetitions: f.repetitions}
	if f.goals {
		opts.Cases, opts.Goals = nil, bench.Goals()
	}
	table := bench.Table{W: os.Stdout}
	if !f.json {
		opts.Row, opts.Goal = table.Row, table.Goal
		header := table.Header
		if f.goals {
			header = table.GoalHeader
		}
		if err := header(); err != nil {
			return errors.Join(err, files.discard())
		}
	}
	result, err := bench.Run(cmd.Context(), opts)
	if err != nil {
		return errors.Join(err, files.discard())
	}
	if f.json {
		err = report.JSON(os.Stdout, result)
	} else {
		err = table.Host(result.Host)
	}
	return errors.Join(err, files.write(result, sweep, f.plotted))
}

// cases returns what is to be measured; the sweep is that of the flag, or nil.
func (f *benchFlags) cases(patterns []string) ([]bench.Case, *bench.Sweep, error) {
	switch {
	case f.goals && (f.sweep != "" || len(patterns) > 0 || f.hdr != "" || f.plot != ""):
		return nil, nil, exit.Usage("--goals has cases of its own, and no latencies")
	}
	all := bench.Cases()
	var sweep *bench.Sweep
	if f.sweep != "" {
		s, err := bench.FindSweep(f.sweep)
		if err != nil {
			return nil, nil, err
		}
		sweep, all = &s, s.Cases()
	}
	cases, err := bench.Select(all, patterns)
	if err != nil {
		return nil, nil, err
	}
	latency := false
	for i := range cases {
		if cases[i].Kind == bench.OpenLoop && f.rate > 0 {
			cases[i].Rate = float64(f.rate)
		}
		latency = latency || cases[i].Latency()
	}
	if !latency && f.hdr != "" {
		return nil, nil, exit.Usage("none of the cases has latencies; name a round-trip or an open-loop")
	}
	if f.plot != "" && sweep == nil {
		f.plotted, err = bench.Plotted(cases, len(patterns) > 0)
	}
	return cases, sweep, err
}

func caseNames(cs []bench.Case) (names []string) {
	for _, c := range cs {
		names = append(names, c.Name)
	}
	return names
}

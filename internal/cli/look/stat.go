package look

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/words"
)

const statLong = `Describe a queue and its participants. The command only looks: they do not notice.

With --interval it looks twice, and tells what went on in between. With --prometheus it
prints metrics in the text format of Prometheus, of each NAME, or of all queues if none
is named.`

const statExample = `  shmq stat q
  shmq stat q --json | jq .records
  shmq stat q --interval 5s
  shmq stat --prometheus >shmq.prom.new && mv shmq.prom.new shmq.prom`

// Stat returns the verb that describes a queue.
func Stat() *cobra.Command {
	var asJSON, prometheus bool
	var every flags.Interval
	cmd := &cobra.Command{
		Use:               "stat NAME",
		SuggestFor:        []string{"info", "describe", "status", "show"},
		Short:             "describe a queue and its participants",
		Long:              statLong,
		Example:           statExample,
		ValidArgsFunction: flags.CompleteNames,
		Args: func(cmd *cobra.Command, args []string) error {
			if prometheus {
				return nil
			}
			return flags.OneName(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if prometheus {
				return report.Prometheus(os.Stdout, args)
			}
			info, rates, err := describe(cmd.Context(), args[0], every.Value())
			if err != nil {
				return err
			}
			if asJSON {
				return report.JSON(os.Stdout, infoJSON{info, rates})
			}
			return report.Table(os.Stdout, func(w io.Writer) { printInfo(w, info, rates) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().Var(&every, "interval", "look twice, so far apart, and print rates")
	cmd.Flags().BoolVar(&prometheus, "prometheus", false, "print metrics in the text format of Prometheus")
	flags.Exclusive(cmd, "json", "prometheus")
	flags.Exclusive(cmd, "interval", "prometheus")
	return cmd
}

// infoJSON is what stat --json prints.
type infoJSON struct {
	*shmq.Info
	Rates *flow.Flow `json:"rates,omitempty"`
}

// describe looks at a queue, and if d is not 0 a second time after d. The first look
// then needs no walk over the slots.
func describe(ctx context.Context, name string, d time.Duration) (_ *shmq.Info, _ *flow.Flow, err error) {
	w, err := shmq.Watch(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if d == 0 {
		info, err := w.Stat()
		return info, nil, err
	}
	before, err := w.Glance()
	start := time.Now()
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	case <-time.After(d):
	}
	if w.Removed() {
		return nil, nil, exit.Tell(name, fs.ErrNotExist, "it was removed between the two looks")
	}
	after, err := w.Stat()
	if err != nil {
		return nil, nil, err
	}
	return after, flow.Between(before, after, time.Since(start)), nil
}

func printInfo(w io.Writer, i *shmq.Info, rates *flow.Flow) {
	row := func(key, format string, args ...any) {
		fmt.Fprintf(w, key+":\t"+format+"\n", args...)
	}
	row("queue", "%s", i.Name)
	row("file", "%s, %s, mode %s, uid %d", i.Path, words.Bytes(i.Size), i.Mode, i.UID)
	row("created", "%s", i.Created.Local().Format(time.DateTime))
	row("roles", "%s, %s", roleText(i.Producers, shmq.Producer), roleText(i.Consumers, shmq.Consumer))
	row("shape", "%d slots of %d bytes, records of up to %d bytes, %d seats", i.Slots, i.SlotSize, i.MaxRecord, i.Seats)
	if i.Checksum {
		row("checksums", "of each record; %d torn ones were dropped", i.Torn)
	}
	if i.Timestamps {
		row("time stamps", "of each record")
	}
	if i.Consumers == shmq.Each {
		row("slow consumers", "%s", slowText(i))
		row("subscriptions", "%d of %d; records and positions below are of the slowest", len(i.Subscriptions), i.MaxSubscriptions)
	}
	row("records", "%s", words.InQueue(i))
	row("in all", "%s", words.InAll(i))
	row("positions", "head %d, tail %d", i.Head, i.Tail)
	if i.Mark != nil {
		row("mark", "%d %d, of the record at %d", i.Mark.Mark[0], i.Mark.Mark[1], i.Mark.Position)
	}
	if i.Skipped > 0 {
		row("skipped", "%d claims of senders that died", i.Skipped)
	}
	row("stream", "%s", streamText(i))
	if i.ProducersAsleep {
		row("asleep", "producers may be, until there is room")
	}
	if i.ConsumersAsleep {
		row("asleep", "consumers may be, until there are records")
	}
	if rates != nil {
		row("sent", "%s", rateText(&rates.Sent, rates.Unseen))
		row("received", "%s", rateText(&rates.Received, rates.Unseen))
		row("slots", "%s in, %s out each second", decimals(rates.SlotsIn), decimals(rates.SlotsOut))
	}
	now := time.Now()
	if len(i.Participants) == 0 {
		row("attached", "nobody")
		printEach(w, i)
		printRates(w, rates)
		printWarnings(w, words.Warnings(i, now))
		return
	}
	fmt.Fprintln(w, "\nSEAT\tROLE\tPID\tCOMMAND\tSINCE\tHOLDS\tFOR\tRECORDS\tBYTES\tWAITS\tWAKES\tREDELIVERED")
	for _, p := range i.Participants {
		since := p.Attached.Local().Format(time.DateTime)
		if !p.Alive {
			since = "died"
		}
		fmt.Fprintf(w, "%d\t%v\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n",
			p.Seat, p.Role, p.PID, p.Command, since, cmp.Or(words.Holds(&p), "-"), cmp.Or(words.HeldFor(&p, now), "-"),
			p.Records, p.Bytes, p.Waits, p.Wakes, p.Redelivered)
	}
	printEach(w, i)
	printRates(w, rates)
	printWarnings(w, words.Warnings(i, now))
}

func printEach(w io.Writer, i *shmq.Info) {
	if len(i.Subscriptions) > 0 {
		fmt.Fprintln(w)
		printSubscriptions(w, i)
	}
}

// slowText says what producers do where a consumer is slow.
func slowText(i *shmq.Info) string {
	switch {
	case i.Skip:
		return "lose records, and are told"
	case i.Keep > 0:
		return fmt.Sprintf("are waited for; the last %d slots stay for those that begin at the oldest record", i.Keep)
	}
	return "are waited for"
}

// printRates prints what each participant did each second between two looks.
func printRates(w io.Writer, rates *flow.Flow) {
	if rates == nil || len(rates.Participants) == 0 {
		return
	}
	fmt.Fprintf(w, "\neach second, over %.3g s:\nSEAT\tROLE\tPID\tCOMMAND\tCHANGE\tRECORDS\tBYTES\tWAITS\tWAKES\tREDELIVERED\n", rates.Interval)
	for _, p := range rates.Participants {
		fmt.Fprintf(w, "%d\t%v\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Seat, p.Role, p.PID, p.Command, p.Change,
			decimals(p.Records), decimals(p.Bytes), decimals(p.Waits), decimals(p.Wakes), decimals(p.Redelivered))
	}
}

// rateText says what a role did each second. unseen participants may have done more.
func rateText(r *flow.Rates, unseen int) string {
	least := ""
	if unseen > 0 {
		least = "at least "
	}
	return fmt.Sprintf("%s%s records and %s each second, %s waits, %s wakes", least,
		decimals(r.Records), words.Bytes(int64(r.Bytes)), decimals(r.Waits), decimals(r.Wakes))
}

// decimals prints a number with the digits that matter: 12345, 12.3, 0.05.
func decimals(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.01:
		return fmt.Sprintf("%.3g", v)
	}
	return "<0.01"
}

// printWarnings prints lines for people, none if all is well.
func printWarnings(w io.Writer, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(w, "\nwarnings:")
	for _, line := range lines {
		fmt.Fprintln(w, "  "+line)
	}
}

func roleText(side shmq.Multiplicity, role shmq.Role) string {
	switch side {
	case shmq.One:
		return fmt.Sprintf("one %v", role)
	case shmq.Each:
		return fmt.Sprintf("each %v gets every record", role)
	}
	return fmt.Sprintf("many %vs", role)
}

func streamText(i *shmq.Info) string {
	switch {
	case !i.Begun:
		return "no producer has attached yet"
	case i.Finished:
		return "marked as finished"
	}
	return "open"
}

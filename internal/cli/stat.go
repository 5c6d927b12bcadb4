package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
)

func stat() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "stat NAME",
		Short:             "describe a queue and who is attached",
		Long:              "Describe a queue and who is attached. It only looks: nobody notices.",
		Example:           "  shmq stat q\n  shmq stat q --json | jq .records",
		ValidArgsFunction: completeNames,
		Args:              oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := shmq.Stat(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, info)
			}
			return printTable(os.Stdout, func(w io.Writer) { printInfo(w, info) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printInfo(w io.Writer, i *shmq.Info) {
	row := func(key, format string, args ...any) {
		fmt.Fprintf(w, key+":\t"+format+"\n", args...)
	}
	row("queue", "%s", i.Name)
	row("file", "%s, %s, mode %s, uid %d", i.Path, bytesText(i.Size), i.Mode, i.UID)
	row("created", "%s", i.Created.Local().Format(time.DateTime))
	row("roles", "%s, %s", roleText(i.Producers, shmq.Producer), roleText(i.Consumers, shmq.Consumer))
	row("shape", "%d slots of %d bytes, records of up to %d bytes, %d seats", i.Slots, i.SlotSize, i.MaxRecord, i.Seats)
	row("records", "%d waiting, %d being written, %d being read, %d to be delivered again", i.Records, i.Claimed, i.Leased, i.Orphans)
	row("positions", "head %d, tail %d", i.Head, i.Tail)
	if i.Skipped > 0 {
		row("skipped", "%d claims of senders that died", i.Skipped)
	}
	row("stream", "%s", streamText(i))
	now := time.Now()
	if len(i.Participants) == 0 {
		row("attached", "nobody")
		printWarnings(w, warnings(i, now))
		return
	}
	fmt.Fprintln(w, "\nSEAT\tROLE\tPID\tCOMMAND\tSINCE\tHOLDS\tFOR\tRECORDS\tBYTES\tWAITS\tWAKES\tREDELIVERED")
	for _, p := range i.Participants {
		since := p.Attached.Local().Format(time.DateTime)
		if !p.Alive {
			since = "died"
		}
		fmt.Fprintf(w, "%d\t%v\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n",
			p.Seat, p.Role, p.PID, p.Command, since, or(holdsText(&p), "-"), or(heldFor(&p, now), "-"),
			p.Records, p.Bytes, p.Waits, p.Wakes, p.Redelivered)
	}
	printWarnings(w, warnings(i, now))
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

func roleText(side shmq.Side, role shmq.Role) string {
	if side == shmq.One {
		return fmt.Sprintf("one %v", role)
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

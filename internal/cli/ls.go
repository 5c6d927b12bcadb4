package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
)

const lsLong = `List the queues in /dev/shm, or in the directory SHMQ_DIR.

  RECORDS    waiting to be received
  SENDERS    attached now, of one or many that may be; the same for RECEIVERS
  DEAD       that died and were not cleaned up after yet: who attaches or waits does it
  AGE        since the queue was made
  ATTACHED   since somebody last attached. That is the last activity there is a time of:
             sending and receiving keep none`

func ls() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "list the queues",
		Long:    lsLong,
		Example: "  shmq ls\n  shmq ls --json | jq -r '.[].name'",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := shmq.List()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, listed(entries))
			}
			return printTable(os.Stdout, func(w io.Writer) { printEntries(w, entries) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects, as stat --json prints, with last_attach; a queue that can't be described has its error")
	return cmd
}

func printEntries(w io.Writer, entries []shmq.Entry) {
	fmt.Fprintln(w, "NAME\tRECORDS\tSENDERS\tRECEIVERS\tDEAD\tSLOTS\tSLOT SIZE\tMEMORY\tAGE\tATTACHED")
	for _, e := range entries {
		if e.Err != nil {
			fmt.Fprintf(w, "%s\t%s\n", e.Name, reason(e.Err))
			continue
		}
		i := e.Info
		last := "-"
		if t, err := lastAttach(e.Name); err == nil && t.After(i.Created) {
			last = ageText(ago(t))
		}
		_, dead := participants(i)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", e.Name, i.Records,
			attached(i, shmq.Producer, i.Producers), attached(i, shmq.Consumer, i.Consumers), dead,
			i.Slots, i.SlotSize, bytesText(i.Size), ageText(ago(i.Created)), last)
	}
}

// attached counts the living participants of a role, of one or of many.
func attached(info *shmq.Info, role shmq.Role, side shmq.Multiplicity) string {
	n := 0
	for _, p := range info.Participants {
		if p.Alive && p.Role == role {
			n++
		}
	}
	return fmt.Sprintf("%d of %v", n, side)
}

// badEntry stands for a queue that can't be described.
type badEntry struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// goodEntry is what stat prints, and when somebody last attached: the time of
// creation if nobody ever did.
type goodEntry struct {
	*shmq.Info
	LastAttach time.Time `json:"last_attach"`
}

// listed returns what ls prints with --json.
func listed(entries []shmq.Entry) []any {
	values := []any{} // not null
	for _, e := range entries {
		var last time.Time
		err := e.Err
		if err == nil {
			last, err = lastAttach(e.Name)
		}
		if err != nil {
			values = append(values, badEntry{e.Name, reason(err)})
			continue
		}
		values = append(values, goodEntry{e.Info, last})
	}
	return values
}

package look

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/words"
)

const lsLong = `List the queues in /dev/shm, or in the directory SHMQ_DIR. A queue NAME.answers-... is
where one client of NAME gets its answers (shmq call); its receiver is the client, its
senders are the servers that have answered. It goes with the client.

  RECORDS    that wait to be received, for the first time or again
  SENDERS    attached now, of one or many that may be; the same for RECEIVERS
  DEAD       participants that died and were not recovered yet; the next participant
             that attaches or waits does that
  AGE        since the queue was made
  ATTACHED   since a participant last attached. There is no time of later activity:
             sending and receiving record none
  SLOWEST    only if there is a queue with --consumers each: which of its subscriptions
             is farthest behind, and how far; kept is a durable one that no process
             has. Where senders wait, they wait for that one. RECORDS are those that it
             has not been handed`

// List returns the verb that lists the queues.
func List() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:        "ls",
		SuggestFor: []string{"list", "queues"},
		Short:      "list the queues",
		Long:       lsLong,
		Example:    "  shmq ls\n  shmq ls --json | jq -r '.[].name'",
		Args:       flags.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := shmq.List()
			if err != nil {
				return err
			}
			if asJSON {
				return report.JSON(os.Stdout, listed(entries))
			}
			return report.Columns(os.Stdout, table(entries))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects, as stat --json prints, with last_attach; a queue that can't be described has its error")
	return cmd
}

// table returns the heading of the list, and a row for each queue.
func table(entries []shmq.Entry) [][]string {
	rows := [][]string{{"NAME", "RECORDS", "SENDERS", "RECEIVERS", "DEAD", "SLOTS", "SLOT SIZE", "MEMORY", "AGE", "ATTACHED"}}
	each := slices.ContainsFunc(entries, func(e shmq.Entry) bool { return e.Err == nil && e.Info.Consumers == shmq.Each })
	if each {
		rows[0] = append(rows[0], "SLOWEST")
	}
	for _, e := range entries {
		if e.Err != nil {
			rows = append(rows, []string{e.Name, exit.Reason(e.Err)})
			continue
		}
		i := e.Info
		last := "-"
		if t, err := report.LastAttach(e.Name); err == nil && t.After(i.Created) {
			last = words.Age(words.Ago(t))
		}
		_, dead := words.LivingAndDead(i)
		row := []string{e.Name, strconv.Itoa(i.Records + i.Orphans), attached(i, shmq.Producer, i.Producers), attached(i, shmq.Consumer, i.Consumers),
			strconv.Itoa(dead), strconv.Itoa(i.Slots), strconv.Itoa(i.SlotSize), words.Bytes(i.Size), words.Age(words.Ago(i.Created)), last}
		if each {
			row = append(row, cmp.Or(words.Slowest(i), "-"))
		}
		rows = append(rows, row)
	}
	return rows
}

// attached counts the living participants of a role, of one or of many.
func attached(info *shmq.Info, role shmq.Role, side shmq.Multiplicity) string {
	return fmt.Sprintf("%d of %v", words.Alive(info, role), side)
}

// badEntry stands for a queue that can't be described.
type badEntry struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// goodEntry is what stat prints, and when a participant last attached: the time of
// creation if none ever did.
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
			last, err = report.LastAttach(e.Name)
		}
		if err != nil {
			values = append(values, badEntry{e.Name, exit.Reason(err)})
			continue
		}
		values = append(values, goodEntry{e.Info, last})
	}
	return values
}

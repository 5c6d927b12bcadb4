package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
)

func ls() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "list the queues",
		Long:    "List the queues in /dev/shm, or in the directory SHMQ_DIR.",
		Example: "  shmq ls\n  shmq ls --json | jq -r '.[].name'",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := shmq.List()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, entriesForJSON(entries))
			}
			return printTable(os.Stdout, func(w io.Writer) { printEntries(w, entries) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of what stat prints; a queue that can't be described has its error")
	return cmd
}

func printEntries(w io.Writer, entries []shmq.Entry) {
	fmt.Fprintln(w, "NAME\tRECORDS\tSENDERS\tRECEIVERS\tSLOTS\tSLOT SIZE\tMEMORY")
	for _, e := range entries {
		if e.Err != nil {
			fmt.Fprintf(w, "%s\t%s\n", e.Name, reason(e.Err))
			continue
		}
		i := e.Info
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%s\n", e.Name, i.Records,
			attached(i, shmq.Producer, i.Producers), attached(i, shmq.Consumer, i.Consumers),
			i.Slots, i.SlotSize, bytesText(i.Size))
	}
}

// attached counts the living participants of a role, of one or of many.
func attached(info *shmq.Info, role shmq.Role, side shmq.Side) string {
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

func entriesForJSON(entries []shmq.Entry) []any {
	values := []any{} // not null
	for _, e := range entries {
		if e.Err != nil {
			values = append(values, badEntry{e.Name, reason(e.Err)})
			continue
		}
		values = append(values, e.Info)
	}
	return values
}

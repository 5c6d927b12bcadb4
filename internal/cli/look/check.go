// Package look holds the verbs that only look: participants do not notice them.
package look

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
)

const checkLong = `Explain what is wrong with a queue: its file, its header, its positions, the word of
every slot, the lengths of its records, its seats. Each finding says where it is, what
is there and was expected, what it means to users of the queue, and what to do.

The command only looks, and participants may be at work or dead: the traces of their
work are not damage. Records are not decoded. The exit code is 0 if the queue is in
order, 65 if it is damaged. "maybe" marks a finding that looks like damage and can't be
told from work in progress; look again when participants rest. Dead participants, and
seats that a process locks without using them, are notes.`

// Check returns the verb that explains what is wrong with a queue.
func Check() *cobra.Command {
	var asJSON bool
	var most int
	cmd := &cobra.Command{
		Use:               "check NAME",
		Short:             "explain what is wrong with a queue",
		Long:              checkLong,
		Example:           "  shmq check q\n  shmq check q --json | jq '.findings[] | .kind'",
		ValidArgsFunction: flags.CompleteNames,
		Args:              flags.OneName,
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := shmq.Check(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				err = report.JSON(os.Stdout, diagnosisJSON{d, d.Damaged()})
			} else {
				err = report.Table(os.Stdout, func(w io.Writer) { printDiagnosis(w, d, most) })
			}
			if err == nil && d.Damaged() {
				err = exit.Tell(d.Name, exit.ErrData, "it is damaged, or no queue; found %s", kinds(d))
			}
			return err
		},
	}
	flags.Int(cmd.Flags(), &most, "max", "", 20, 0, "print at most so many `findings`; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// diagnosisJSON is what check --json prints.
type diagnosisJSON struct {
	*shmq.Diagnosis
	Damaged bool `json:"damaged"`
}

func printDiagnosis(w io.Writer, d *shmq.Diagnosis, most int) {
	state := "in order"
	if d.Damaged() {
		state = "damaged"
	}
	fmt.Fprintf(w, "queue %s: %s; %d alive, %d dead; %s\n", d.Name, state, d.Alive, d.Dead, d.Path)
	shown := d.Findings
	if most > 0 && len(shown) > most {
		shown = shown[:most]
	}
	for i := range shown {
		f := &shown[i]
		text := f.Found
		if f.Expected != "" {
			text += "; expected " + f.Expected
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s: %s\n", f.Severity, f.Kind, where(f), text, f.Means)
	}
	if rest := len(d.Findings) - len(shown) + d.More; rest > 0 {
		fmt.Fprintf(w, "and %d more\n", rest)
	}
	said := map[string]bool{}
	for i := range shown {
		if r := shown[i].Remedy; r != "" && !said[r] {
			said[r] = true
			fmt.Fprintln(w, "remedy: "+r)
		}
	}
}

func where(f *shmq.Finding) string {
	var at []string
	if f.Slot != nil {
		at = append(at, fmt.Sprintf("slot %d", *f.Slot))
	}
	if f.Seat != nil {
		at = append(at, fmt.Sprintf("seat %d", *f.Seat))
	}
	return strings.Join(append(at, fmt.Sprintf("byte %d", f.Offset)), ", ")
}

// kinds counts the damage by its kind, in the order in which it was found.
func kinds(d *shmq.Diagnosis) string {
	count := map[string]int{}
	var order []string
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Severity == shmq.Damage {
			if count[f.Kind]++; count[f.Kind] == 1 {
				order = append(order, f.Kind)
			}
		}
	}
	for i, k := range order {
		order[i] = fmt.Sprintf("%s %d", k, count[k])
	}
	return strings.Join(order, ", ")
}

package keep

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/words"
)

const recoverLong = `Take back what dead participants held: claims that were not sent become skipped slots,
records that were not acknowledged are delivered again, seats are freed. Participants
do this by themselves when they attach or wait; the command is for queues at which none
does, and for a look at what there is. Living participants are never touched, stopped
ones neither: they keep what they hold until they end.

A queue with checksums that was in use when the machine stopped, or a copy of one, is
rebuilt if nobody is attached: records that are whole on the disk are kept, the others
are dropped and counted. --dry-run tries that on a copy in memory.`

// Recover returns the verb that takes back what dead participants held.
func Recover() *cobra.Command {
	var asJSON bool
	var opts shmq.RecoverOptions
	cmd := &cobra.Command{
		Use:               "recover NAME",
		Short:             "take back what dead participants held",
		Long:              recoverLong,
		Example:           "  shmq recover q --dry-run\n  shmq recover q --json | jq '.dead[].pid'",
		ValidArgsFunction: flags.CompleteNames,
		Args:              flags.OneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			rec, err := shmq.Recover(args[0], &opts)
			if err != nil {
				return err
			}
			return exit.Print(cmd.Context(), func() error {
				if asJSON {
					return report.JSON(os.Stdout, rec)
				}
				return report.Table(os.Stdout, func(w io.Writer) { printRecovery(w, rec, time.Now()) })
			})
		},
	}
	cmd.Flags().BoolVar(&opts.DryRun, "dry-run", false, "look only")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printRecovery(w io.Writer, rec *shmq.Recovery, now time.Time) {
	fmt.Fprintf(w, "queue %s: %d dead, %d alive\n", rec.Name, len(rec.Dead), len(rec.Alive))
	if r := rec.Rebuilt; r != nil {
		verb := "rebuilt"
		if rec.DryRun {
			verb = "not touched; a rebuild would find"
		}
		fmt.Fprintf(w, "image: the machine stopped, or this is a copy: %s: %s kept, %d torn\n", verb, words.Number(r.Records, "record"), r.Torn)
	}
	if n := rec.Ended; n > 0 {
		verb := "ended"
		if rec.DryRun {
			verb = "not touched"
		}
		fmt.Fprintf(w, "subscriptions: %s of dead consumers: %s\n", words.Number(n, "subscription"), verb)
	}
	for i := range rec.Dead {
		d := &rec.Dead[i]
		fmt.Fprintf(w, "seat %d: %s is dead, held %s: %s\n", d.Seat, words.Participant(&d.Participant), cmp.Or(words.Holds(&d.Participant), "nothing"), doneText(rec, d))
	}
	for i := range rec.Alive {
		p := &rec.Alive[i]
		state := "alive"
		if p.Frozen {
			state = "alive, frozen"
		} else if p.Stopped {
			state = "alive, stopped"
		}
		fmt.Fprintf(w, "seat %d: %s is %s, holds %s: left alone\n", p.Seat, words.Participant(p), state, cmp.Or(words.Holds(p), "nothing")+words.ForHowLong(p, now))
	}
}

// doneText says what was done about a dead one, or would be.
func doneText(rec *shmq.Recovery, d *shmq.Recovered) string {
	if rec.DryRun {
		return "not touched"
	}
	if !d.Freed {
		return "another process recovers it, or has done so"
	}
	var done []string
	if d.Claims > 0 {
		done = append(done, words.Number(d.Claims, "claim")+" skipped")
	}
	switch {
	case d.Returned > 0:
		done = append(done, words.Number(d.Returned, "record")+" to be delivered again")
	case d.Role == shmq.Consumer && d.Holds != nil: // a single one, of which some may be acknowledged
		done = append(done, "records to be delivered again")
	}
	return strings.Join(append(done, "seat freed"), ", ")
}

package keep

import (
	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/flags"
)

const syncLong = `Wait until all that is in a queue now is on the disk. Nobody notices. What was synced
of a queue with checksums is there again after the machine stopped; see shmq create.
Senders do it themselves with shmq send --sync. A queue in memory has no disk: then
there is nothing to do.

Exit codes: 0 done, 66 no such queue, 74 not known to be on the disk; the records are
in the queue all the same.`

// Sync returns the verb that waits for the disk.
func Sync() *cobra.Command {
	return &cobra.Command{
		Use:               "sync NAME",
		Short:             "wait until what is in a queue is on the disk",
		Long:              syncLong,
		Example:           "  shmq sync /var/lib/app/q",
		ValidArgsFunction: flags.CompleteNames,
		Args:              flags.OneName,
		RunE:              func(_ *cobra.Command, args []string) error { return shmq.Sync(args[0]) },
	}
}

package keep

import (
	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/flags"
)

const syncLong = `Wait until all records that are in a queue now are on the disk. Participants do not
notice. Records that were synced, of a queue with checksums, are there again after the
machine stopped; see shmq create. Senders do it themselves with shmq send --sync. For a
queue in memory there is nothing to do.

Exit codes: 0 done, 66 no such queue, 74 not known to be on the disk; the records are
in the queue all the same.`

// Sync returns the verb that waits for the disk.
func Sync() *cobra.Command {
	return &cobra.Command{
		Use:               "sync NAME",
		Short:             "wait until the records of a queue are on the disk",
		Long:              syncLong,
		Example:           "  shmq sync /var/lib/app/q",
		ValidArgsFunction: flags.CompleteNames,
		Args:              flags.OneName,
		RunE:              func(_ *cobra.Command, args []string) error { return shmq.Sync(args[0]) },
	}
}

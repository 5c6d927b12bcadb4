// Package keep holds the verbs that make, mend and remove queues.
package keep

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/flags"
)

const createExample = `  shmq create q
  shmq create q --slots 65536 --slot-size 256
  shmq create q --producers one --consumers one --if-absent
  shmq create prices --consumers each --slow skip
  shmq create events --consumers each --keep 3000
  shmq create q --mode 0660
  shmq create /var/lib/app/q --checksum`

// Create returns the verb that makes a queue.
func Create() *cobra.Command {
	var (
		queue    flags.Queue
		ifAbsent bool
	)
	cmd := &cobra.Command{
		Use:        "create NAME",
		Short:      "make a queue",
		SuggestFor: []string{"make", "new", "mk"},
		Long:       "Make a queue. Its memory is reserved at once. Senders and receivers make one with\nthe defaults if it is absent, so this is for queues of another shape.\n\nA queue in a file on a disk survives a reboot if it has checksums; see shmq sync.",
		Example:    createExample,
		Args:       flags.OneName,
		RunE: func(_ *cobra.Command, args []string) error {
			opts := queue.Options()
			err := shmq.Create(args[0], &opts)
			if errors.Is(err, fs.ErrExist) && ifAbsent {
				return queue.Check(args[0])
			}
			return err
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&ifAbsent, "if-absent", false, "a queue that exists is fine, if it is like the flags say")
	queue.Add(cmd)
	return cmd
}

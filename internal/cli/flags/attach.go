package flags

import (
	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
)

// AddAttach adds the flags that say how to attach: how to wait, and whether to keep the
// queue out of swap space.
func AddAttach(cmd *cobra.Command, w *shmq.WaitPolicy, lock *bool) {
	Text(cmd, w, "wait", shmq.SpinThenPark, "how to wait: `POLICY` spin-then-park, spin (a whole core) or park (a system call each time)",
		shmq.SpinThenPark.String(), shmq.Spin.String(), shmq.Park.String())
	cmd.Flags().BoolVar(lock, "mlock", false, "keep the queue in memory: none of it is written to swap space")
}

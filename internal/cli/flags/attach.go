package flags

import (
	"github.com/spf13/pflag"

	"github.com/shmq/shmq"
)

// AddWait lets the caller choose how to wait.
func AddWait(set *pflag.FlagSet, w *shmq.WaitPolicy) {
	set.TextVar(w, "wait", shmq.SpinThenPark, "how to wait: `POLICY` spin-then-park, spin (a whole core) or park (a system call each time)")
}

// AddMlock lets the caller keep the queue out of swap space.
func AddMlock(set *pflag.FlagSet, lock *bool) {
	set.BoolVar(lock, "mlock", false, "keep the queue in memory: none of it is written to swap space")
}

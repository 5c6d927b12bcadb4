// Package program runs a command as a program: signals, mistakes in the arguments, exit codes.
// It knows no verb, so that a program has what its own verb needs and no more.
package program

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
)

// Main runs a command with the arguments, streams and signals of this process, and
// returns its exit code.
func Main(root *cobra.Command) int {
	// A write to a closed pipe returns EPIPE instead of killing the process before
	// it has given back what it could not write.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := exit.WithSignals(context.Background())
	defer stop()

	if len(os.Args) == 0 { // cobra takes the first one for granted
		os.Args = []string{root.Name()}
	}
	// shmq completion gives the scripts; a queue may be called completion.
	root.CompletionOptions.DisableDefaultCmd = true
	started := Prepare(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exit.CodeOK
	}
	if !*started { // the arguments did not even get as far as the verb
		err = Mistake(cmd, err)
	}
	if line := exit.Message(cmd.CommandPath(), err); line != "" {
		fmt.Fprintln(os.Stderr, line)
	}
	return exit.Code(err)
}

// Prepare makes the verbs ready to run; started becomes true when one of them runs.
func Prepare(root *cobra.Command) (started *bool) {
	started = new(bool)
	watchStart(root, started)
	return started
}

// watchStart makes each verb tell that its arguments were good enough to start it:
// cobra has no type for its own errors.
func watchStart(cmd *cobra.Command, started *bool) {
	cmd.SilenceErrors, cmd.SilenceUsage, cmd.DisableSuggestions = true, true, true
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return run(cmd, args)
		}
	}
	flags.OfferNoFiles(cmd)
	for _, sub := range cmd.Commands() {
		watchStart(sub, started)
	}
}

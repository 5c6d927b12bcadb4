// Package connect holds the verbs for connections over shared memory.
package connect

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
)

const connLong = `Connections over shared memory, as package conn makes them: net.Conn between two
processes of one machine.`

// Conn returns the verb that has those about connections.
func Conn() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "conn COMMAND",
		Short:   "connections over shared memory",
		Long:    connLong,
		Example: "  shmq conn forward web tcp:localhost:8080",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usage("there is no command %q; there is forward", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(os.Stderr)
			_ = cmd.Help() // if stderr is closed no user can be told
			return exit.Usage("a COMMAND is missing")
		},
	}
	cmd.AddCommand(forward())
	return cmd
}

package program

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version returns the module's version, as the Go toolchain stamped it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// Of gives a command that may be a program of its own a version.
func Of(cmd *cobra.Command) *cobra.Command {
	cmd.Version = Version()
	return cmd
}

package cli

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/layout"
)

// version returns the module's version, as the Go toolchain stamped it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

func versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Long:    "Print the version of the program, of the queue layout that it speaks, and of Go.",
		Example: "  shmq version",
		Args:    flags.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(os.Stdout, "shmq %s, queue layout %d, %s %s/%s\n",
				version(), layout.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return exit.Output(err)
		},
	}
}

package cli

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/program"
	"github.com/shmq/shmq/layout"
)

func versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Long:    "Print the version of the program, of the queue layout that it speaks, and of Go.",
		Example: "  shmq version",
		Args:    flags.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(os.Stdout, "shmq %s, queue layout %d, %s %s/%s\n",
				program.Version(), layout.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return exit.Output(err)
		},
	}
}

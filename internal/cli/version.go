package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/program"
)

const versionLong = `Print the version of the program, the commit that it was built from, the version of
the queue layout that it speaks, and that of Go.`

const versionExample = `  shmq version
  shmq version --format json | jq -r .commit`

func versionVerb() *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Long:    versionLong,
		Example: versionExample,
		Args:    flags.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			line := "shmq version " + program.Built().String()
			if format == "json" {
				b, err := json.Marshal(program.Built())
				if err != nil {
					return err
				}
				line = string(b)
			}
			_, err := fmt.Fprintln(os.Stdout, line)
			return exit.Output(err)
		},
	}
	flags.Word(cmd, &format, "format", "f", "how it is printed: text, json", "text", "json")
	return cmd
}

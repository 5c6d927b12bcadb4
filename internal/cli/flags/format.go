package flags

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/format"
)

// Format is a flag: the name of a format.
type Format struct{ format.Format }

// Type returns what the help calls the value.
func (f *Format) Type() string { return strings.Join(format.Names(), "|") }

func (f *Format) String() string { return f.Name }

// Set parses s.
func (f *Format) Set(s string) error {
	found, ok := format.Find(s)
	if !ok {
		return fmt.Errorf("want one of %s", strings.Join(format.Names(), ", "))
	}
	f.Format = found
	return nil
}

// AddFormat adds the flag that chooses the format.
func AddFormat(cmd *cobra.Command, f *Format) {
	cmd.Flags().VarP(f, "format", "f", "how data and records correspond: "+strings.Join(format.Names(), ", "))
	Offer(cmd, "format", format.Names()...)
}

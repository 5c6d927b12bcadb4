package program

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/layout"
)

// release is the tag that a package is of. packaging/build sets it by -ldflags -X: the
// toolchain stamps the commit, but gives a nested module a version of its own.
var release string

// Build tells what a program was built from.
type Build struct {
	Version  string `json:"version"`            // the tag, or what the Go toolchain stamped
	Commit   string `json:"commit,omitempty"`   // "" if it was built outside a repository
	Time     string `json:"time,omitempty"`     // of the commit, RFC 3339
	Modified bool   `json:"modified,omitempty"` // beyond the commit
	Layout   int    `json:"layout"`             // the version of the queue layout
	Go       string `json:"go"`
	System   string `json:"system"` // linux/amd64
}

// Built returns what this program was built from.
func Built() Build {
	b := Build{Version: "(devel)", Layout: layout.Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.stamp(info)
	}
	if release != "" {
		b.Version = release
	}
	return b
}

// stamp takes over what the Go toolchain stamped.
func (b *Build) stamp(info *debug.BuildInfo) {
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
}

// String returns it in a line, without the name of the program.
func (b Build) String() string {
	commit := ""
	if b.Commit != "" {
		commit = ", commit " + b.Commit
	}
	if b.Modified {
		commit += " modified"
	}
	return fmt.Sprintf("%s%s, queue layout %d, %s %s", b.Version, commit, b.Layout, b.Go, b.System)
}

// Version returns the tag of the package, or the module's version as the Go toolchain
// stamped it.
func Version() string { return Built().Version }

// Of gives a command that may be a program of its own a version.
func Of(cmd *cobra.Command) *cobra.Command {
	cmd.Version = Built().String()
	return cmd
}

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/program"
)

const manLong = `Write the manual pages, one for each verb, from the same texts as --help.`

const manExample = `  shmq man --dir /usr/local/share/man/man1
  shmq man --dir . && man ./shmq-recv.1`

func manVerb() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "man --dir DIR",
		Short:   "write the manual pages",
		Long:    manLong,
		Example: manExample,
		Args:    flags.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if dir == "" {
				return exit.Usage("--dir is missing: where do the pages go?")
			}
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return fmt.Errorf("%w: %v", exit.ErrOutput, err)
			}
			for _, cmd := range manPages() {
				file := filepath.Join(dir, pageName(cmd)+".1")
				if err := os.WriteFile(file, []byte(manPage(cmd)), 0o666); err != nil {
					return fmt.Errorf("%w: %v", exit.ErrOutput, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `directory`, which is made if it is absent")
	return cmd
}

// manPages returns what there is a page about. shmq send and shmq recv are told as
// the programs of their own that they also are.
func manPages() (pages []*cobra.Command) {
	pages = programs()
	for _, cmd := range pages[0].Commands() {
		if !cmd.Hidden && cmd.Name() != "send" && cmd.Name() != "recv" {
			pages = append(append(pages, cmd), cmd.Commands()...)
		}
	}
	return pages
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns the page about a command, in the man macros of roff.
func manPage(cmd *cobra.Command) string {
	name := pageName(cmd)
	var b strings.Builder
	section := func(title, text string) { fmt.Fprintf(&b, ".SH %s\n%s", title, text) }
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"shmq %s\" \"shmq\"\n", strings.ToUpper(roff(name)), roff(program.Version()))
	section("NAME", roff(name)+` \- `+roff(cmd.Short)+"\n")
	section("SYNOPSIS", roffBlock(cmd.UseLine()))
	section("DESCRIPTION", roffText(cmd.Long))
	if verbs := cmd.Commands(); len(verbs) > 0 {
		section("COMMANDS", "")
		for _, v := range verbs {
			if !v.Hidden {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(v.Name()), roff(v.Short))
			}
		}
	}
	if cmd.LocalFlags().HasAvailableFlags() {
		section("OPTIONS", "")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			flag := "--" + f.Name
			if f.Shorthand != "" {
				flag = "-" + f.Shorthand + ", " + flag
			}
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
				usage += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s\n", roff(flag), roff(value), roffLine(usage))
		})
	}
	section("EXAMPLES", roffBlock(cmd.Example))
	section("ENVIRONMENT", ".TP\n.B SHMQ_DIR\nthe directory of queues whose NAME has no slash; "+roff("/dev/shm")+" if it is not set\n")
	section("EXIT STATUS", roffBlock(exit.Text))
	if cmd.HasParent() || !cmd.HasSubCommands() {
		section("SEE ALSO", ".BR shmq (1)\n")
	}
	return b.String()
}

// roffText returns paragraphs, with the indented lines as they are.
func roffText(s string) string {
	var b strings.Builder
	block := false
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		if indented := strings.HasPrefix(line, "  "); indented != block {
			b.WriteString(map[bool]string{true: ".PP\n.nf\n", false: ".fi\n"}[indented])
			block = indented
		}
		if line == "" {
			line = ".PP"
		} else {
			line = roffLine(line)
		}
		b.WriteString(line + "\n")
	}
	if block {
		b.WriteString(".fi\n")
	}
	return b.String()
}

// roffBlock returns lines as they are.
func roffBlock(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(roffLine(strings.TrimRight(line, "\n")) + "\n")
	}
	return ".nf\n" + b.String() + ".fi\n"
}

// roffLine keeps a line from being a macro.
func roffLine(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + roff(s)
	}
	return roff(s)
}

// roff escapes what roff would change.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

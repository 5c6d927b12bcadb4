package cli

import (
	"bytes"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
)

const completionLong = `Print a script that lets the shell complete verbs, flags and the names of queues, for
shmq, shmq-send and shmq-recv.

In the running shell, or in the file that it starts with:
  bash  source <(shmq completion bash)     it needs the package bash-completion
  zsh   source <(shmq completion zsh)      after compinit
  fish  shmq completion fish | source

For a system's completion directories --command picks one of the three.`

const completionExample = `  source <(shmq completion bash)
  shmq completion zsh --command shmq-send > /usr/share/zsh/site-functions/_shmq-send
  shmq completion fish > ~/.config/fish/completions/shmq.fish`

// shells are those that a script can be had for.
var shells = []struct {
	name   string
	script func(*cobra.Command, *bytes.Buffer) error
}{
	{"bash", func(c *cobra.Command, b *bytes.Buffer) error { return c.GenBashCompletionV2(b, true) }},
	{"zsh", func(c *cobra.Command, b *bytes.Buffer) error { return c.GenZshCompletion(b) }},
	{"fish", func(c *cobra.Command, b *bytes.Buffer) error { return c.GenFishCompletion(b, true) }},
}

// programs are the commands that are programs of their own.
func programs() []*cobra.Command {
	return []*cobra.Command{Shmq(), Send("shmq-send"), Recv("shmq-recv")}
}

func completion() *cobra.Command {
	var only string
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	want := "want one of " + strings.Join(names, ", ")
	cmd := &cobra.Command{
		Use:       "completion SHELL",
		Short:     "print a script for the shell to complete with",
		Long:      completionLong,
		Example:   completionExample,
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usage("the SHELL is missing: %s", want)
			}
			if len(args) > 1 {
				return exit.Usage("unexpected argument %q", args[1])
			}
			if !slices.Contains(names, args[0]) {
				return exit.Usage("there is no script for %q: %s", args[0], want)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			script := shells[slices.Index(names, args[0])].script
			var b bytes.Buffer
			for _, p := range programs() {
				if only != "" && only != p.Name() {
					continue
				}
				if err := script(p, &b); err != nil {
					return err
				}
			}
			if b.Len() == 0 {
				return exit.BadFlag("command", only, "want shmq, shmq-send or shmq-recv")
			}
			_, err := os.Stdout.Write(b.Bytes())
			return exit.Output(err)
		},
	}
	flags.Given(cmd.Flags(), &only, "command", "for this `program` only: shmq, shmq-send or shmq-recv")
	flags.Offer(cmd, "command", "shmq", "shmq-send", "shmq-recv")
	return cmd
}

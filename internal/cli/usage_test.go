package cli_test

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli"
	"github.com/shmq/shmq/internal/cli/program"
)

// try runs a command line up to the verb's own work and returns the mistake in it.
func try(root *cobra.Command, args ...string) error {
	var inert func(*cobra.Command)
	inert = func(cmd *cobra.Command) {
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if cmd.RunE != nil && cmd.Name() != "help" && cmd != root {
			cmd.RunE = func(*cobra.Command, []string) error { return nil }
		}
		for _, sub := range cmd.Commands() {
			inert(sub)
		}
	}
	inert(root)
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	cmd, err := root.ExecuteC()
	if err == nil {
		return nil
	}
	return program.Mistake(cmd, err)
}

// own are texts of the libraries below that a user can't make anything of.
var own = []string{"strconv", "parsing", "invalid syntax", "in the group", "pflag", "out of range"}

// A bad value of any flag of any verb is explained in words of our own.
func TestBadValuesAreExplained(t *testing.T) {
	t.Parallel()
	anything := map[string]bool{"exec": true, "dead-letter": true, "dir": true, "hdr": true, "plot": true, "command": true, "input": true, "record": true, "replay": true, "subscription": true, "sweep": true, "to": true, "from": true, "reason": true, "key": true}
	tried := 0
	for _, c := range cli.Shmq().Commands() {
		if c.DisableFlagParsing {
			continue
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			for _, value := range []string{"?", "99999999999999999999", "-5", ""} {
				err := try(cli.Shmq(), c.Name(), "--"+f.Name+"="+value, "q")
				if f.Name == "help" && value == "?" || !anything[f.Name] && f.Name != "help" && value == "?" {
					require.Error(t, err, "%s --%s=%s", c.Name(), f.Name, value)
				}
				if err != nil {
					tried++
					for _, text := range own {
						require.NotContains(t, err.Error(), text, "%s --%s=%s", c.Name(), f.Name, value)
					}
				}
			}
		})
	}
	require.Greater(t, tried, 100)
}

func TestFlagsThatExcludeEachOther(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"send", "q", "--timeout", "1", "--nonblock"}, {"recv", "q", "--until-empty", "--nonblock"},
		{"recv", "q", "--exec", "x", "--on-failure", "drop", "--dead-letter", "d"}, {"recv", "q", "--progress", "--no-progress"},
		{"peek", "q", "--json", "--format", "raw"}, {"dump", "q", "--take", "--leased"}, {"stat", "--prometheus", "--interval", "1"},
	} {
		require.ErrorContains(t, try(cli.Shmq(), args...), "exclude each other", "%v", args)
	}
	require.NoError(t, try(cli.Shmq(), "send", "q", "--timeout", "1"))
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"stta": "stat", "lst": "ls", "lss": "ls", "remove": "rm", "delete": "rm", "list": "ls", "receive": "recv", "recieve": "", "dr": "drain",
		"pek": "peek", "chekc": "check", "frobnicate": "", "x": "", "completions": "completion",
	} {
		err := try(cli.Shmq(), word)
		require.ErrorContains(t, err, `there is no command "`+word+`"`)
		if _, found, ok := strings.Cut(err.Error(), "did you mean "); ok || want != "" {
			require.Equal(t, want+"?", found, word)
		}
	}
	require.ErrorContains(t, try(cli.Shmq(), "recv", "q", "--until-eot"), "did you mean --until-eof?")
	require.NotContains(t, try(cli.Shmq(), "recv", "q", "--frobnicate").Error(), "did you mean")
}

// Each word behind a flag is completed with what the flag takes: its words, or files where
// it takes one, but no files where it does not.
func TestCompletionOfFlagValues(t *testing.T) {
	t.Parallel()
	complete := func(args ...string) string {
		root := cli.Shmq()
		program.Prepare(root)
		var out strings.Builder
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, args...))
		require.NoError(t, root.Execute())
		return out.String()
	}
	const noFiles = ":4\n"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"send", "q", "--producers", ""}, "one\nmany\n" + noFiles},
		{[]string{"create", "q", "--consumers", ""}, "one\nmany\neach\n" + noFiles},
		{[]string{"create", "q", "--slow", ""}, "wait\nskip\n" + noFiles},
		{[]string{"recv", "q", "--from", ""}, "newest\noldest\n" + noFiles},
		{[]string{"recv", "q", "--wait", ""}, "spin-then-park\nspin\npark\n" + noFiles},
		{[]string{"send", "q", "--sync", ""}, "each\n" + noFiles},
		{[]string{"recv", "q", "--on-failure", ""}, "stop\ndrop\n" + noFiles},
		{[]string{"bench", "--sweep", ""}, "size\nslots\nprocs\n" + noFiles},
		{[]string{"tail", "q", "--format", ""}, "lines\nnull\njson\nmsgpack\nraw\n" + noFiles},
		{[]string{"send", "q", "--count", ""}, noFiles},
		{[]string{"gc", "--older-than", ""}, noFiles},
		{[]string{"send", "q", "--input", ""}, ":0\n"},
		{[]string{"bench", "--plot", ""}, ":0\n"},
	} {
		require.Equal(t, c.want, complete(c.args...), "%v", c.args)
	}
}

// A flag whose variable is not set in a script does not mean what the command does without it:
// all letters instead of those of a queue, or a failure that stops instead of a dead letter.
func TestNoFlagTakesAnEmptyValue(t *testing.T) {
	t.Parallel()
	// Those are refused when the verb begins: stdin or a command may be meant, or one of several.
	later := map[string]bool{"exec": true, "key": true, "dir": true, "input": true, "skip-full": true}
	tried := 0
	for _, c := range cli.Shmq().Commands() {
		if c.DisableFlagParsing || c.Hidden {
			continue
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal == "" && !later[f.Name] {
				tried++
				require.ErrorContains(t, try(cli.Shmq(), c.Name(), "--"+f.Name, ""), f.Name+`" flag`, "%s --%s", c.Name(), f.Name)
			}
		})
	}
	require.Greater(t, tried, 100)
}

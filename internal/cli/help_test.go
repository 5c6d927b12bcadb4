package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli"
	"github.com/shmq/shmq/internal/cli/exit"
)

// verbs are all the commands a user can find.
func verbs() []*cobra.Command {
	var found []*cobra.Command
	for _, c := range cli.Shmq().Commands() {
		if !c.Hidden {
			found = append(append(found, c), c.Commands()...)
		}
	}
	return append(found, cli.Send("shmq-send"), cli.Recv("shmq-recv"))
}

func TestEveryVerbExplainsItself(t *testing.T) {
	t.Parallel()
	for _, c := range verbs() {
		require.NotEmpty(t, c.Long, c.Name())
		require.Contains(t, c.Example, c.CommandPath(), "an example of the verb itself")
		require.Equal(t, strings.ToLower(c.Short[:1]), c.Short[:1], c.Name())
		for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
			require.LessOrEqual(t, len([]rune(line)), 88, "%s: %s", c.Name(), line)
		}
		require.NotNil(t, c.Args, "%s takes any arguments", c.Name())
		for _, line := range strings.Split(c.UsageString(), "\n") {
			require.LessOrEqual(t, strings.Count(line, "(default "), 1, line)
		}
	}
}

// Every verb and every code stands in the documentation.
func TestEveryVerbIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	for _, c := range verbs() {
		name := c.CommandPath()
		if !strings.Contains(string(doc), "`"+name) {
			t.Errorf("%s is not in docs/commands.md", name)
		}
	}
}

// A verb that tells its exit codes tells none that there is not.
func TestExitCodesOfVerbsExist(t *testing.T) {
	t.Parallel()
	told := 0
	for _, c := range verbs() {
		_, own, _ := strings.Cut(c.Long, "\nExit")
		for _, code := range regexp.MustCompile(`\b([67]\d|1[2-4]\d)\b`).FindAllString(own, -1) {
			n, err := strconv.Atoi(code)
			require.NoError(t, err)
			require.True(t, exit.All()[n], "%s: %d", c.Name(), n)
			told++
		}
	}
	require.NotZero(t, told)
}

func TestManualPagesAreWellFormed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ran(t, 0, "shmq", "man", "--dir", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	require.NoError(t, err)
	require.Len(t, pages, len(verbs())-2+1, "send and recv once, and shmq itself")
	groff, err := exec.LookPath("groff")
	for _, page := range pages {
		b, e := os.ReadFile(page)
		require.NoError(t, e)
		for _, line := range bytes.Split(b, []byte("\n")) {
			if bytes.HasPrefix(line, []byte(".")) {
				require.Regexp(t, `^\.(TH|SH|PP|TP|B|BR|nf|fi)( |$)`, string(line), page)
			}
		}
		for _, part := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXAMPLES\n"} {
			require.Contains(t, string(b), part, page)
		}
		if err == nil {
			out, e := exec.Command(groff, "-man", "-ww", "-z", page).CombinedOutput()
			require.NoError(t, e, string(out))
			require.Empty(t, string(out))
		}
	}
}

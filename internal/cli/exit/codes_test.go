package exit

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/rpc"
)

// libraryErrors are all errors of the library by name.
var libraryErrors = map[string]error{
	"ErrFull": shmq.ErrFull, "ErrEmpty": shmq.ErrEmpty, "ErrTooLarge": shmq.ErrTooLarge, "ErrClosed": shmq.ErrClosed,
	"ErrName": shmq.ErrName, "ErrOption": shmq.ErrOption, "ErrRoleTaken": shmq.ErrRoleTaken, "ErrNoSeat": shmq.ErrNoSeat,
	"ErrInUse": shmq.ErrInUse, "ErrNotQueue": shmq.ErrNotQueue, "ErrVersion": shmq.ErrVersion, "ErrNoSpace": shmq.ErrNoSpace,
	"ErrRefused": shmq.ErrRefused, "ErrRemoved": shmq.ErrRemoved, "ErrTruncated": shmq.ErrTruncated, "ErrSync": shmq.ErrSync,
	"ErrDamaged": shmq.ErrDamaged, "ErrBrokenOff": shmq.ErrBrokenOff, "ErrManyProducers": shmq.ErrManyProducers,
}

var otherErrors = map[string]error{
	"fs.ErrNotExist": fs.ErrNotExist, "fs.ErrPermission": fs.ErrPermission, "fs.ErrExist": fs.ErrExist,
	"rpc.ErrNoServer": rpc.ErrNoServer,
}

func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// Each error has a row of the manual, with the exit code that it has.
func TestErrorsOfTheManual(t *testing.T) {
	t.Parallel()
	declared := regexp.MustCompile(`(?m)^\t(Err[A-Za-z]+) += `).FindAllStringSubmatch(document(t, "../../../doc.go"), -1)
	require.Len(t, declared, len(libraryErrors))
	for _, m := range declared {
		require.Contains(t, libraryErrors, m[1])
	}
	_, table, _ := strings.Cut(document(t, "../../../docs/operations.md"), "\n### By error\n")
	table, _, _ = strings.Cut(table, "\n### ")
	found := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\| (\\d+) \\|").FindAllStringSubmatch(table, -1) {
		for _, name := range regexp.MustCompile("`(.*?)`").FindAllStringSubmatch(row[1], -1) {
			found[name[1]], _ = strconv.Atoi(row[2])
		}
	}
	want := map[string]int{}
	for _, errs := range []map[string]error{libraryErrors, otherErrors} {
		for name, err := range errs {
			want[name] = Code(err)
		}
	}
	require.Equal(t, want, found)
}

// The manual pages and docs/commands.md have the codes that there are.
func TestExitCodesAreToldAlike(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(document(t, "../../../docs/commands.md"), "\n## Exit codes\n")
	require.Equal(t, All(), numbers(regexp.MustCompile(`(?m)^\| ([\d, ]+) \|`), section), "docs/commands.md")
	require.Equal(t, All(), numbers(regexp.MustCompile(`(?m)^ +([\d, ]+)  `), Text), "manual pages")
}

// A Go program that crashes exits with 2: no command of ours ends so by itself, and the
// sample unit starts it again.
func TestCrashIsNoExitCode(t *testing.T) {
	t.Parallel()
	require.NotContains(t, All(), 2)
	manual := document(t, "../../../docs/operations.md")
	unit := regexp.MustCompile(`(?m)^RestartPreventExitStatus=(.*)$`).FindStringSubmatch(manual)
	require.NotNil(t, unit)
	require.Equal(t, fmt.Sprintf("%d %d %d", CodeUsage, CodeData, CodeNoAccess), unit[1])
	require.Contains(t, manual, "\nKillMode=mixed\n", "else a command gets the signal twice")
}

// numbers returns those of the first group of each match.
func numbers(rows *regexp.Regexp, text string) map[int]bool {
	found := map[int]bool{}
	for _, row := range rows.FindAllStringSubmatch(text, -1) {
		for _, field := range strings.FieldsFunc(row[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			n, err := strconv.Atoi(field)
			if err == nil {
				found[n] = true
			}
		}
	}
	return found
}

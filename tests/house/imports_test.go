// Package house_test holds the rules of the house: which room may use which.
package house_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/shmq/shmq"

// floors are the packages, from the ground up. A package imports only packages of lower
// floors; on its own floor, only those in its own folder. A name with /... stands for all
// below it that have no line of their own.
var floors = []string{
	"layout  internal/atomics  internal/sys  internal/retry  internal/wire  internal/plot  internal/share  internal/cells  internal/blockcopy",
	"ring/internal/region  internal/looks  internal/park  internal/fail  codec/...  internal/dump",
	"ring  internal/socket",
	"ring/inspect",
	"internal/place  internal/jsonpack  worker/deadletter",
	"internal/place/file  internal/place/memfd",
	"internal/place/sysv",
	"internal/name",
	"internal/mapped",
	"internal/gate  internal/seat",
	".",
	"internal/attach  internal/flow/...  internal/metrics  internal/words",
	"producer  consumer  conn/...  internal/watch",
	"selector  internal/graph  internal/history",
	"internal/intake  internal/graph/draw",
	"internal/crew",
	"worker  rpc",
	"internal/bench  internal/demo  internal/top/...  internal/web/...",
	"internal/cli/exit  internal/cli/format",
	"internal/cli/report",
	"internal/cli/flags",
	"internal/cli/progress  internal/cli/pump",
	"internal/cli/worker",
	"internal/cli/...", // the verbs
	"internal/cli",
	"cmd/...  examples/...  tests/...  clients/...",
}

// support reports whether a package is what tests share: it uses anything, and only tests
// use it.
func support(pkg string) bool {
	return strings.HasPrefix(pkg, "internal/test") || slices.Contains([]string{"internal/place/placetest", "internal/ringtest", "internal/scribble"}, pkg)
}

// kernel are the packages, beside those for tests, that call the kernel themselves.
var kernel = []string{"internal/sys", "internal/bench"}

// pure are the packages that call nothing of the system: they work on bytes.
var pure = []string{"layout", "ring", "codec"}

// floor returns the floor of a package, -1 if it has none.
func floor(pkg string) int {
	best, at := "", -1
	for i, line := range floors {
		for _, name := range strings.Fields(line) {
			all, below := strings.CutSuffix(name, "/...")
			if (pkg == all || below && strings.HasPrefix(pkg, all+"/")) && len(all) > len(best) {
				best, at = all, i
			}
		}
	}
	return at
}

// imports returns what each package of the module imports, without its tests. The module's
// own packages are named by their folder.
func imports(t *testing.T, flags ...string) map[string][]string {
	t.Helper()
	args := append([]string{"list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}"}, flags...)
	list := exec.Command("go", append(args, module+"/...")...)
	list.Dir = "../.."
	var said bytes.Buffer // warnings as well, of symbolic links for one
	list.Stderr = &said
	out, err := list.Output()
	require.NoError(t, err, "%s", &said)
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		names := strings.Fields(line)
		for i, name := range names {
			if name == module {
				names[i] = "."
			} else {
				names[i] = strings.TrimPrefix(name, module+"/")
			}
		}
		all[names[0]] = names[1:]
	}
	require.Greater(t, len(all), 30)
	return all
}

// faults returns what breaks the rules.
func faults(all map[string][]string) (found []string) {
	for pkg, imported := range all {
		if support(pkg) {
			continue
		}
		if floor(pkg) < 0 {
			found = append(found, pkg+" has no floor: give it one in floors, above all that it imports")
			continue
		}
		for _, used := range imported {
			_, ours := all[used]
			switch {
			case used == "golang.org/x/sys/unix" && !slices.Contains(kernel, pkg):
				found = append(found, pkg+" calls the kernel: that is for internal/sys")
			case slices.Contains(pure, pkg) && slices.Contains([]string{"os", "net", "syscall"}, used):
				found = append(found, pkg+" imports "+used+": it has to work on bytes")
			case support(used):
				found = append(found, pkg+" imports "+used+", which is for tests")
			case ours && floor(used) == floor(pkg) && strings.HasPrefix(used, pkg+"/"):
			case ours && floor(used) >= floor(pkg):
				found = append(found, pkg+" imports "+used+", which is not below it")
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"-tags", "shmqstep"}} {
		require.Empty(t, faults(imports(t, flags...)))
	}
}

// The programs that run by the hundred start fast and small: what serves pages or measures is
// not in them.
func TestSendAndRecvAreLean(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"shmq-send", "shmq-recv"} {
		list := exec.Command("go", "list", "-deps", "./cmd/"+program)
		list.Dir = "../.."
		out, err := list.Output()
		require.NoError(t, err)
		deps := strings.Fields(string(out))
		require.Contains(t, deps, module+"/internal/attach")
		for _, heavy := range []string{"net/http", "crypto/tls", "embed", module + "/internal/web", module + "/internal/graph", module + "/internal/bench"} {
			require.NotContains(t, deps, heavy, program)
		}
	}
}

// A program that links text/template, as a version template of cobra makes it, keeps each exported method of all its
// packages: a quarter of its size.
func TestProgramsLinkNoTemplates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, program := range []string{"shmq-send", "shmq-recv"} {
		build := exec.Command("go", "build", "-o", dir, "./cmd/"+program)
		build.Dir = "../.."
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
		symbols, err := exec.Command("go", "tool", "nm", filepath.Join(dir, program)).Output()
		require.NoError(t, err)
		has := func(symbol string) bool { return strings.Contains(string(symbols), symbol) }
		require.True(t, has(module+"/internal/attach."))
		require.False(t, has("text/template.(*state).evalField"), program)
	}
}

// Each rule sees what breaks it.
func TestImportRulesAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pkg, used, says string }{
		{"internal/place", "internal/place/file", "internal/place imports internal/place/file, which is not below it"},
		{"internal/seat", "internal/gate", "internal/seat imports internal/gate, which is not below it"},
		{"internal/mapped", ".", "internal/mapped imports ., which is not below it"},
		{".", "internal/attach", ". imports internal/attach, which is not below it"},
		{"producer", "consumer", "producer imports consumer, which is not below it"},
		{"consumer", "internal/testagent", "consumer imports internal/testagent, which is for tests"},
		{"internal/gate", "golang.org/x/sys/unix", "internal/gate calls the kernel: that is for internal/sys"},
		{"ring", "syscall", "ring imports syscall: it has to work on bytes"},
		{"attic", "layout", "attic has no floor: give it one in floors, above all that it imports"},
	} {
		all := imports(t)
		all[c.pkg] = append(all[c.pkg], c.used)
		require.Equal(t, []string{c.says}, faults(all))
	}
	all := imports(t)
	all["internal/cli/pump"] = []string{"producer"}
	all["internal/cli"] = append(all["internal/cli"], "internal/cli/pump")
	require.Empty(t, faults(all))
}

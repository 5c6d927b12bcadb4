//go:build linux

package cli_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/layout"
)

// operations is what docs/operations.md says.
func operations(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	return string(doc)
}

// blocks are the parts of a document between fences of a language.
func blocks(doc, language string) (found []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(doc, -1) {
		found = append(found, m[1])
	}
	return found
}

// The lines of a block are pasted into a shell, with queues in a directory of its own.
func TestShellLinesOfTheManualRun(t *testing.T) {
	t.Parallel()
	all := blocks(operations(t), "sh")
	require.Greater(t, len(all), 3)
	for _, lines := range all {
		name, _, _ := strings.Cut(lines, "\n")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command("sh", "-ec", lines)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "SHMQ_DIR="+dir, "GORACE="+raceOptions)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s%s", lines, out)
			require.NotContains(t, string(out), "rror", lines)
		})
	}
}

// systemd understands the units, and has no doubts.
func TestUnitsOfTheManual(t *testing.T) {
	t.Parallel()
	verifier, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	names := []string{"shmq-jobs.service", "shmq-worker.service", "shmq-gc.service", "shmq-gc.timer"}
	units := blocks(operations(t), "ini")
	require.Len(t, units, len(names))
	dir := t.TempDir()
	program := regexp.MustCompile(`/usr/local/bin/[a-z-]+`)
	var paths []string
	for i, name := range names {
		paths = append(paths, filepath.Join(dir, name))
		unit := program.ReplaceAllString(units[i], "/bin/sh") // the programs are not there
		require.NoError(t, os.WriteFile(paths[i], []byte(unit), 0o600))
	}
	out, err := exec.Command(verifier, append([]string{"verify", "--man=no"}, paths...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) { // units of the machine may have faults of their own
		require.False(t, slices.ContainsFunc(names, func(n string) bool { return strings.Contains(line, n) }), line)
	}
	if err != nil {
		t.Skipf("systemd-analyze can't judge here: %v: %s", err, out)
	}
}

// The metrics that alerts are made of are printed, with the labels that they ask for.
func TestMetricsOfTheManualExist(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Timestamps: true}))
	sendBytes(t, q, "a")
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.TryLease()
	require.NoError(t, err)
	each := queuePath(t)
	require.NoError(t, shmq.Create(each, &shmq.Options{Consumers: shmq.Each}))
	subscriber, err := consumer.OpenRaw(each, nil)
	require.NoError(t, err)
	defer subscriber.Close()
	out := start(t, nil, nil, "shmq", "stat", "--prometheus", q, each)
	out.ends(0)
	doc := operations(t)
	names := regexp.MustCompile(`\bshmq_[a-z_]+`).FindAllString(doc, -1)
	require.Greater(t, len(names), 8)
	for _, name := range names {
		require.Contains(t, out.out.String(), "\n"+name+"{", "no such metric")
	}
	for _, label := range regexp.MustCompile(`[{ ]([a-z]+="[a-z]+")`).FindAllStringSubmatch(doc, -1) {
		require.Contains(t, out.out.String(), label[1], "no such label")
	}
}

// The table of sizes is what the library makes.
func TestSizesOfTheManual(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(operations(t), "\n## Sizes\n")
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (\d+) \| ([\d.]+ .iB) \| ([\d.]+ .iB) \|$`).FindAllStringSubmatch(section, -1)
	require.Greater(t, len(rows), 4)
	for _, row := range rows {
		slots, err := strconv.ParseUint(row[1], 10, 64)
		require.NoError(t, err)
		size, err := strconv.ParseUint(row[2], 10, 64)
		require.NoError(t, err)
		g := layout.Geometry{ManyProducers: true, ManyConsumers: true, Seats: shmq.DefaultSeats, Slots: slots, AreaSize: size}
		require.NoError(t, g.Check())
		formula := 8192 + 256*shmq.DefaultSeats + slots*(64+size)
		require.Less(t, g.TotalSize()-formula, uint64(4096), row[0])
		require.InEpsilon(t, float64(g.TotalSize()), number(t, row[3]), 0.02, row[0])
		require.InEpsilon(t, float64(g.MaxRecord()), number(t, row[4]), 0.02, row[0])
	}
}

// number reads 4.3 MiB.
func number(t *testing.T, s string) float64 {
	t.Helper()
	var v float64
	var unit string
	_, err := fmt.Sscanf(s, "%f %s", &v, &unit)
	require.NoError(t, err)
	return v * math.Pow(1024, float64(1+strings.Index("KMG", unit[:1])))
}

// Each exit code of the manual is one of the commands'.
func TestExitCodesOfTheManual(t *testing.T) {
	t.Parallel()
	commands, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	_, known, _ := strings.Cut(string(commands), "\n## Exit codes\n")
	tables, _, _ := strings.Cut(operations(t), "\n## Sizes\n")
	cells := regexp.MustCompile(`(?m)\| ([\d, ]+) \|`).FindAllStringSubmatch(tables, -1)
	require.Greater(t, len(cells), 40)
	for _, cell := range cells {
		for _, code := range strings.Split(cell[1], ", ") {
			if code != "137" { // SIGKILL
				require.Regexp(t, `(?m)^\| ([\d, ]*, )?`+code+`[,\d ]* \|`, known)
			}
		}
	}
}

// Messages that the manual quotes are those of the program, or the kernel.
func TestRefusalsOfTheManualAreSaid(t *testing.T) {
	t.Parallel()
	said := []string{"Killed"} // by a shell
	for no := syscall.Errno(1); no < 134; no++ {
		said = append(said, no.Error())
	}
	for _, path := range repository(t, ".go") {
		if !strings.HasSuffix(path, "_test.go") {
			said = append(said, read(t, path))
		}
	}
	_, table, _ := strings.Cut(operations(t), "\n### By what is seen\n")
	table, _, _ = strings.Cut(table, "\n### ")
	rows := regexp.MustCompile("(?m)^\\| (`.*?) \\| (\\d*) \\|").FindAllStringSubmatch(table, -1)
	require.Greater(t, len(rows), 30)
	for _, row := range rows {
		for _, text := range regexp.MustCompile("`(.*?)`").FindAllStringSubmatch(row[1], -1) {
			for _, part := range strings.Split(text[1], " N ") { // a number
				require.True(t, slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, part) }), part)
			}
		}
	}
}

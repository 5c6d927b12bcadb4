//go:build linux

// Package browser_test drives the page of `shmq web` in Chromium. Its scenarios are in
// page.test.mjs; they need node, npm and chromium, and run when -all is given.
package browser_test

import (
	"bufio"
	"context"
	"flag"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

var (
	all   = flag.Bool("all", false, "drive a browser; what that needs has to be there")
	shots = flag.String("shots", "", "take the screenshots of the documents into this `folder`")
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

// maxShot is what a screenshot may weigh.
const maxShot = 150_000

// stage makes a folder with the scenarios, their libraries and shmq, and returns it with the
// environment of what runs there.
func stage(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	files, err := filepath.Glob("*.mjs")
	require.NoError(t, err)
	files = append(files, "package.json", "package-lock.json")
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	run := func(in, name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir = in
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	run("../../..", "go", "build", "-o", filepath.Join(dir, "shmq"), "./cmd/shmq")
	run(dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	chromium, err := exec.LookPath("chromium")
	require.NoError(t, err)
	// Queues in a folder of their own: the copies of shmq there have to be run.
	return dir, append(os.Environ(), "SHMQ="+filepath.Join(dir, "shmq"), "SHMQ_CHROMIUM="+chromium, "SHMQ_BROWSER_QUEUES="+os.Getenv("SHMQ_DIR"))
}

// node runs a script to its end.
func node(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	for s := bufio.NewScanner(out); s.Scan(); {
		t.Log(s.Text())
	}
	require.NoError(t, cmd.Wait())
}

func TestThePageInABrowser(t *testing.T) {
	if !*all {
		t.Skip("no browser is driven without -all: internal/web/browser/run")
	}
	dir, env := stage(t)
	node(t, dir, env, "--test-reporter=spec", "page.test.mjs")
}

func TestScreenshots(t *testing.T) {
	if *shots == "" {
		t.Skip("screenshots are taken when -shots says where to")
	}
	dir, env := stage(t)
	node(t, dir, env, "shots.mjs", dir)
	taken, err := filepath.Glob(filepath.Join(dir, "*.png"))
	require.NoError(t, err)
	require.NotEmpty(t, taken)
	for _, name := range taken {
		f, err := os.Open(name)
		require.NoError(t, err)
		picture, err := png.Decode(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		var b strings.Builder
		require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, picture))
		require.Less(t, b.Len(), maxShot, name)
		require.NoError(t, os.WriteFile(filepath.Join(*shots, filepath.Base(name)), []byte(b.String()), 0o644))
	}
}

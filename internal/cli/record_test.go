//go:build linux

package cli_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replayed returns the lines of a replay as JSON, each of which has to be whole.
func replayed(t *testing.T, file string) (times []string, stderr string) {
	t.Helper()
	p := start(t, nil, nil, "shmq", "top", "--replay", file, "--format", "json")
	stderr = p.ends(0)
	for line := range strings.Lines(p.out.String()) {
		var f struct {
			Time   string
			Queues []map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(line), &f))
		require.Len(t, f.Queues, 2)
		require.Equal(t, "alpha", f.Queues[0]["name"])
		require.EqualValues(t, 2, f.Queues[0]["records"])
		times = append(times, f.Time)
	}
	require.IsIncreasing(t, times)
	return times, stderr
}

// A recorder that is killed at any moment leaves all whole frames, and the next one goes on.
func TestRecorderIsKilled(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "alpha", "beta")
	sendBytes(t, filepath.Join(dir, "shmq.alpha"), "a", "b")
	file := filepath.Join(t.TempDir(), "rec")
	env := []string{"SHMQ_DIR=" + dir}
	size := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	seen := []string{}
	for range 8 {
		before := size()
		p := startWith(t, env, "shmq", "top", "--record", file, "--every", "50ms")
		until(t, "a frame", func() bool { return size() > max(before, 8) })
		time.Sleep(rand.N(120 * time.Millisecond)) // any moment
		require.NoError(t, p.Process.Kill())
		<-p.done
		p.done <- nil
		times, _ := replayed(t, file)
		require.Greater(t, len(times), len(seen))
		require.Equal(t, seen, times[:len(seen)], "frames of the runs before")
		seen = append([]string{}, times...)
	}
	// A kill in the middle of a write.
	require.NoError(t, os.Truncate(file, size()-3))
	times, stderr := replayed(t, file)
	require.Equal(t, seen[:len(seen)-1], times)
	require.Contains(t, stderr, "the last frame is torn")
	p := startWith(t, env, "shmq", "top", "--record", file, "--for", "120ms", "--every", "50ms")
	require.Contains(t, p.ends(0), "the last frame was torn; ")
	now, stderr := replayed(t, file)
	require.Empty(t, stderr)
	require.Equal(t, times, now[:len(times)])
	require.Greater(t, len(now), len(times))
}

func TestReplayOnATerminal(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "alpha", "beta")
	sendBytes(t, filepath.Join(dir, "shmq.alpha"), "a", "b")
	file := filepath.Join(t.TempDir(), "rec")
	startWith(t, []string{"SHMQ_DIR=" + dir}, "shmq", "top", "--record", file, "--for", "400ms", "--every", "50ms").ends(0)
	times, _ := replayed(t, file)
	require.Greater(t, len(times), 3)
	r := topOn(t, t.TempDir(), nil, "--replay", file)
	s := r.shows("replay ")
	require.Regexp(t, `(?m)^> alpha +2  25% `, s)
	r.Type("0 ")
	r.shows("paused")
	r.Type("0")
	r.shows("replay 1/")
	r.Type("..")
	r.shows("replay 3/")
	r.Type(",")
	r.shows("replay 2/")
	r.Type("]") // a minute on is the end
	r.Type("9")
	require.Contains(t, r.Until("the end", func(s string) bool {
		n := strings.Fields(s[strings.LastIndex(s, "replay ")+7:])[0]
		return strings.Split(n, "/")[0] == strings.Split(n, "/")[1]
	}), "paused")
	r.Type("0+ ")
	r.shows("end") // it plays to the end
	r.Type("\r")
	r.shows("queue alpha: 8 slots")
	r.Type("q")
	r.ends(0)
}

func TestRecordingsThatAreNone(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "q")
	file := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(file, []byte("no recording at all"), 0o600))
	env := []string{"SHMQ_DIR=" + dir}
	fails := func(code int, says string, args ...string) {
		t.Helper()
		require.Contains(t, startWith(t, env, "shmq", append([]string{"top"}, args...)...).ends(code), says)
	}
	fails(65, "not a recording of shmq top", "--replay", file)
	fails(65, "not a recording of shmq top", "--record", file)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "no recording at all", string(b))
	require.NoError(t, os.WriteFile(file, []byte("shmqhis\x07"), 0o600))
	fails(65, "version 7, and this program knows 1", "--replay", file)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	fails(65, "the recording has no whole frame", "--replay", file)
	fails(1, "no such file", "--replay", file+"none")
	fails(64, "exclude each other", "--replay", file, "--record", file)
	fails(64, "are for --record", "--every", "1s")
	fails(64, "is for --replay", "--format", "json")
	fails(64, "no NAME", "--replay", file, "q")
	fails(64, "50ms or more", "--record", file, "--every", "1ms")
}

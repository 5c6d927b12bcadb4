//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A dump looks at a queue whose records go meanwhile: it says how many it has and how many not.
func TestDumpTellsWhatItMissed(t *testing.T) {
	t.Parallel()
	const all = 4096
	wide := func(from, n int) io.Reader {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "%0200d\n", from+i)
		}
		return &b
	}
	for kind, flags := range map[string][]string{
		"many": nil, "one": {"--consumers", "one"}, "one to one": {"--producers", "one", "--consumers", "one"},
		"each": {"--consumers", "each", "--slow", "skip"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			ran(t, 0, "shmq", append([]string{"create", q, "--slots", strconv.Itoa(all), "--slot-size", "256"}, flags...)...)
			// What was received before is not missed.
			start(t, wide(0, 100), nil, "shmq-send", q).ends(0)
			if kind != "each" {
				rest(t, q)
			}
			start(t, wide(100, all), nil, "shmq-send", q).ends(0)
			r, w, err := os.Pipe()
			require.NoError(t, err)
			defer r.Close()
			p := start(t, nil, w, "shmq", "dump", q)
			require.NoError(t, w.Close())
			until(t, "a blocked write", inCall(p, unix.SYS_WRITE))
			if kind == "each" {
				start(t, wide(0, all), nil, "shmq-send", q).ends(0)
			} else {
				start(t, nil, nil, "shmq", "drain", q).ends(0)
			}
			_, err = io.Copy(io.Discard, r)
			require.NoError(t, err)
			m := regexp.MustCompile(`: (\d+) records, .*; missed: (\d+) that went while this looked, or fewer if some took several slots\n$`).FindStringSubmatch(p.ends(0))
			require.NotNil(t, m, p.stderr.String())
			dumped, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			missed, err := strconv.Atoi(m[2])
			require.NoError(t, err)
			require.Positive(t, missed)
			if kind != "each" {
				require.Equal(t, all, dumped+missed)
				return
			}
			// There the dump may have records, too, that were sent as it began.
			require.LessOrEqual(t, missed, all)
			require.GreaterOrEqual(t, dumped+missed, all)
		})
	}
	// Nothing goes: nothing is said.
	q := queuePath(t)
	start(t, wide(0, 100), nil, "shmq-send", q, "--slots", "128").ends(0)
	ran(t, 0, "shmq", "drain", q, "--count", "50")
	require.Regexp(t, `: 50 records, [^;]*\n$`, start(t, nil, nil, "shmq", "dump", q, q+".dump").ends(0))
}

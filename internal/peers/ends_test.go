//go:build linux

package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// longest is how long one run may take.
const longest = 10 * time.Minute

// run is what one run of a peer does, as its two processes are told.
type run struct {
	Dir       string // for the names of both
	Records   int
	RoundTrip bool // each record is answered before the next is sent
	Batch     int  // records that are published together, one way only
	Polling   bool // the ends poll instead of waiting in the kernel
	Many      bool // roles that several processes may hold
	Pinning   pinning
}

// goPeer runs the sender and the receiver of a peer that is written in Go, and returns
// what the sender measured, in nanoseconds a record. It counts from the first record sent to
// the answer to the last: the receiver has checked them all by then.
func goPeer(t testing.TB, name string, r run) float64 {
	dir, err := os.MkdirTemp(os.Getenv("SHMQ_DIR"), "")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	r.Dir = dir
	r.Batch = max(r.Batch, 1)
	arg, err := json.Marshal(r)
	require.NoError(t, err)

	var sender, receiver *testproc.Proc
	r.Pinning.startingOn(1, func() { receiver = testproc.Start(t, name+"-receiver", string(arg)) })
	receiver.Expect("ready")
	r.Pinning.startingOn(0, func() { sender = testproc.Start(t, name+"-sender", string(arg)) })
	var took, received string
	for end := time.Now().Add(longest); took == "" || received == ""; {
		require.True(t, time.Now().Before(end), "no end within %v", longest)
		if took == "" { // whichever fails, the other may wait for it
			took, _ = sender.LineWithin(50 * time.Millisecond)
		}
		if received == "" {
			received, _ = receiver.LineWithin(50 * time.Millisecond)
		}
	}
	require.Equal(t, fmt.Sprintf("received %d", r.Records), received)
	sender.Exit()
	receiver.Exit()
	d, err := time.ParseDuration(took)
	require.NoError(t, err)
	return float64(d) / float64(r.Records)
}

// told is a child's reading of what to do.
func told(c *testproc.Child) (r run) {
	c.Check(json.Unmarshal([]byte(c.Args[0]), &r))
	return r
}

func (r run) path(name string) string { return filepath.Join(r.Dir, name) }

var background = context.Background()

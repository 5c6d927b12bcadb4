//go:build linux

package ctest_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

// Either begins an incarnation where one is due, and the other sees that it is not due any
// more: in a queue that no process has used, in a copy, and in a file that was written over. The
// counts of either are in the sums.
func incarnations(t *testing.T, client program) {
	inMemory := testagent.Queue(t, &shmq.Options{Slots: slots, SlotSize: slotSize, Seats: 2, Timestamps: true})
	onDisk := filepath.Join(t.TempDir(), "queue")
	require.NoError(t, shmq.Create(onDisk, &shmq.Options{Slots: slots, SlotSize: slotSize, Seats: 2}))
	for _, q := range []string{inMemory, onDisk} {
		path := testagent.Path(t, q)
		sent := 0
		goSends := func() {
			p := openProducer(t, q)
			require.NoError(t, p.TrySend(nil))
			require.NoError(t, p.Close())
			sent++
		}
		cSends := func() {
			out, err := client(t, "send", path, "1").CombinedOutput()
			require.NoError(t, err, "%s", out)
			sent++
		}
		ids := func() (in []uint64) {
			v, err := shmq.View(q)
			require.NoError(t, err)
			for range sent {
				var rec shmq.Record
				require.NoError(t, v.Next(&rec))
				in = append(in, rec.ID.Incarnation)
				if q == inMemory {
					require.WithinDuration(t, time.Now(), rec.Sent, time.Minute)
				}
			}
			require.NoError(t, v.Close())
			return in
		}
		cSends()
		goSends()
		cSends()
		in := ids()
		require.NotZero(t, in[0])
		require.Equal(t, q == inMemory, in[0] == in[1] && in[1] == in[2], "%x", in) // on a disk each comes alone
		if q == onDisk {
			require.NotEqual(t, in[1], in[2])
		}

		b, err := os.ReadFile(path)
		require.NoError(t, err)
		backup := sent
		goSends()
		cSends()
		lost := ids()[backup:]
		time.Sleep(20 * time.Millisecond) // more than a tick of the kernel's coarse clock
		require.NoError(t, os.WriteFile(path, b, 0o600))
		sent = backup
		require.Equal(t, in, ids(), "they keep theirs")
		cSends()
		goSends()
		again := ids()[backup:]
		require.NotContains(t, lost, again[0])
		require.NotContains(t, lost, again[1])
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.EqualValues(t, sent, info.Sent)
		require.Zero(t, info.Uncounted)
	}
}

//go:build linux

package powercut_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

// A copy of pages of different moments has every record that was sent before the first
// and not acknowledged until the last.
func TestMixedImageIsRebuilt(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testproc.Long() {
		rounds = 300
	}
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Seats, o.Checksum = 64, 256, 8, true
		q := testagent.Queue(t, &o)
		l, _ := crew(t, q, o, "none")
		records := 0
		for round := range rounds {
			l.onward(t, 30)
			name := testagent.Name(t)
			m := l.during(func() { testdisk.CopyInPieces(t, q, name) })
			info, err := shmq.Stat(name)
			require.NoError(t, err)
			require.True(t, info.Broken)
			records += m.check(t, name)
			if round == 0 {
				testagent.Works(t, name)
			}
			require.NoError(t, shmq.Remove(name))
		}
		require.Positive(t, records, "the queue was never empty")
		t.Logf("%d images, %d records", rounds, records)
	})
}

//go:build linux

package consumer

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// A lease that was held while another queue was copied over the file is settled nowhere, and Close says why.
func TestSettlingTouchesNoOtherQueue(t *testing.T) {
	t.Parallel()
	for what, settle := range map[string]func(c *Raw, ls []Lease){
		"Ack":      func(_ *Raw, ls []Lease) { ls[0].Ack() },
		"Release":  func(_ *Raw, ls []Lease) { ls[0].Release() },
		"AckBatch": func(c *Raw, ls []Lease) { c.AckBatch(ls) },
	} {
		for _, consumers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
			t.Run(what+" "+consumers.String(), func(t *testing.T) {
				t.Parallel()
				q := t.TempDir() + "/q"
				require.NoError(t, shmq.Create(q, &shmq.Options{Consumers: consumers, Slots: 8, Seats: 2}))
				p, err := producer.OpenRaw(q, nil)
				require.NoError(t, err)
				c, err := OpenRaw(q, nil)
				require.NoError(t, err)
				for range 2 {
					require.NoError(t, p.TrySend([]byte("a")))
				}
				ls := make([]Lease, 2)
				n, err := c.TryLeaseBatch(ls)
				require.NoError(t, err)
				require.Equal(t, 2, n)
				testproc.Until(t, c.end.Due)
				other, err := os.ReadFile(q)
				require.NoError(t, err)
				other[layout.OffCreationID]++
				require.NoError(t, os.WriteFile(q, other, 0o600))
				settle(c, ls)
				after, err := os.ReadFile(q)
				require.NoError(t, err)
				require.Equal(t, other, after)
				require.ErrorIs(t, c.Close(), shmq.ErrTruncated)
				_ = p.Close()
			})
		}
	}
}

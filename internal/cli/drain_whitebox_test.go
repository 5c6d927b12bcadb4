//go:build linux

package cli

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// The file is cut between taking records and formatting them.
func TestDrainOfLeasesThatAreCut(t *testing.T) {
	t.Parallel()
	q := t.TempDir() + "/q"
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("\xa3abc")))
	require.NoError(t, p.Close())
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	ls := make([]consumer.Lease, 1)
	_, err = c.TryLeaseBatch(ls)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(q, 0))
	d := &drain{hold: hold{ctx: t.Context()}, from: c, format: formats[0]}
	d.hold.mu.Lock()
	require.ErrorIs(t, d.write(ls), shmq.ErrTruncated)
	require.NoError(t, c.Close())
}

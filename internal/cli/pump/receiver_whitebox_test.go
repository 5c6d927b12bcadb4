//go:build linux

package pump

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/intake"
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
	from, err := intake.New(c)
	require.NoError(t, err)
	r := &Receiver{Hold: Hold{Ctx: t.Context()}, From: from, Format: format.All[0]}
	r.Hold.mu.Lock()
	require.ErrorIs(t, r.write(ls), shmq.ErrTruncated)
	require.NoError(t, c.Close())
}

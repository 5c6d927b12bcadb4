package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// A queue in a System V segment comes, counts, and goes. When only its side file is left, that
// is told.
func TestSegmentQueue(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	key := testagent.FreeKey(t)
	q := testagent.KeyName(key)
	e := start(t)
	require.NotContains(t, e.scrape(), fmt.Sprintf("shmq_up{queue=%q}", q))

	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}))
	p, err := producer.OpenRaw(q, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, p.TrySend([]byte("x")))
	}
	c, err := consumer.OpenRaw(q, &consumer.Options{NoCreate: true})
	require.NoError(t, err)
	l, err := c.TryLease()
	require.NoError(t, err)
	m := e.scrape()
	require.EqualValues(t, 1, m.of(t, "shmq_up", q))
	require.EqualValues(t, 3, m.of(t, "shmq_records_sent_total", q))
	require.EqualValues(t, 2, m.of(t, "shmq_records_waiting", q))
	require.EqualValues(t, 1, m.of(t, "shmq_records_leased", q))
	require.EqualValues(t, 1, m[fmt.Sprintf(`shmq_participants{alive="true",queue=%q,role="consumer"}`, q)])
	l.Ack()
	require.NoError(t, c.Close())
	require.NoError(t, p.Close())

	id, err := sys.FindSegment(key)
	require.NoError(t, err)
	require.NoError(t, sys.RemoveSegment(id))
	m = e.scrape()
	require.EqualValues(t, 0, m.of(t, "shmq_up", q))
	require.EqualValues(t, 1, m[fmt.Sprintf("shmq_queue_error{queue=%q,reason=\"removed\"}", q)], "%v", m)

	require.NoError(t, shmq.ForceRemove(q))
	require.NotContains(t, e.scrape(), fmt.Sprintf("shmq_up{queue=%q}", q))
	_, err = os.Stat(filepath.Join(dir, "shmq."+q))
	require.ErrorIs(t, err, os.ErrNotExist)
}

package consumer_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

// Damage is an error of each call, and one line in the log.
func TestLoggerIsToldOfDamageOnce(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{Consumers: shmq.One}))
	var log bytes.Buffer
	c := openConsumer(t, q, &consumer.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	_, err := c.TryLease()
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.Empty(t, log.String())

	// A single consumer's queue has no word that says a record is being read.
	path, err := shmq.Path(q)
	require.NoError(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	g := layout.Geometry{ManyProducers: true, Seats: shmq.DefaultSeats, Slots: 16, AreaSize: 64}
	word := binary.LittleEndian.AppendUint64(nil, uint64(layout.ReadingWord(0, 1, 3, false, g.Shift())))
	_, err = f.WriteAt(word, int64(g.SlotOffset()))
	require.NoError(t, err)

	for range 3 {
		_, err = c.TryLease()
		require.ErrorIs(t, err, shmq.ErrDamaged)
	}
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), "level=ERROR")
	require.Contains(t, log.String(), "queue="+q)
}

// A consumer that waits logs what it takes over from one that was killed.
func TestLoggerOfAWaitingConsumer(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	var log bytes.Buffer
	c := openConsumer(t, q, &consumer.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	p, other := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	other.Lease(1)
	other.Kill()
	l, err := c.Lease(within(t))
	require.NoError(t, err)
	require.Equal(t, "a", string(l.Bytes()))
	l.Ack()
	require.Contains(t, log.String(), "records_redelivered=1")
}

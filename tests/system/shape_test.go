//go:build linux

package system_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// TestAnotherShapeIsRefused asks for each thing that an existing queue does not have. The
// error has both values; AnyShape takes the queue all the same.
func TestAnotherShapeIsRefused(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 128, Seats: 8})
	for _, c := range []struct {
		create     shmq.Options
		has, asked string
	}{
		{shmq.Options{Slots: 65}, "64 slots", "128"},
		{shmq.Options{SlotSize: 256}, "128 bytes", "256"},
		{shmq.Options{Seats: 9}, "8 seats", "9"},
		{shmq.Options{Producers: shmq.One}, "many producers", "one"},
		{shmq.Options{Consumers: shmq.One}, "many consumers", "one"},
		{shmq.Options{Checksum: true}, "without checksums", "with"},
	} {
		for _, open := range []func(any bool) error{
			func(any bool) error {
				p, err := producer.OpenRaw(q, &producer.Options{Create: c.create, AnyShape: any})
				if err == nil {
					err = p.Close()
				}
				return err
			},
			func(any bool) error {
				p, err := consumer.OpenRaw(q, &consumer.Options{Create: c.create, AnyShape: any})
				if err == nil {
					err = p.Close()
				}
				return err
			},
		} {
			err := open(false)
			require.ErrorIs(t, err, shmq.ErrOption)
			require.ErrorContains(t, err, c.has)
			require.ErrorContains(t, err, "not "+c.asked)
			require.ErrorContains(t, err, q)
			require.NoError(t, open(true))
		}
	}
}

// TestTheSameShapeIsTaken asks for what the queue has, before it is rounded, or for nothing.
func TestTheSameShapeIsTaken(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 128, Seats: 8, Producers: shmq.One})
	for _, create := range []shmq.Options{
		{}, {Slots: 33, SlotSize: 65, Seats: 8}, {Slots: 64, SlotSize: 128, Producers: shmq.One}, {Mode: 0o640},
	} {
		p, err := producer.OpenRaw(q, &producer.Options{Create: create})
		require.NoError(t, err)
		require.NoError(t, p.Close())
	}
}

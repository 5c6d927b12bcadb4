package consumer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

func TestATypeThatCannotBeDecodedIsRefusedBeforeAQueueIsMade(t *testing.T) {
	t.Parallel()
	name := testagent.Name(t)
	type stamped struct {
		time.Time
		Count int
	}
	_, err := consumer.Open[stamped](name, nil)
	require.ErrorIs(t, err, codec.ErrType)
	require.ErrorContains(t, err, name)
	require.ErrorContains(t, err, "Count")
	_, err = consumer.Open[func()](name, nil)
	require.ErrorIs(t, err, codec.ErrType)
	_, err = consumer.Open[int](name, &consumer.Options{Codec: codec.Bytes()})
	require.ErrorIs(t, err, codec.ErrType)
	_, err = shmq.Stat(name)
	require.Error(t, err, "a queue was made")
}

// What an interface holds has no type before it is sent.
func TestWhatAnInterfaceHoldsIsRefusedWithoutBeingSent(t *testing.T) {
	t.Parallel()
	p, c := pair[any](t)
	for _, v := range []any{make(chan int), func() {}, complex(1, 2), uintptr(1), struct{ U uintptr }{}} {
		require.ErrorIs(t, p.TrySend(v), codec.ErrType)
	}
	_, err := c.TryReceive()
	require.ErrorIs(t, err, shmq.ErrEmpty)
}

// A record in text, as shmq-send makes it of JSON, suits the type that it came from.
func TestAnErrorOfARecordNamesItsPart(t *testing.T) {
	t.Parallel()
	type line struct{ Count int8 }
	type order struct {
		At    time.Time
		Lines []line
	}
	name := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 128})
	p, err := producer.Open[map[string]any](name, nil)
	require.NoError(t, err)
	defer p.Close()
	c, err := consumer.Open[order](name, nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, p.TrySend(map[string]any{"At": "2020-01-01T00:00:00Z"}))
	v, err := c.TryReceive()
	require.NoError(t, err)
	require.True(t, v.At.Equal(time.Unix(1_577_836_800, 0)))
	require.NoError(t, p.TrySend(map[string]any{"Lines": []any{map[string]any{"Count": 5}, map[string]any{"Count": 300}}}))
	_, err = c.TryReceive()
	var undecoded *consumer.DecodeError
	require.True(t, errors.As(err, &undecoded))
	require.ErrorIs(t, err, codec.ErrMismatch)
	require.ErrorContains(t, err, "order.Lines[1].Count: 300 does not fit int8")
	require.ErrorContains(t, err, name)
}

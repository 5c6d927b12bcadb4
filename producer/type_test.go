package producer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

type (
	notice struct {
		Text string
		Done chan bool
	}
	stamped struct {
		time.Time
		Count int
	}
)

func TestATypeWithoutAnEncodingIsRefusedBeforeAQueueIsMade(t *testing.T) {
	t.Parallel()
	name := testagent.Name(t)
	refused(t, name, producer.Open[notice], "notice.Done")
	refused(t, name, producer.Open[[]stamped], "Count")
	refused(t, name, producer.Open[struct{ At uintptr }], "uintptr")
	refused(t, name, producer.Open[complex64], "complex64")
	_, err := producer.Open[int](name, &producer.Options{Codec: codec.Bytes()})
	require.ErrorIs(t, err, codec.ErrType)
	_, err = shmq.Stat(name)
	require.Error(t, err, "a queue was made")
}

// refused opens a producer of a type that can't be encoded.
func refused[T any](t *testing.T, name string, open func(string, *producer.Options) (*producer.Producer[T], error), part string) {
	t.Helper()
	_, err := open(name, nil)
	require.ErrorIs(t, err, codec.ErrType)
	require.ErrorContains(t, err, name)
	require.ErrorContains(t, err, part)
}

package consumer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"echo":             echo,
		"idle":             idle,
		"send-stream":      sendStream,
		"receive-stream":   receiveStream,
	})
}

func openConsumer(t *testing.T, queue string, opts *consumer.Options) *consumer.Raw {
	t.Helper()
	c, err := consumer.OpenRaw(queue, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func openProducer(t *testing.T, queue string) *producer.Raw {
	t.Helper()
	p, err := producer.OpenRaw(queue, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// within is a context for what has to happen in this test.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	t.Cleanup(cancel)
	return ctx
}

func small(o shmq.Options) *shmq.Options {
	o.Slots, o.SlotSize = 16, 64
	return &o
}

const millisecond = time.Millisecond

//go:build linux

package testagent

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// OpenProducer makes the test's own process a producer, until the test ends.
func OpenProducer(t testing.TB, queue string) *producer.Raw {
	t.Helper()
	p, err := producer.OpenRaw(queue, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// OpenConsumer makes the test's own process a consumer, until the test ends.
func OpenConsumer(t testing.TB, queue string, opts *consumer.Options) *consumer.Raw {
	t.Helper()
	c, err := consumer.OpenRaw(queue, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Within is a context for what has to happen in this test.
func Within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	t.Cleanup(cancel)
	return ctx
}

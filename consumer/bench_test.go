package consumer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// BenchmarkLease is a record's way through one goroutine: sent, leased, acknowledged.
// BenchmarkReceive is the same with a copy instead of the lease. Both are with the guard
// against faults and without it.
func BenchmarkLease(b *testing.B) {
	benchmark(b, func(c *consumer.Raw, _ []byte) error {
		l, err := c.TryLease()
		l.Ack()
		return err
	})
}

func BenchmarkReceive(b *testing.B) {
	benchmark(b, func(c *consumer.Raw, buf []byte) error {
		_, err := c.TryReceive(buf)
		return err
	})
}

func benchmark(b *testing.B, take func(*consumer.Raw, []byte) error) {
	for _, opts := range testagent.Modes() {
		for _, off := range []bool{false, true} {
			name := opts.Producers.String() + "-" + opts.Consumers.String()
			if off {
				name += "/no-guard"
			}
			b.Run(name, func(b *testing.B) { roundTrips(b, &opts, off, take) })
		}
	}
}

func roundTrips(b *testing.B, opts *shmq.Options, noGuard bool, take func(*consumer.Raw, []byte) error) {
	q := testagent.Queue(b, opts)
	p, err := producer.OpenRaw(q, &producer.Options{NoGuard: noGuard})
	require.NoError(b, err)
	defer p.Close()
	c, err := consumer.OpenRaw(q, &consumer.Options{NoGuard: noGuard})
	require.NoError(b, err)
	defer c.Close()
	rec, buf := make([]byte, 16), make([]byte, 0, 16)
	for b.Loop() {
		if err := p.TrySend(rec); err != nil {
			b.Fatal(err)
		}
		if err := take(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}

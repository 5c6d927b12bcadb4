package consumer_test

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

func TestReceiveBatchWaitsForTheFirstRecordAndEndsWithTheStream(t *testing.T) {
	for _, side := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		t.Run(side.String(), func(t *testing.T) {
			q := testagent.Queue(t, small(shmq.Options{Producers: side, Consumers: side}))
			p, c := openProducer(t, q), openConsumer(t, q, &consumer.Options{UntilEOF: true})
			const records = 1000
			var sender sync.WaitGroup
			sender.Go(func() {
				for i := range records {
					if err := p.Send(within(t), fmt.Appendf(nil, "%d", i)); err != nil {
						t.Error(err)
					}
				}
				if err := p.Finish(); err != nil {
					t.Error(err)
				}
			})
			bufs := make([][]byte, 7)
			next := 0
			for {
				n, err := c.ReceiveBatch(within(t), bufs)
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				require.Positive(t, n)
				for _, b := range bufs[:n] {
					require.Equal(t, fmt.Sprint(next), string(b))
					next++
				}
			}
			require.Equal(t, records, next)
			sender.Wait() // the end of the stream comes before the end of Finish
			require.NoError(t, c.Close())
			_, err := c.TryReceiveBatch(bufs)
			require.ErrorIs(t, err, shmq.ErrClosed)
		})
	}
}

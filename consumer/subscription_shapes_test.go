package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/producer"
)

// mixedSizes are of a slot's line, of its area, and of several slots.
func mixedSizes(id int) int { return []int{8, 40, 48, 49, 64, 65, 200, 500}[id%8] }

// sendEach sends records 0 to n-1 in each way that a producer has, and finishes the stream.
func sendEach(p *producer.Raw, n int, marks bool) error {
	ctx := context.Background()
	for id := 0; id < n; {
		rec := func(k int) []byte { return ringtest.Record(uint64(id+k), mixedSizes(id+k)) }
		var err error
		switch id % 5 {
		case 0:
			err = p.Send(ctx, rec(0))
			id++
		case 1, 3:
			sent := 0
			sent, err = p.SendBatch(ctx, [][]byte{rec(0), rec(1), rec(2)})
			id += sent
		case 2:
			var b []byte
			if b, err = p.Reserve(ctx, mixedSizes(id)+8); err == nil {
				err = p.Commit(copy(b, rec(0)))
				id++
			}
		default:
			if marks {
				err = p.SendMarked(ctx, rec(0), producer.Mark{1, uint64(id + 1)})
			} else {
				err = p.TrySend(rec(0))
				for errors.Is(err, shmq.ErrFull) {
					time.Sleep(time.Millisecond)
					err = p.TrySend(rec(0))
				}
			}
			id++
		}
		if err != nil {
			return err
		}
	}
	if m, ok, err := p.Mark(); marks && (err != nil || !ok || m[0] != 1 || m[1] == 0) {
		return fmt.Errorf("mark %v %v: %w", m, ok, err)
	}
	return p.Finish()
}

// receiveEach receives in each way that a consumer has, up to the end of the stream. It returns the ids.
func receiveEach(c *consumer.Raw, stamps bool, begun time.Time) (got []uint64, err error) {
	ctx := context.Background()
	take := func(b []byte) error {
		id, err := ringtest.ReadRecord(b)
		if err == nil && len(b) != mixedSizes(int(id)) {
			err = fmt.Errorf("record %d of %d bytes", id, len(b))
		}
		got = append(got, id)
		return err
	}
	bufs, leases := make([][]byte, 4), make([]consumer.Lease, 3)
	for n := 0; ; n++ {
		var err error
		switch n % 4 {
		case 0:
			var b []byte
			if b, err = c.Receive(ctx, nil); err == nil {
				err = take(b)
			}
		case 1:
			k := 0
			k, err = c.ReceiveBatch(ctx, bufs)
			for _, b := range bufs[:k] {
				err = errors.Join(err, take(b))
			}
		case 2:
			var l consumer.Lease
			if l, err = c.Lease(ctx); err == nil {
				if at := l.SentAt(); stamps && (at.Before(begun) || at.After(time.Now())) {
					return got, fmt.Errorf("sent at %v", at)
				}
				err = take(bytes.Clone(l.Bytes()))
				l.Ack()
			}
		default:
			k := 0
			k, err = c.LeaseBatch(ctx, leases)
			for i := range leases[:k] {
				err = errors.Join(err, take(leases[i].Bytes()))
			}
			c.AckBatch(leases[:k])
		}
		switch {
		case err == io.EOF:
			return got, nil
		case errors.Is(err, shmq.ErrLagged):
		case err != nil:
			return got, err
		}
	}
}

// All that a queue can have, where each consumer gets every record, in both manners.
func TestEachConsumerGetsEveryRecordOfAnyShape(t *testing.T) {
	t.Parallel()
	const n = 600
	for i := range 32 {
		o := shmq.Options{Slots: 16, SlotSize: 64, Skip: i&1 != 0, Checksum: i&2 != 0, Timestamps: i&4 != 0}
		if o.Producers = shmq.One; i&8 != 0 {
			o.Producers = shmq.Many
		}
		policy := []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Park}[i>>4]
		t.Run(fmt.Sprintf("%v, skip %v, sums %v, stamps %v, %v", o.Producers, o.Skip, o.Checksum, o.Timestamps, policy), func(t *testing.T) {
			t.Parallel()
			if o.Skip {
				o.Slots = 8192 // nobody is lapped
			}
			q := broadcast(t, o)
			p, err := producer.OpenRaw(q, &producer.Options{NoCreate: true, Wait: policy})
			require.NoError(t, err)
			begun := time.Now()
			type result struct {
				got []uint64
				err error
			}
			results := make(chan result, 3)
			for range cap(results) {
				c := openConsumer(t, q, &consumer.Options{Wait: policy, UntilEOF: true})
				go func() {
					got, err := receiveEach(c, o.Timestamps, begun)
					results <- result{got, err}
				}()
			}
			require.NoError(t, sendEach(p, n, o.Producers == shmq.One))
			for range cap(results) {
				r := <-results
				require.NoError(t, r.err)
				require.Len(t, r.got, n)
				for id, got := range r.got {
					require.EqualValues(t, id, got)
				}
			}
			require.NoError(t, p.Close())
		})
	}
}

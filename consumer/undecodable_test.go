package consumer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// rude is a codec of bytes that has its ways to refuse a record.
type rude struct{ codec.Codec }

var errRude = errors.New("a reason")

func (r rude) Decode(src []byte, v any) error {
	switch string(src) {
	case "bad":
		return errRude
	case "panic":
		panic(errRude)
	case "exit":
		runtime.Goexit()
	}
	return r.Codec.Decode(src, v)
}

// ways are the calls of a typed consumer, each as a function that takes one record, settles
// it if it can be decoded, and returns what the program sees.
var ways = map[string]func(context.Context, *consumer.Consumer[[]byte]) ([]byte, error){
	"Receive":    func(ctx context.Context, c *consumer.Consumer[[]byte]) ([]byte, error) { return c.Receive(ctx) },
	"TryReceive": func(_ context.Context, c *consumer.Consumer[[]byte]) ([]byte, error) { return c.TryReceive() },
	"Lease": func(ctx context.Context, c *consumer.Consumer[[]byte]) ([]byte, error) {
		v, l, err := c.Lease(ctx)
		if err == nil { // as programs are written
			l.Ack()
		}
		return v, err
	},
	"TryLease": func(_ context.Context, c *consumer.Consumer[[]byte]) ([]byte, error) {
		v, l, err := c.TryLease()
		if err == nil {
			l.Ack()
		}
		return v, err
	},
	"LeaseBatch": func(ctx context.Context, c *consumer.Consumer[[]byte]) ([]byte, error) {
		ls := make([]consumer.Leased[[]byte], 1)
		return one(ls, second2(c.LeaseBatch(ctx, ls)))
	},
	"TryLeaseBatch": func(_ context.Context, c *consumer.Consumer[[]byte]) ([]byte, error) {
		ls := make([]consumer.Leased[[]byte], 1)
		return one(ls, second2(c.TryLeaseBatch(ls)))
	},
	"All": func(ctx context.Context, c *consumer.Consumer[[]byte]) (got []byte, err error) {
		for v, err := range c.All(ctx) {
			return v, err
		}
		return nil, errors.New("the end")
	},
}

func second2(_ int, err error) error { return err }

func one(ls []consumer.Leased[[]byte], err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if ls[0].Err != nil {
		return nil, ls[0].Err
	}
	ls[0].Ack()
	return ls[0].Value, nil
}

func eachWay(t *testing.T, onBad func(*consumer.DecodeError) error, f func(t *testing.T, p *producer.Raw, q string, c *consumer.Consumer[[]byte], take func() ([]byte, error))) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for name, way := range ways {
			t.Run(name, func(t *testing.T) {
				o.Slots, o.SlotSize = 4, 64
				q := testagent.Queue(t, &o)
				p := openProducer(t, q)
				c, err := consumer.Open[[]byte](q, &consumer.Options{Codec: rude{codec.Bytes()}, OnBad: onBad})
				require.NoError(t, err)
				defer c.Close()
				ctx := within(t)
				f(t, p, q, c, func() ([]byte, error) { return way(ctx, c) })
			})
		}
	})
}

// A ring of four records goes round many times, although each second record can't be decoded
// and the program does nothing about it.
func TestRecordsThatCannotBeDecodedFillNoRing(t *testing.T) {
	t.Parallel()
	eachWay(t, nil, func(t *testing.T, p *producer.Raw, q string, c *consumer.Consumer[[]byte], take func() ([]byte, error)) {
		for range 6 {
			for _, rec := range []string{"bad", "good", "panic"} {
				require.NoError(t, p.TrySend([]byte(rec)))
				got, err := take()
				if rec == "good" {
					require.NoError(t, err)
					require.Equal(t, rec, string(got))
					continue
				}
				var bad *consumer.DecodeError
				require.ErrorAs(t, err, &bad)
				require.ErrorIs(t, err, errRude)
				require.Equal(t, rec, string(bad.Record))
				require.Equal(t, rec == "panic", bad.Stack != nil)
				require.Empty(t, got)
			}
		}
		require.Zero(t, leased(t, q))
	})
}

// What OnBad takes care of the program does not see.
func TestOnBadTakesRecordsAway(t *testing.T) {
	t.Parallel()
	taken := make(chan string, 1000) // all subtests
	onBad := func(e *consumer.DecodeError) error { taken <- string(e.Record); return nil }
	t.Run("each", func(t *testing.T) {
		eachWay(t, onBad, func(t *testing.T, p *producer.Raw, q string, c *consumer.Consumer[[]byte], take func() ([]byte, error)) {
			for range 3 {
				for _, rec := range []string{"bad", "panic", "good"} {
					require.NoError(t, p.TrySend([]byte(rec)))
				}
				got, err := take()
				require.NoError(t, err)
				require.Equal(t, "good", string(got))
			}
			require.Zero(t, leased(t, q))
		})
	})
	require.Len(t, taken, 4*len(ways)*3*2)
}

// What OnBad refuses stays, flagged, and is there for who can decode it.
func TestOnBadRefuses(t *testing.T) {
	t.Parallel()
	full := errors.New("no room for dead letters")
	eachWay(t, func(*consumer.DecodeError) error { return full }, func(t *testing.T, p *producer.Raw, q string, c *consumer.Consumer[[]byte], take func() ([]byte, error)) {
		require.NoError(t, p.TrySend([]byte("bad")))
		require.NoError(t, p.TrySend([]byte("good")))
		for range 10 {
			got, err := take()
			if err == nil { // of several consumers' queues newer records come before it
				require.Equal(t, "good", string(got))
				continue
			}
			require.ErrorIs(t, err, full)
			require.ErrorContains(t, err, q)
		}
		l, err := c.Raw().TryLease()
		require.NoError(t, err)
		require.Equal(t, "bad", string(l.Bytes()))
		require.NotZero(t, l.Redelivered())
		l.Ack()
	})
}

// Neither a panic of OnBad nor a codec that ends the goroutine leaves a lease behind.
func TestGoroutineThatEndsInACallLeavesNoLease(t *testing.T) {
	t.Parallel()
	eachWay(t, func(*consumer.DecodeError) error { panic("no idea") }, func(t *testing.T, p *producer.Raw, q string, c *consumer.Consumer[[]byte], take func() ([]byte, error)) {
		for _, rec := range []string{"bad", "exit"} {
			require.NoError(t, p.TrySend([]byte(rec)))
			ended := make(chan any)
			go func() {
				defer func() { ended <- recover() }()
				_, _ = take()
			}()
			require.Equal(t, rec == "bad", <-ended != nil)
			l, err := c.Raw().TryLease()
			require.NoError(t, err)
			require.Equal(t, rec, string(l.Bytes()))
			l.Ack()
		}
		require.NoError(t, p.TrySend([]byte("good")))
		got, err := take()
		require.NoError(t, err)
		require.Equal(t, "good", string(got))
		require.Zero(t, leased(t, q))
	})
}

// The first record of a batch is good and the second is damage: the error comes when there is
// no lease that it could make the program forget.
func TestDamageBehindABatchComesWithNoLease(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{Consumers: shmq.One}))
	p, c := openProducer(t, q), openConsumer(t, q, nil)
	require.NoError(t, p.TrySend([]byte("good")))
	f, err := os.OpenFile(testagent.Path(t, q), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	g := layout.Geometry{ManyProducers: true, Seats: shmq.DefaultSeats, Slots: 16, AreaSize: 64}
	word := binary.LittleEndian.AppendUint64(nil, uint64(layout.ReadingWord(1, 1, 3, false, g.Shift())))
	_, err = f.WriteAt(word, int64(g.SlotOffset()+layout.SlotSize))
	require.NoError(t, err)

	ls := make([]consumer.Lease, 3)
	n, err := c.TryLeaseBatch(ls)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "good", string(ls[0].Bytes()))
	n, err = c.LeaseBatch(within(t), ls[1:])
	require.ErrorIs(t, err, shmq.ErrDamaged)
	require.Zero(t, n)
	ls[0].Ack()
}

// What OnBad returns may be about another queue, of dead letters, which is damaged: both are
// named, and the damage is that queue's.
func TestOnBadIsRefusedByADamagedQueue(t *testing.T) {
	t.Parallel()
	damaged := &shmq.Error{Op: "send to", Queue: "letters", Err: shmq.ErrDamaged}
	var log bytes.Buffer
	q := testagent.Queue(t, small(shmq.Options{}))
	c, err := consumer.Open[int](q, &consumer.Options{
		OnBad:  func(*consumer.DecodeError) error { return damaged },
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	require.NoError(t, openProducer(t, q).TrySend([]byte("\xc1")))
	_, err = c.TryReceive()
	require.ErrorIs(t, err, shmq.ErrDamaged)
	var named *shmq.Error
	require.ErrorAs(t, err, &named)
	require.Equal(t, q, named.Queue)
	require.ErrorContains(t, err, `stays in the queue: shmq: send to queue "letters"`)
	require.ErrorContains(t, err, `shmq check "letters"`)
	require.NotContains(t, err.Error(), fmt.Sprintf("shmq check %q", q))
	require.Empty(t, log.String())
}

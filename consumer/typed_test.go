package consumer_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

type student struct {
	Name    string
	Age     int
	Grades  map[string]float64
	Friends []student
	Born    time.Time
	Photo   []byte
	Tutor   *student
}

// pair opens both ends of a queue for one type.
func pair[T any](t *testing.T, codecs ...codec.Codec) (*producer.Producer[T], *consumer.Consumer[T]) {
	t.Helper()
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 64})
	po, co := &producer.Options{}, &consumer.Options{UntilEOF: true}
	if len(codecs) > 0 {
		po.Codec, co.Codec = codecs[0], codecs[0]
	}
	p, err := producer.Open[T](q, po)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	c, err := consumer.Open[T](q, co)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return p, c
}

func roundTrip[T any](t *testing.T, values ...T) {
	t.Helper()
	p, c := pair[T](t)
	for _, v := range values {
		require.NoError(t, p.TrySend(v))
		got, err := c.TryReceive()
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
	n, err := p.SendBatch(within(t), values)
	require.NoError(t, err)
	require.Equal(t, len(values), n)
	for _, v := range values {
		got, err := c.Receive(within(t))
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

func TestValuesComeOutAsTheyWentIn(t *testing.T) {
	t.Parallel()
	roundTrip(t, 0, 1, -1, math.MaxInt, math.MinInt)
	roundTrip[uint64](t, 0, math.MaxUint64)
	roundTrip(t, "", "text", "\x00\xff")
	roundTrip(t, true, false)
	roundTrip(t, 0.5, math.Inf(1), math.MaxFloat64)
	roundTrip(t, []byte{}, []byte("bytes"))
	roundTrip(t, []string{}, []string{"a", "b"})
	roundTrip(t, map[string]int{"a": 1})
	roundTrip(t, [3]int8{1, 2, 3})
	roundTrip[any](t, nil, "x", []any{"a", map[string]any{"k": true}})
	ann := student{Name: "Ann", Age: 20, Grades: map[string]float64{"maths": 1.3}, Born: time.Unix(1e9, 5)}
	roundTrip(t, ann, student{Name: "Bob", Friends: []student{ann}, Photo: []byte{1, 2}, Tutor: &ann})
	roundTrip(t, &ann)
	roundTrip(t, struct{}{})
}

func TestRecordThatCannotBeDecodedIsKept(t *testing.T) {
	t.Parallel()
	p, c := pair[string](t)
	numbers, err := consumer.Open[int](c.Raw().Name(), nil)
	require.NoError(t, err)
	defer numbers.Close()
	require.NoError(t, p.TrySend("no number"))
	require.NoError(t, p.TrySend("neither"))
	v, err := numbers.TryReceive()
	require.Zero(t, v)
	var undecoded *consumer.DecodeError
	require.ErrorAs(t, err, &undecoded)
	require.Equal(t, "\xa9no number", string(undecoded.Record))
	require.ErrorContains(t, err, c.Raw().Name())
	require.Error(t, errors.Unwrap(err))

	// It can be given back to who understands it.
	refusing, err := consumer.Open[int](c.Raw().Name(), &consumer.Options{OnBad: func(*consumer.DecodeError) error { return errors.New("not mine") }})
	require.NoError(t, err)
	defer refusing.Close()
	_, l, err := refusing.Lease(within(t))
	require.ErrorContains(t, err, "not mine")
	require.ErrorContains(t, err, c.Raw().Name())
	require.Zero(t, l)
	s, err := c.Receive(within(t))
	require.NoError(t, err)
	require.Equal(t, "neither", s)
}

func TestValueThatCannotBeEncodedIsNotSent(t *testing.T) {
	t.Parallel()
	p, c := pair[any](t)
	require.ErrorContains(t, p.TrySend(make(chan int)), c.Raw().Name())
	require.Error(t, p.Send(within(t), func() {}))
	n, err := p.SendBatch(within(t), []any{1, make(chan int)})
	require.Error(t, err)
	require.Zero(t, n)
	_, err = c.TryReceive()
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.NoError(t, p.TrySend("still works"))
	v, err := c.TryReceive()
	require.NoError(t, err)
	require.Equal(t, "still works", v)
}

func TestOtherCodec(t *testing.T) {
	t.Parallel()
	p, c := pair[string](t, codec.Bytes())
	require.NoError(t, p.TrySend("as it is"))
	require.NoError(t, p.Raw().TrySend([]byte("from below")))
	l, err := c.Raw().TryLease()
	require.NoError(t, err)
	require.Equal(t, "as it is", string(l.Bytes()))
	l.Ack()
	v, err := c.TryReceive()
	require.NoError(t, err)
	require.Equal(t, "from below", v)
}

func TestNothingIsAllocated(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector allocates")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, o := range testagent.Modes() {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		b, buf := []byte("forty bytes of payload, or a little more"), make([]byte, 0, 512)
		large := make([]byte, 300)
		batch := [][]byte{b, b, b}
		ls := make([]consumer.Lease, 3)
		for what, f := range map[string]func() error{
			"copying": func() error {
				err := p.Send(ctx, b)
				buf, _ = c.Receive(ctx, buf)
				return err
			},
			"large": func() error {
				err := p.Send(ctx, large)
				buf, _ = c.Receive(ctx, buf)
				return err
			},
			"in place": func() error {
				_, err := p.Reserve(ctx, 40)
				_ = p.Commit(40)
				l, _ := c.Lease(ctx)
				l.Ack()
				return err
			},
			"batch": func() error {
				_, err := p.SendBatch(ctx, batch)
				for got := 0; got < len(batch); {
					n, _ := c.LeaseBatch(ctx, ls) // fewer where the ring ends
					for i := range ls[:n] {
						ls[i].Ack()
					}
					got += n
				}
				return err
			},
			"empty": func() error {
				if _, err := c.TryReceive(buf); err != nil {
					return nil
				}
				return errors.New("not empty")
			},
		} {
			require.Zero(t, testing.AllocsPerRun(200, func() { require.NoError(t, f()) }), "%s, %v to %v", what, o.Producers, o.Consumers)
		}
	}
	type point struct{ X, Y int }
	p, c := pair[point](t)
	require.Zero(t, testing.AllocsPerRun(200, func() {
		err := p.Send(ctx, point{1, 2})
		v, err2 := c.Receive(ctx)
		if err != nil || err2 != nil || v.Y != 2 {
			t.Error(err, err2, v)
		}
	}))
}

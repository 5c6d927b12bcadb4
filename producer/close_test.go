package producer_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// waitingCalls are calls that wait on a full queue.
var waitingCalls = map[string]func(context.Context, *producer.Raw) error{
	"Send":      func(ctx context.Context, p *producer.Raw) error { return p.Send(ctx, []byte("late")) },
	"large":     func(ctx context.Context, p *producer.Raw) error { return p.Send(ctx, make([]byte, 200)) },
	"SendBatch": func(ctx context.Context, p *producer.Raw) error { return second(p.SendBatch(ctx, [][]byte{{1}, {2}})) },
	"Reserve":   func(ctx context.Context, p *producer.Raw) error { return second(p.Reserve(ctx, 4)) },
}

func TestCloseEndsACallThatWaits(t *testing.T) {
	t.Parallel()
	leave := map[string]func(*producer.Raw) error{"Close": (*producer.Raw).Close, "Finish": (*producer.Raw).Finish}
	for name, call := range waitingCalls {
		for how, leave := range leave {
			for _, policy := range []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Spin, shmq.Park} {
				for _, ctx := range []context.Context{context.Background(), within(t)} {
					ctx := &askedContext{Context: ctx, asked: make(chan bool)}
					q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
					p, err := producer.OpenRaw(q, &producer.Options{Wait: policy})
					require.NoError(t, err)
					n := fill(t, p, 10)
					ended := make(chan error)
					go func() { ended <- call(ctx, p) }()
					<-ctx.asked
					require.NoError(t, leave(p))
					require.ErrorIs(t, <-ended, shmq.ErrClosed, "%s, %s, %v", name, how, policy)
					info, err := shmq.Stat(q)
					require.NoError(t, err)
					require.Empty(t, info.Participants)
					c := openConsumer(t, q, nil)
					for range n {
						b, err := c.TryReceive(nil)
						require.NoError(t, err)
						require.Len(t, b, 10)
					}
					require.Error(t, second(c.TryReceive(nil)), "what was not sent is not there")
				}
			}
		}
	}
}

func TestCloseWakesACallThatSleeps(t *testing.T) {
	var all []time.Duration
	for range 9 {
		q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
		p, err := producer.OpenRaw(q, &producer.Options{Wait: shmq.Park})
		require.NoError(t, err)
		fill(t, p, 10)
		go func() { _ = p.Send(context.Background(), nil) }()
		testproc.Until(t, func() bool { return waits(t, q) > 0 })
		start := time.Now()
		require.NoError(t, p.Close())
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	require.Less(t, all[len(all)/2], park.Heartbeat/2)
}

func TestEachCallAfterClose(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for _, finish := range []bool{false, true} {
			q := testagent.Queue(t, small(o))
			typed, err := producer.Open[string](q, nil)
			require.NoError(t, err)
			p := typed.Raw()
			b, err := p.TryReserve(100)
			require.NoError(t, err)
			if finish {
				require.NoError(t, p.Finish())
			} else {
				require.NoError(t, p.Close())
			}
			ctx := within(t)
			for name, call := range waitingCalls {
				require.ErrorIs(t, call(ctx, p), shmq.ErrClosed, name)
			}
			for _, err := range []error{
				p.TrySend(nil), second(p.TrySendBatch([][]byte{{1}})), second(p.TryReserve(1)), p.Commit(1), p.Sync(), p.StartSync(), p.Finish(),
				typed.TrySend(""), typed.Send(ctx, ""), second(typed.TrySendBatch([]string{""})), second(typed.SendBatch(ctx, []string{""})),
				p.Guard(func() error { t.Error("it ran"); return nil }),
			} {
				require.ErrorIs(t, err, shmq.ErrClosed)
				require.ErrorContains(t, err, q)
			}
			p.Abort()
			require.Equal(t, q, p.Name())
			require.Equal(t, 512, p.MaxRecord())
			require.Equal(t, 64, p.SlotSize())
			require.Zero(t, p.Counters().Records)
			require.NoError(t, p.Close())
			require.NoError(t, typed.Close())
			// The program goes on to write where others may have their records by now.
			require.Equal(t, make([]byte, 100), b)
			other := openProducer(t, q)
			for range 8 {
				require.NoError(t, other.TrySend(make([]byte, 64)))
			}
			for i := range b {
				b[i] = 0xff
			}
			c := openConsumer(t, q, nil)
			for range 8 {
				got, err := c.TryReceive(nil)
				require.NoError(t, err)
				require.Equal(t, make([]byte, 64), got)
			}
		}
	})
}

func TestCloseWithinGuard(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p := openProducer(t, q)
	b, err := p.TryReserve(100)
	require.NoError(t, err)
	require.ErrorIs(t, p.Guard(func() error {
		err := p.Close()
		copy(b, "harmless")
		return err
	}), shmq.ErrClosed)
}

// A durable producer that is closed syncs what its last call has sent, and that call is told
// what came of it.
func TestCloseOfADurableProducer(t *testing.T) {
	t.Parallel()
	for range 30 {
		q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 64, Checksum: true})
		p, err := producer.OpenRaw(q, &producer.Options{Durability: producer.Durability{Every: 3, Within: time.Millisecond}})
		require.NoError(t, err)
		c := openConsumer(t, q, nil)
		sent := make(chan int)
		go func() {
			n := 0
			for p.Send(context.Background(), []byte("x")) == nil {
				n++
			}
			sent <- n
		}()
		for range 20 {
			require.NoError(t, second(c.Receive(within(t), nil)))
		}
		require.NoError(t, p.Close())
		n := 20
		for ; err == nil; n++ {
			_, err = c.TryReceive(nil)
		}
		require.Equal(t, <-sent, n-1)
		require.ErrorIs(t, p.Sync(), shmq.ErrClosed)
	}
}

// told returns what f panics with.
func told(f func()) (said string) {
	defer func() { said, _ = recover().(string) }()
	f()
	return ""
}

func TestTwoGoroutinesAtOnceAreTold(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector tells it before")
	}
	t.Parallel()
	for name, call := range map[string]func(*producer.Raw){
		"TrySend":      func(p *producer.Raw) { _ = p.TrySend(nil) },
		"Send":         func(p *producer.Raw) { _ = p.Send(context.Background(), nil) },
		"TrySendBatch": func(p *producer.Raw) { _, _ = p.TrySendBatch([][]byte{nil}) },
		"TryReserve":   func(p *producer.Raw) { _, _ = p.TryReserve(1) },
		"Commit":       func(p *producer.Raw) { _ = p.Commit(0) },
		"Abort":        (*producer.Raw).Abort,
	} {
		q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
		p, err := producer.OpenRaw(q, &producer.Options{Wait: shmq.Park})
		require.NoError(t, err)
		fill(t, p, 10)
		sent := make(chan error)
		go func() { sent <- p.Send(context.Background(), []byte("late")) }()
		testproc.Until(t, func() bool { return waits(t, q) > 0 })
		said := told(func() { call(p) })
		require.Contains(t, said, "producer of queue \""+q+"\" is used by two goroutines at once", name)
		require.Contains(t, said, "producer.OpenShared")
		c := openConsumer(t, q, nil)
		for range 16 {
			require.NoError(t, second(c.TryReceive(nil)))
		}
		require.NoError(t, <-sent)
		require.Empty(t, told(func() { _ = p.TrySend(nil) }), "afterwards it is free")
		require.NoError(t, p.Close())
	}
}

// As a program does it that does not know better, with the codec that it gets by default. A
// child, because what two goroutines do to each other's values before they are told is not
// known.
func TestTwoGoroutinesOnATypedProducerAreTold(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector tells it before")
	}
	t.Parallel()
	c := testproc.Start(t, "share-by-mistake", testagent.Queue(t, nil))
	c.Expect("told")
}

func shareByMistake(c *testproc.Child) {
	type person struct {
		Name    string
		Friends []string
	}
	p, err := producer.Open[person](c.Args[0], nil)
	c.Check(err)
	said := make(chan string, 2)
	for range 2 {
		go func() {
			said <- told(func() {
				for {
					if err := p.TrySend(person{"Ann", []string{"Bob", "Eve"}}); errors.Is(err, shmq.ErrFull) {
						in, _ := consumer.OpenRaw(c.Args[0], nil)
						for err = nil; err == nil; {
							_, err = in.TryReceive(nil)
						}
						_ = in.Close()
					}
				}
			})
		}()
	}
	c.Say("told %s", <-said)
}

// A panic in a codec, and in a context, ends the call.
func TestPanicOfTheProgramEndsTheCall(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16})
	typed, err := producer.Open[func() string](q, &producer.Options{Codec: calling{codec.Bytes()}})
	require.NoError(t, err)
	no := func() string { panic("no idea") }
	require.Equal(t, "no idea", told(func() { _ = typed.TrySend(no) }))
	require.Equal(t, "no idea", told(func() { _, _ = typed.SendBatch(within(t), []func() string{func() string { return "" }, no}) }))
	require.NoError(t, typed.TrySend(func() string { return "sent" }))
	fill(t, typed.Raw(), 1)
	for _, after := range []int{0, 1, 2, 3} {
		require.Equal(t, "no idea", told(func() { _ = typed.Raw().Send(&rudeContext{Context: within(t), after: after}, nil) }))
	}
	b, err := openConsumer(t, q, nil).TryReceive(nil)
	require.NoError(t, err)
	require.Equal(t, "sent", string(b))
	require.NoError(t, typed.TrySend(func() string { return "sent" }))
	require.NoError(t, typed.Close())
}

// calling encodes what a function returns.
type calling struct{ codec.Codec }

func (calling) Append(dst []byte, v any) ([]byte, error) {
	return append(dst, (*v.(*func() string))()...), nil
}

// rudeContext panics when it is asked for the so and so manieth time.
type rudeContext struct {
	context.Context
	after int
}

func (c *rudeContext) Err() error {
	if c.after--; c.after < 0 {
		panic("no idea")
	}
	return c.Context.Err()
}

func TestSharedProducer(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		const goroutines, each = 16, 200
		q := testagent.Queue(t, small(o))
		p, err := producer.OpenShared[[2]int](q, nil)
		require.NoError(t, err)
		c, err := consumer.OpenShared[[2]int](q, &consumer.Options{UntilEOF: true})
		require.NoError(t, err)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Len(t, info.Participants, 2)
		var senders, receivers sync.WaitGroup
		for g := range goroutines {
			senders.Go(func() {
				for i := 0; i < each; i++ {
					var err error
					switch i % 3 {
					case 0:
						err = p.Send(context.Background(), [2]int{g, i})
					case 1:
						for err = p.TrySend([2]int{g, i}); errors.Is(err, shmq.ErrFull); err = p.TrySend([2]int{g, i}) {
							time.Sleep(10 * time.Microsecond)
						}
					default:
						vs := [][2]int{{g, i}, {g, i + 1}, {g, i + 2}}
						vs = vs[:min(3, each-i)]
						var n int
						if n, err = p.SendBatch(context.Background(), vs); err == nil && n != len(vs) {
							t.Errorf("sent %d of %d", n, len(vs))
						}
						i += len(vs) - 1
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		var mu sync.Mutex
		got := map[[2]int]int{}
		for range goroutines {
			receivers.Go(func() {
				for {
					v, err := c.Receive(context.Background())
					if err != nil {
						return
					}
					mu.Lock()
					got[v]++
					mu.Unlock()
				}
			})
		}
		senders.Wait()
		require.Equal(t, uint64(goroutines*each), p.Counters().Records)
		require.NoError(t, p.Finish())
		receivers.Wait() // io.EOF for each
		require.NoError(t, c.Close())
		require.Len(t, got, goroutines*each)
		for v, n := range got {
			require.Equal(t, 1, n, v)
		}
	})
}

// While one goroutine waits, others that don't want to are told at once, those that line up
// leave when their context ends, and Close ends all.
func TestSharedProducerWhileOneWaits(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16})
	p, err := producer.OpenShared[int](q, nil)
	require.NoError(t, err)
	for err == nil {
		err = p.TrySend(1)
	}
	require.ErrorIs(t, err, shmq.ErrFull)
	ended := make(chan error)
	for range 5 {
		go func() { ended <- p.Send(context.Background(), 2) }()
	}
	testproc.Until(t, func() bool { return waits(t, q) > 0 })
	require.ErrorIs(t, p.TrySend(3), shmq.ErrFull)
	ctx, cancel := context.WithTimeout(context.Background(), 5*millisecond)
	defer cancel()
	err = p.Send(ctx, 3)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, q)
	require.ErrorIs(t, p.Send(ctx, 3), context.DeadlineExceeded)
	require.NoError(t, p.Close())
	for range 5 {
		require.ErrorIs(t, <-ended, shmq.ErrClosed)
	}
	require.ErrorIs(t, p.TrySend(3), shmq.ErrClosed)
	require.ErrorIs(t, p.Send(context.Background(), 3), shmq.ErrClosed)
	require.NoError(t, p.Close())
}

func TestSharedConsumerWhileOneWaits(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16})
	c, err := consumer.OpenShared[int](q, nil)
	require.NoError(t, err)
	ended := make(chan error)
	for range 5 {
		go func() { ended <- second(c.Receive(context.Background())) }()
	}
	testproc.Until(t, func() bool { return waits(t, q) > 0 })
	require.ErrorIs(t, second(c.TryReceive()), shmq.ErrEmpty)
	ctx, cancel := context.WithTimeout(context.Background(), 5*millisecond)
	defer cancel()
	err = second(c.Receive(ctx))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, q)
	p, err := producer.Open[int](q, nil)
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.TrySend(1))
	require.NoError(t, <-ended)
	require.NoError(t, c.Close())
	for range 4 {
		require.ErrorIs(t, <-ended, shmq.ErrClosed)
	}
	require.ErrorIs(t, second(c.TryReceive()), shmq.ErrClosed)
}

// askedContext tells when a call asks for its error for the second time: in the middle of a
// wait. Err is called by one goroutine.
type askedContext struct {
	context.Context
	times int
	asked chan bool
}

func (c *askedContext) Err() error {
	if c.times++; c.times == 2 {
		close(c.asked)
	}
	return c.Context.Err()
}

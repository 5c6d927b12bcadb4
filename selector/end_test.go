package selector_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/selector"
)

// The end of one queue is told with its name, once, and the others go on.
func TestOneEndsAndTheOthersGoOn(t *testing.T) {
	path := func(p pair) string {
		f, err := shmq.Path(p.name)
		require.NoError(t, err)
		return f
	}
	for name, c := range map[string]struct {
		end  func(p pair)
		want error
	}{
		"finished":  {func(p pair) { require.NoError(t, p.p.Finish()) }, io.EOF},
		"left":      {func(p pair) { require.NoError(t, p.p.Close()) }, io.EOF},
		"cut off":   {func(p pair) { require.NoError(t, p.p.Abandon()) }, shmq.ErrBrokenOff},
		"removed":   {func(p pair) { require.NoError(t, shmq.ForceRemove(p.name)) }, shmq.ErrRemoved},
		"truncated": {func(p pair) { require.NoError(t, os.Truncate(path(p), 4096)) }, shmq.ErrTruncated},
		"closed":    {func(p pair) { require.NoError(t, p.c.Close()) }, shmq.ErrClosed},
	} {
		for _, many := range []shmq.Multiplicity{shmq.One, shmq.Many} {
			for _, when := range []string{"before", "meanwhile"} {
				t.Run(fmt.Sprintf("%s %s %s", many, name, when), func(t *testing.T) {
					t.Parallel()
					ps, set := newPairs(t, 3, shmq.Options{Producers: many, Consumers: many}, &consumer.Options{UntilEOF: true})
					var got result
					if when == "before" {
						c.end(ps[1])
						q, err := set.Wait(within(t))
						got = result{queue: q, err: err}
					} else {
						done := waits(t, within(t), set, ps[0].c)
						c.end(ps[1])
						got = <-done
					}
					require.ErrorIs(t, got.err, c.want)
					require.Same(t, ps[1].c, got.queue)
					if c.want != io.EOF {
						require.ErrorContains(t, got.err, ps[1].name)
					}
					require.Equal(t, 2, set.Len())
					for _, p := range []pair{ps[0], ps[2]} {
						require.NoError(t, p.p.TrySend([]byte(p.name)))
						queue, record := take(t, set)
						require.Equal(t, p.name, queue)
						require.Equal(t, p.name, record)
					}
					require.NoError(t, ps[0].p.Finish())
					require.NoError(t, ps[2].p.Finish())
					for range 2 {
						q, err := set.Wait(within(t))
						require.NotNil(t, q)
						require.Equal(t, io.EOF, err)
					}
					q, err := set.Wait(within(t))
					require.Nil(t, q)
					require.Equal(t, io.EOF, err, "no queue is left")
				})
			}
		}
	}
}

func TestEndsOfProducers(t *testing.T) {
	t.Parallel()
	full, other := newPair(t, shmq.Options{}, nil), newPair(t, shmq.Options{}, nil)
	for full.p.TrySend([]byte("x")) == nil {
	}
	var set selector.Set
	require.NoError(t, set.Add(full.p))
	require.NoError(t, set.Add(other.c))
	done := waits(t, within(t), &set, other.c)
	require.NoError(t, shmq.ForceRemove(full.name))
	got := <-done
	require.ErrorIs(t, got.err, shmq.ErrRemoved)
	require.Same(t, full.p, got.queue)
	require.NoError(t, other.p.TrySend([]byte("x")))
	take(t, &set)
}

// The end comes also behind what a killed producer had reserved, and its slots come free: this consumer only looks.
func TestEndBehindAClaimOfTheDead(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := testagent.OpenConsumer(t, q, &consumer.Options{UntilEOF: true})
		p := testagent.Producer(t, q)
		p.Do("reserve 512")
		set := &selector.Set{}
		require.NoError(t, set.Add(c))
		done := waits(t, within(t), set, c)
		p.Kill()
		got := <-done
		require.ErrorIs(t, got.err, shmq.ErrBrokenOff)
		require.Same(t, c, got.queue)
		next := testagent.OpenProducer(t, q)
		for range 2 {
			require.NoError(t, next.TrySend(make([]byte, 512)))
		}
	})
}

// What is left in a queue comes before its end.
func TestRecordsComeBeforeTheEnd(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		ps, set := newPairs(t, 2, o, &consumer.Options{UntilEOF: true})
		for _, p := range ps {
			for i := range 5 {
				require.NoError(t, p.p.TrySend(fmt.Append(nil, i)))
			}
			require.NoError(t, p.p.Finish())
		}
		seen := map[string]int{}
		for {
			q, err := set.Wait(within(t))
			if q == nil {
				require.Equal(t, io.EOF, err)
				break
			}
			if err != nil {
				require.Equal(t, io.EOF, err)
				require.Equal(t, 5, seen[q.Name()])
				continue
			}
			b, err := q.(*consumer.Raw).TryReceive(nil)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(seen[q.Name()]), string(b))
			seen[q.Name()]++
		}
		require.Len(t, seen, 2)
	})
}

// One that was told the end of a stream can go on with the next.
func TestNextStream(t *testing.T) {
	t.Parallel()
	ps, set := newPairs(t, 2, shmq.Options{}, &consumer.Options{UntilEOF: true})
	for range 3 {
		require.NoError(t, ps[0].p.Close())
		q, err := set.Wait(within(t))
		require.Equal(t, io.EOF, err)
		require.Same(t, ps[0].c, q)
		ps[0].c.NextStream()
		require.NoError(t, set.Add(ps[0].c))
		ps[0].p = testagent.OpenProducer(t, ps[0].name)
		done := waits(t, within(t), set, ps[1].c)
		require.NoError(t, ps[0].p.TrySend([]byte("next")))
		require.NoError(t, (<-done).err)
		_, err = ps[0].c.TryReceive(nil)
		require.NoError(t, err)
	}
}

func TestQueuesComeAndGoWhileAnotherWaits(t *testing.T) {
	ps, set := newPairs(t, 2, shmq.Options{}, nil)
	added := newPair(t, shmq.Options{}, nil)
	prompt(t, "added", func() time.Duration {
		require.NoError(t, added.p.TrySend([]byte("x")))
		done := waits(t, within(t), set, ps[0].c)
		begun := time.Now()
		require.NoError(t, set.Add(added.c))
		got := <-done
		require.NoError(t, got.err)
		require.Same(t, added.c, got.queue)
		_, err := added.c.TryReceive(nil)
		require.NoError(t, err)
		require.True(t, set.Remove(added.c))
		return got.at.Sub(begun)
	})
	prompt(t, "removed", func() time.Duration {
		ctx, cancel := context.WithCancel(within(t))
		done := waits(t, ctx, set, ps[0].c)
		begun := time.Now()
		require.True(t, set.Remove(ps[1].c))
		d := time.Since(begun)
		// It is this goroutine's now, and wakes nobody.
		require.NoError(t, ps[1].p.TrySend([]byte("x")))
		_, err := ps[1].c.Receive(within(t), nil)
		require.NoError(t, err)
		require.Empty(t, done)
		cancel()
		require.ErrorIs(t, (<-done).err, context.Canceled)
		require.NoError(t, set.Add(ps[1].c))
		return d
	})
}

// Many changes while a goroutine waits and receives; all that is sent arrives.
func TestChangesUnderWay(t *testing.T) {
	t.Parallel()
	ps, set := newPairs(t, 4, shmq.Options{}, nil)
	set.StayOpen = true
	stop := make(chan struct{})
	changed := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				changed <- n
				return
			default:
			}
			p := ps[n%3]
			if set.Remove(p.c) {
				n++
			}
			if err := set.Add(p.c); err != nil {
				panic(err)
			}
		}
	}()
	const records = 3000
	sent := make(chan error, 1)
	go func() {
		for i := range records {
			if err := ps[i%4].p.Send(within(t), []byte("x")); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for got := 0; got < records; {
		q, err := set.Wait(within(t))
		require.NoError(t, err)
		// While it is here the other goroutine leaves the handle alone.
		_, err = q.(*consumer.Raw).TryReceive(nil)
		if errors.Is(err, shmq.ErrEmpty) {
			continue
		}
		require.NoError(t, err)
		got++
	}
	require.NoError(t, <-sent)
	close(stop)
	require.Positive(t, <-changed)
}

func TestStayOpen(t *testing.T) {
	p := newPair(t, shmq.Options{}, nil)
	set := selector.Set{StayOpen: true}
	done := make(chan result, 1)
	go func() {
		q, err := set.Wait(within(t))
		done <- result{queue: q, err: err}
	}()
	require.NoError(t, p.p.TrySend([]byte("x")))
	require.NoError(t, set.Add(p.c))
	got := <-done
	require.NoError(t, got.err)
	require.Same(t, p.c, got.queue)
}

// The end of one is told also while another is never empty.
func TestEndBesideABusyQueue(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for name, end := range map[string]func(p pair) error{
			"finished": func(p pair) error { return p.p.Finish() },
			"removed":  func(p pair) error { return shmq.ForceRemove(p.name) },
		} {
			ps, set := newPairs(t, 3, o, &consumer.Options{UntilEOF: true})
			require.NoError(t, end(ps[1]))
			begun := time.Now()
			for {
				require.NoError(t, ps[0].p.TrySend([]byte("x")))
				q, err := set.Wait(within(t))
				if err != nil {
					require.Same(t, ps[1].c, q, name)
					break
				}
				_, err = q.(*consumer.Raw).TryReceive(nil)
				require.NoError(t, err)
				require.Less(t, time.Since(begun), 10*time.Second, name)
			}
		}
	})
}

//go:build linux

package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/rpc"
)

type add struct{ A, B int }

func TestTypedCall(t *testing.T) {
	t.Parallel()
	q := queue(t)
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 1)
	go func() {
		done <- rpc.Serve(ctx, q, nil, func(_ context.Context, r add) (int, error) {
			if r.A < 0 {
				return 0, fmt.Errorf("wrapped: %w", &rpc.Error{Code: "negative", Text: "A is negative"})
			}
			return r.A + r.B, nil
		})
	}()
	c, err := rpc.Dial[add, int](q, nil)
	require.NoError(t, err)
	sum, err := c.Call(background, add{2, 3})
	require.NoError(t, err)
	require.Equal(t, 5, sum)
	_, err = c.Call(background, add{-1, 3})
	var e *rpc.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, &rpc.Error{Code: "negative", Text: "A is negative"}, e)
	require.EqualError(t, err, fmt.Sprintf("shmq: call queue %q: negative: A is negative", q))
	require.Equal(t, rpc.ClientCounters{Calls: 2, Answers: 2, Errors: 1}, c.Counters())
	require.NoError(t, c.Close())
	cancel()
	require.NoError(t, <-done)
}

// Bytes come as they are, whether they look like msgpack or not, at any size.
func TestRawBytes(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 1024, SlotSize: 1024})
	s := begin(t, q, rpc.ServeOptions{}, echo)
	c := dial(t, q, nil)
	deep := bytes.Repeat([]byte{0x91}, 511)
	for _, b := range [][]byte{{}, {0xc0}, {0xc1}, {0x92, 1}, {0x92, 1, 2}, {0xc4, 1, 7}, {0xc4, 2, 7}, append(deep, 0), append(deep, 0x91, 0),
		append(append([]byte{}, deep...), 0x91, 0x91, 0), bytes.Repeat([]byte{0xff, 0}, 100_000)} {
		got, err := c.Call(background, b)
		require.NoError(t, err)
		require.Equal(t, string(b), string(got))
	}
	s.end()
}

// Many goroutines call over one client, and each gets its own answer.
func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	q := queue(t)
	s := begin(t, q, rpc.ServeOptions{Jobs: 8}, func(_ context.Context, b []byte) ([]byte, error) {
		if len(b)%3 == 0 {
			time.Sleep(time.Duration(len(b)) * time.Microsecond) // others overtake
		}
		return append([]byte("re "), b...), nil
	})
	c := dial(t, q, nil)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 200 {
				want := fmt.Sprintf("%d %d %s", i, n, strings.Repeat("x", n%50))
				got, err := c.Call(background, []byte(want))
				if err != nil || string(got) != "re "+want {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, rpc.ClientCounters{Calls: 3200, Answers: 3200}, c.Counters())
	s.end()
	require.EqualValues(t, 3200, s.counts.Answered.Load())
}

// Many servers share the requests.
func TestManyServers(t *testing.T) {
	t.Parallel()
	q := queue(t)
	both := make(chan struct{}, 2)
	handle := func(ctx context.Context, b []byte) ([]byte, error) {
		both <- struct{}{}
		for len(both) < 2 && ctx.Err() == nil {
			runtime.Gosched()
		}
		return b, ctx.Err()
	}
	a, b := begin(t, q, rpc.ServeOptions{Jobs: 1}, handle), begin(t, q, rpc.ServeOptions{Jobs: 1}, handle)
	c := dial(t, q, nil)
	ctx, cancel := context.WithTimeout(background, testproc.Patience)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			_, err := c.Call(ctx, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	a.end()
	b.end()
	require.EqualValues(t, 1, a.counts.Answered.Load())
	require.EqualValues(t, 1, b.counts.Answered.Load())
}

func TestHandlerFailures(t *testing.T) {
	t.Parallel()
	q := queue(t)
	var nilError *rpc.Error
	s := begin(t, q, rpc.ServeOptions{}, func(_ context.Context, b []byte) ([]byte, error) {
		switch string(b) {
		case "fails":
			return nil, errors.New("it fails")
		case "panics":
			panic("oh")
		case "exits":
			runtime.Goexit()
		case "nil":
			return nil, nilError
		case "long":
			return nil, &rpc.Error{Code: strings.Repeat("c", 100), Text: strings.Repeat("é", 10_000)}
		case "large":
			return make([]byte, 2*rpc.DefaultMaxAnswer), nil
		}
		return b, nil
	})
	c := dial(t, q, nil)
	for request, want := range map[string]rpc.Error{
		"fails":  {Code: rpc.CodeFailed, Text: "it fails"},
		"panics": {Code: rpc.CodePanic, Text: "panic: oh"},
		"exits":  {Code: rpc.CodePanic, Text: "the handler ended its goroutine"},
		"nil":    {Code: rpc.CodePanic},
		"long":   {Code: strings.Repeat("c", 64), Text: strings.Repeat("é", 2048)},
		"large":  {Code: rpc.CodeTooLarge},
	} {
		_, err := c.Call(testagent.Within(t), []byte(request))
		var e *rpc.Error
		require.ErrorAs(t, err, &e, request)
		require.Equal(t, want.Code, e.Code)
		if want.Text != "" {
			require.Equal(t, want.Text, e.Text)
		}
	}
	got, err := c.Call(background, []byte("fine"))
	require.NoError(t, err)
	require.Equal(t, "fine", string(got))
	require.Contains(t, s.log.String(), "a handler panicked")
	require.Contains(t, s.log.String(), "rpc_test.go")
	s.end()
	require.EqualValues(t, 6, s.counts.Failed.Load())
	require.EqualValues(t, 1, s.counts.Answered.Load())
}

func TestTypesAndCodecs(t *testing.T) {
	t.Parallel()
	q := queue(t)
	_, err := rpc.Dial[chan int, int](q, nil)
	require.ErrorIs(t, err, codec.ErrType)
	_, err = rpc.Dial[int, chan int](q, nil)
	require.ErrorIs(t, err, codec.ErrType)
	err = rpc.Serve(background, q, nil, func(context.Context, chan int) (int, error) { return 0, nil })
	require.ErrorIs(t, err, codec.ErrType)
	err = rpc.Serve(background, q, nil, func(context.Context, int) (chan int, error) { return nil, nil })
	require.ErrorIs(t, err, codec.ErrType)

	// A client with other types than the server.
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 1)
	go func() {
		done <- rpc.Serve(ctx, q, nil, func(_ context.Context, n int) (any, error) {
			if n == 1 {
				return "text", nil
			}
			return make(chan int), nil
		})
	}()
	c := dial(t, q, nil)
	_, err = c.Call(background, []byte{0xa1, 'a'})
	var e *rpc.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, rpc.CodeBadRequest, e.Code)
	_, err = c.Call(background, []byte{2})
	require.ErrorAs(t, err, &e)
	require.Equal(t, rpc.CodeBadAnswer, e.Code)
	ints, err := rpc.Dial[int, int](q, nil)
	require.NoError(t, err)
	_, err = ints.Call(background, 1)
	require.ErrorIs(t, err, codec.ErrMismatch)
	require.NoError(t, ints.Close())
	cancel()
	require.NoError(t, <-done)
}

// A call without a server waits until its context ends, says that none is attached, and is
// answered when one comes.
func TestServerThatComesLater(t *testing.T) {
	t.Parallel()
	q := queue(t)
	c := dial(t, q, nil)
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err := c.Call(ctx, []byte("early"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, rpc.ErrNoServer)
	require.Contains(t, err.Error(), "shmq serve")

	var got []byte
	done := make(chan error, 1)
	go func() {
		var err error
		got, err = c.Call(background, []byte("waits"))
		done <- err
	}()
	testproc.Until(t, func() bool { return c.Counters().Calls == 2 })
	s := begin(t, q, rpc.ServeOptions{}, echo)
	require.NoError(t, <-done)
	require.Equal(t, "waits", string(got))
	s.end()
	require.EqualValues(t, 1, s.counts.Expired.Load(), "the first one was too late")
	require.EqualValues(t, 1, s.counts.Answered.Load())
	require.Equal(t, rpc.ClientCounters{Calls: 2, Answers: 1, Canceled: 1}, c.Counters())
}

// A call that is cancelled returns; its answer is dropped, and others go on.
func TestCancelledCall(t *testing.T) {
	t.Parallel()
	q := queue(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	var deadline atomic.Bool
	s := begin(t, q, rpc.ServeOptions{Jobs: 2}, func(ctx context.Context, b []byte) ([]byte, error) {
		if string(b) == "slow" {
			_, has := ctx.Deadline()
			deadline.Store(has)
			close(begun)
			<-finish
		}
		return b, nil
	})
	c := dial(t, q, nil)
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, []byte("slow"))
		done <- err
	}()
	<-begun
	cancel()
	err := <-done
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, rpc.ErrNoServer)
	close(finish)
	testproc.Until(t, func() bool { return s.counts.Answered.Load() == 1 })
	got, err := c.Call(background, []byte("next"))
	require.NoError(t, err)
	require.Equal(t, "next", string(got))
	require.Equal(t, rpc.ClientCounters{Calls: 2, Answers: 1, Canceled: 1, Dropped: 1}, c.Counters())
	require.False(t, deadline.Load())
	s.end()
}

// The deadline of the call is that of the handler.
func TestDeadlineTravels(t *testing.T) {
	t.Parallel()
	q := queue(t)
	s := begin(t, q, rpc.ServeOptions{}, func(ctx context.Context, b []byte) ([]byte, error) {
		at, ok := ctx.Deadline()
		if !ok {
			return nil, errors.New("no deadline")
		}
		return []byte(time.Until(at).String()), nil
	})
	c := dial(t, q, nil)
	ctx, cancel := context.WithTimeout(background, time.Hour)
	defer cancel()
	got, err := c.Call(ctx, nil)
	require.NoError(t, err)
	left, err := time.ParseDuration(string(got))
	require.NoError(t, err)
	require.Greater(t, left, 59*time.Minute)
	require.LessOrEqual(t, left, time.Hour)
	s.end()
}

// A handler that fails at the deadline of its call tells nobody: the caller has its own error, and not
// at times that one.
func TestFailureAtTheDeadline(t *testing.T) {
	t.Parallel()
	const calls = 20
	q := queue(t)
	begun := make(chan struct{}, calls)
	s := begin(t, q, rpc.ServeOptions{Jobs: calls}, func(ctx context.Context, _ []byte) ([]byte, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c := dial(t, q, nil)
	ctx, cancel := context.WithTimeout(background, time.Second)
	defer cancel()
	errs := make(chan error, calls)
	for range calls {
		go func() {
			_, err := c.Call(ctx, nil)
			errs <- err
		}()
	}
	for range calls {
		require.ErrorIs(t, <-errs, context.DeadlineExceeded)
	}
	s.end()
	require.EqualValues(t, len(begun), s.counts.Dropped.Load())
	require.Zero(t, s.counts.Failed.Load())
}

func TestTooLargeRequest(t *testing.T) {
	t.Parallel()
	q := queue(t)
	s := begin(t, q, rpc.ServeOptions{}, echo)
	c := dial(t, q, nil)
	largest := bytes.Repeat([]byte{0xc1}, c.MaxRequest())
	got, err := c.Call(background, largest)
	require.NoError(t, err)
	require.Equal(t, len(largest), len(got))
	_, err = c.Call(background, append(largest, 0))
	require.ErrorIs(t, err, shmq.ErrTooLarge)
	require.Contains(t, err.Error(), q)
	s.end()
}

// A full request queue is waited for until the context ends.
func TestFullRequestQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 2, SlotSize: 256})
	c := dial(t, q, nil)
	ctx, cancel := context.WithCancel(background)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := c.Call(ctx, nil); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(q)
		return err == nil && info.Full && c.Counters().Calls == 5
	})
	cancel()
	wg.Wait()
	s := begin(t, q, rpc.ServeOptions{}, echo)
	_, err := c.Call(background, nil)
	require.NoError(t, err)
	s.end()
}

// Close ends calls in flight, and removes the answer queue.
func TestCloseEndsCalls(t *testing.T) {
	t.Parallel()
	q := queue(t)
	c, err := rpc.DialRaw(q, nil)
	require.NoError(t, err)
	require.Len(t, answerQueues(t, q), 1)
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			_, err := c.Call(background, nil)
			errs <- err
		}()
	}
	testproc.Until(t, func() bool { return c.Counters().Calls == uint64(cap(errs)) })
	require.NoError(t, c.Close())
	for range cap(errs) {
		require.ErrorIs(t, <-errs, shmq.ErrClosed)
	}
	require.Empty(t, answerQueues(t, q))
	_, err = c.Call(background, nil)
	require.ErrorIs(t, err, shmq.ErrClosed)
	require.NoError(t, c.Close())
}

func answerQueues(t testing.TB, q string) (names []string) {
	all, err := shmq.List()
	require.NoError(t, err)
	for _, e := range all {
		if of, ok := rpc.AnswersOf(e.Name); ok && of == q {
			names = append(names, e.Name)
		}
	}
	return names
}

// A server that ends finishes what it has begun, and leaves the rest to others.
func TestGracefulEnd(t *testing.T) {
	t.Parallel()
	q := queue(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	s := begin(t, q, rpc.ServeOptions{Jobs: 1}, func(ctx context.Context, b []byte) ([]byte, error) {
		close(begun)
		<-finish
		return b, ctx.Err()
	})
	c := dial(t, q, nil)
	errs := make(chan error, 2)
	call := func(s string) {
		got, err := c.Call(background, []byte(s))
		if err == nil && string(got) != s {
			err = fmt.Errorf("got %q", got)
		}
		errs <- err
	}
	go call("first")
	<-begun
	go call("second")
	testproc.Until(t, func() bool { return c.Counters().Calls == 2 })
	s.cancel()
	close(finish)
	require.NoError(t, <-s.done)
	require.NoError(t, <-errs)
	next := begin(t, q, rpc.ServeOptions{}, echo)
	require.NoError(t, <-errs)
	next.end()
	require.Zero(t, next.counts.Redelivered.Load())
}

// The request queue, and the answer queue, can be removed under calls in flight.
func TestRemovedQueues(t *testing.T) {
	t.Parallel()
	for _, which := range []string{"requests", "answers"} {
		q := queue(t)
		c := dial(t, q, nil)
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.Call(background, nil)
				errs <- err
			}()
		}
		testproc.Until(t, func() bool { return c.Counters().Calls == 2 })
		if which == "answers" {
			require.NoError(t, shmq.ForceRemove(answerQueues(t, q)[0]))
		} else {
			require.NoError(t, shmq.ForceRemove(q))
		}
		for range 2 {
			require.ErrorIs(t, <-errs, shmq.ErrRemoved)
		}
		_, err := c.Call(background, nil)
		require.ErrorIs(t, err, shmq.ErrRemoved)
	}
}

func TestOptionsAndNames(t *testing.T) {
	t.Parallel()
	for _, q := range []string{"fd:3", "sysv:7"} {
		_, err := rpc.DialRaw(q, nil)
		require.ErrorIs(t, err, shmq.ErrName)
		require.ErrorIs(t, rpc.ServeRaw(background, q, nil, echo), shmq.ErrName)
	}
	q := testagent.Name(t)
	_, err := rpc.DialRaw(q, &rpc.DialOptions{NoCreate: true})
	require.Error(t, err)
	require.Error(t, rpc.ServeRaw(background, q, &rpc.ServeOptions{NoCreate: true}, echo))
	_, err = rpc.DialRaw(q, &rpc.DialOptions{MaxAnswer: -1})
	require.ErrorIs(t, err, shmq.ErrOption)
	require.ErrorIs(t, rpc.ServeRaw(background, q, &rpc.ServeOptions{Jobs: -1}, echo), shmq.ErrOption)
	require.ErrorIs(t, rpc.ServeRaw(background, q, &rpc.ServeOptions{AnswerWait: -1}, echo), shmq.ErrOption)
	long := strings.Repeat("n", 240)
	t.Cleanup(func() { _ = shmq.ForceRemove(long) })
	_, err = rpc.DialRaw(long, nil)
	require.ErrorIs(t, err, shmq.ErrName)
	for name, of := range map[string]string{
		"q.answers-0123456789abcdef": "q", "/a/b.answers-0123456789abcdef": "/a/b", "q.answers-0123456789abcde": "", "q.answers-0123456789abcdeF": "",
		".answers-0123456789abcdef": "", "/a/.answers-0123456789abcdef": "", "q": "",
	} {
		got, ok := rpc.AnswersOf(name)
		require.Equal(t, of, got)
		require.Equal(t, of != "", ok)
	}
	require.Zero(t, rpc.InfoFrom(background))
}

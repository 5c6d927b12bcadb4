package worker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/worker"
)

var errBad = errors.New("it is bad")

func TestEachRecordIsHandledOnce(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		send(t, q, "a", "b", "c")
		var got []worker.Record[string]
		require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{}), func(_ context.Context, r worker.Record[string]) error {
			require.NotZero(t, r.ID)
			require.Zero(t, r.SentAt)
			r.ID = shmq.ID{}
			got = append(got, r)
			return nil
		}))
		want := []worker.Record[string]{{Value: "a", Queue: q, Number: 1, Attempt: 1}, {Value: "b", Queue: q, Number: 2, Attempt: 1}, {Value: "c", Queue: q, Number: 3, Attempt: 1}}
		require.Equal(t, want, got)
		rs, _ := left(t, q)
		require.Empty(t, rs)
	})
}

// Three handlers run at a time, and no fourth; a record is acknowledged when its own
// handler has returned, whatever those before it do.
func TestJobsRunAtATime(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		send(t, q, "1", "2", "3", "4", "5")
		g := newGates()
		w := begin(t, q, untilEOF(worker.Options[string]{Jobs: 3}), func(_ context.Context, r worker.Record[string]) error {
			g.pass(r.Value)
			return nil
		})
		until(t, func() bool { return g.at("1", "2", "3") })
		require.False(t, g.at("4"))
		g.open("3")
		until(t, func() bool { return acknowledged(t, q) == 1 && g.at("4") })
		require.False(t, g.at("5"))
		g.open("1", "2", "4", "5")
		require.NoError(t, w.ends())
	})
}

// A worker without records notices the end of a handler, and one whose handlers are busy
// takes a record that comes.
func TestWaitingWorkerMissesNothing(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		g := newGates()
		w := begin(t, q, &worker.Options[string]{Jobs: 2}, func(_ context.Context, r worker.Record[string]) error {
			g.pass(r.Value)
			return nil
		})
		send(t, q, "1")
		until(t, func() bool { return g.at("1") })
		send(t, q, "2")
		until(t, func() bool { return g.at("2") })
		g.open("1")
		until(t, func() bool { return acknowledged(t, q) == 1 })
		g.open("2")
		until(t, func() bool { return acknowledged(t, q) == 2 })
		w.cancel()
		require.NoError(t, w.ends())
	})
}

// A handler that fails gets the record again, as it was, whatever it did to it.
func TestFailedRecordIsTriedAgain(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	sendRaw(t, q, "\x93\x01\x02\x03")
	var attempts []int
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[[]int]{RetryAfter: time.Millisecond}), func(_ context.Context, r worker.Record[[]int]) error {
		attempts = append(attempts, r.Attempt)
		require.Equal(t, []int{1, 2, 3}, r.Value)
		r.Value[0] = 77
		if r.Attempt < 4 {
			return errBad
		}
		return nil
	}))
	require.Equal(t, []int{1, 2, 3, 4}, attempts)
}

// The pauses double up to the longest, and chance takes up to a half of each.
func TestPausesGrow(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "a")
	var times []time.Time
	err := worker.Run(context.Background(), q, untilEOF(worker.Options[string]{Retries: 4, RetryAfter: 20 * time.Millisecond, RetryMost: 60 * time.Millisecond}), func(context.Context, worker.Record[string]) error {
		times = append(times, time.Now())
		return errBad
	})
	require.ErrorIs(t, err, errBad)
	require.Len(t, times, 5)
	for i, least := range []time.Duration{10, 20, 30, 30} { // a busy machine makes them longer only
		require.GreaterOrEqual(t, times[i+1].Sub(times[i]), least*time.Millisecond, "pause %d", i+1)
	}
}

// A record that goes on failing ends the worker, and takes no other record's work with it.
func TestRecordThatFailsForGoodStaysInTheQueue(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		send(t, q, "good", "bad", "later")
		g := newGates()
		w := begin(t, q, &worker.Options[string]{Jobs: 2, Retries: 1, RetryAfter: time.Millisecond}, func(_ context.Context, r worker.Record[string]) error {
			if r.Value == "bad" {
				g.pass("bad")
				return errBad
			}
			g.pass(r.Value)
			return nil
		})
		until(t, func() bool { return g.at("good", "bad") })
		g.open("bad")
		until(t, func() bool { // it was given back at once
			info, err := shmq.Stat(q)
			return err == nil && info.Orphans == 1 || single(t, q)
		})
		g.open("good", "later")
		err := w.ends()
		var failed *worker.FailedError
		require.ErrorAs(t, err, &failed)
		require.ErrorIs(t, err, errBad)
		require.Equal(t, &worker.FailedError{Queue: q, Number: 2, Record: []byte("\xa3bad"), Attempts: 2, Err: errBad}, failed)
		require.Contains(t, err.Error(), fmt.Sprintf("queue %q: record 2: it is bad, 2 times; it is still in the queue", q))
		rs, again := left(t, q)
		require.Equal(t, []string{"\xa3bad", "\xa5later"}, rs)
		require.Equal(t, 1, again[0])
		if !single(t, q) { // where the test can't see when the bad one is back
			require.Equal(t, 0, again[1])
		}
	})
}

func TestRetriesCanBeNone(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "bad")
	err := worker.Run(context.Background(), q, &worker.Options[string]{Retries: -1}, func(context.Context, worker.Record[string]) error { return errBad })
	var failed *worker.FailedError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 1, failed.Attempts)
}

func TestFailedRecordsAreDropped(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "bad", "good")
	sendRaw(t, q, "\xc1")
	var good int
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{Drop: true, Retries: -1}), func(_ context.Context, r worker.Record[string]) error {
		if r.Value == "bad" {
			return errBad
		}
		good++
		return nil
	}))
	require.Equal(t, 1, good)
	rs, _ := left(t, q)
	require.Empty(t, rs)
}

// A record that can't be decoded is not tried.
func TestRecordThatCantBeDecodedEndsTheWorker(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	sendRaw(t, q, "\xc1")
	err := worker.Run(context.Background(), q, nil, func(context.Context, worker.Record[string]) error { panic("called") })
	var failed *worker.FailedError
	var bad *consumer.DecodeError
	require.ErrorAs(t, err, &failed)
	require.ErrorAs(t, err, &bad)
	require.Zero(t, failed.Attempts)
	rs, _ := left(t, q)
	require.Equal(t, []string{"\xc1"}, rs)
}

type panicCodec struct{}

func (panicCodec) Append(dst []byte, _ any) ([]byte, error) { return dst, nil }
func (panicCodec) Decode([]byte, any) error                 { panic("codec") }

// Panics and Goexit are failures of the record, wherever they come from.
func TestPanicsAreCaught(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o      worker.Options[string]
		handle func() error
		stack  string
	}{
		"handler": {handle: func() error { panic(errBad) }, stack: "run_test.go"},
		"nil":     {handle: func() error { panic(nil) }, stack: "run_test.go"},
		"goexit":  {handle: func() error { runtime.Goexit(); return nil }},
		"codec":   {o: worker.Options[string]{Consumer: consumer.Options{Codec: panicCodec{}}}, stack: "Decode"},
		"key":     {o: worker.Options[string]{Key: func(string) string { panic("key") }}, stack: "run_test.go"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, dead := queue(t)
			send(t, q, "a")
			calls := 0
			c.o.Retries, c.o.RetryAfter, c.o.DeadLetter = 1, time.Millisecond, dead
			require.NoError(t, worker.Run(context.Background(), q, untilEOF(c.o), func(context.Context, worker.Record[string]) error {
				calls++
				return c.handle()
			}))
			if c.handle != nil {
				require.Equal(t, 2, calls)
			}
			ls := letters(t, dead)
			require.Len(t, ls, 1)
			require.Equal(t, calls, ls[0].Attempts)
			require.Contains(t, ls[0].Stack, c.stack)
			if name == "goexit" {
				require.Contains(t, ls[0].Reason, "Goexit")
			} else {
				require.Contains(t, ls[0].Reason, "panic")
			}
		})
	}
}

// Where nothing is done with it the panic comes out as an error.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "a")
	err := worker.Run(context.Background(), q, &worker.Options[string]{Retries: -1}, func(context.Context, worker.Record[string]) error { panic(errBad) })
	var p *worker.PanicError
	require.ErrorAs(t, err, &p)
	require.Equal(t, errBad, p.Value)
	require.ErrorIs(t, err, errBad)
	require.Contains(t, p.Stack, "run_test.go")
}

func TestPermanentErrorIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a")
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead}), func(context.Context, worker.Record[string]) error {
		return fmt.Errorf("no: %w", worker.Permanent(errBad))
	}))
	ls := letters(t, dead)
	require.Len(t, ls, 1)
	require.Equal(t, 1, ls[0].Attempts)
	require.Equal(t, "no: it is bad", ls[0].Reason)
}

// A shortage is waited for, and does not count.
func TestShortageDoesNotCount(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a")
	calls := 0
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead, Retries: 1, RetryAfter: time.Millisecond}), func(_ context.Context, r worker.Record[string]) error {
		if calls++; calls <= 5 {
			require.Equal(t, 1, r.Attempt)
			return worker.Shortage(errBad)
		}
		require.Equal(t, calls-5, r.Attempt)
		return errBad
	}))
	require.Equal(t, 7, calls)
	require.Equal(t, 2, letters(t, dead)[0].Attempts)
}

// A fatal error ends the worker whatever the options say.
func TestFatalErrorEndsTheWorker(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a", "b")
	err := worker.Run(context.Background(), q, &worker.Options[string]{DeadLetter: dead}, func(context.Context, worker.Record[string]) error {
		return fmt.Errorf("no: %w", worker.Fatal(errBad))
	})
	require.ErrorIs(t, err, errBad)
	require.Contains(t, err.Error(), fmt.Sprintf("queue %q: record 1: no: it is bad; it is still in the queue", q))
	rs, _ := left(t, q)
	require.Equal(t, []string{"\xa1a", "\xa1b"}, rs)
	_, err = shmq.Stat(dead)
	require.Error(t, err, "no dead letter, no queue")
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a", "in time")
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead, Retries: -1, Timeout: 20 * time.Millisecond}), func(ctx context.Context, r worker.Record[string]) error {
		if r.Value == "in time" {
			require.NoError(t, ctx.Err())
			return nil
		}
		_, ok := ctx.Deadline()
		require.True(t, ok)
		<-ctx.Done()
		require.Equal(t, worker.ErrTimeout, context.Cause(ctx))
		return ctx.Err()
	}))
	ls := letters(t, dead)
	require.Len(t, ls, 1)
	require.True(t, ls[0].TimedOut)
	require.Equal(t, "timed out after 20ms: context deadline exceeded", ls[0].Reason)
	require.GreaterOrEqual(t, ls[0].LastTime.Sub(ls[0].FirstTime), 20*time.Millisecond)
}

type ctxKey struct{}

// The end of the context: what runs is finished and acknowledged, the rest is given back
// at once, though a handler still runs.
func TestDrain(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		send(t, q, "runs", "retries", "a:1", "a:2", "a:3", "fails", "untaken")
		g := newGates()
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), ctxKey{}, "value"))
		defer cancel()
		var once sync.Once
		retried := make(chan struct{})
		done := make(chan error, 1)
		o := &worker.Options[string]{Jobs: 4, RetryAfter: time.Hour, RetryMost: time.Hour, Key: func(v string) string {
			key, _, _ := strings.Cut(v, ":")
			return key
		}}
		go func() {
			done <- worker.Run(ctx, q, o, func(hctx context.Context, r worker.Record[string]) error {
				if r.Value == "retries" {
					once.Do(func() { close(retried) })
					return errBad
				}
				g.pass(r.Value)
				if hctx.Err() != nil || hctx.Value(ctxKey{}) != "value" {
					return errors.New("its context has ended")
				}
				if r.Value == "fails" {
					return errBad
				}
				return nil
			})
		}()
		<-retried
		until(t, func() bool { return g.at("runs", "a:1", "fails") })
		cancel()
		if !single(t, q) {
			until(t, func() bool {
				info, err := shmq.Stat(q)
				return err == nil && info.Orphans == 3 // retries, a:2, a:3
			})
		}
		g.open("runs", "a:1", "fails", "a:2")
		require.NoError(t, <-done)
		rs, again := left(t, q)
		want := []string{"\xa7retries", "\xa3a:2", "\xa3a:3", "\xa5fails", "\xa7untaken"}
		if single(t, q) { // what it acknowledges behind a record that it gives back comes again
			want = slices.Insert(want, 1, "\xa3a:1")
		}
		require.Equal(t, want, rs)
		require.Equal(t, 0, again[len(again)-1])
	})
}

// A handler that fails for good when the worker has to end may have failed because of that:
// its record is neither dropped nor a dead letter.
func TestRecordThatFailsAtTheEndIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]worker.Options[string]{"stop": {}, "drop": {Drop: true}, "dead letter": {DeadLetter: "name"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, dead := queue(t)
			if o.DeadLetter != "" {
				o.DeadLetter = dead
			}
			o.Retries = -1
			send(t, q, "a")
			g := newGates()
			w := begin(t, q, &o, func(_ context.Context, r worker.Record[string]) error {
				g.pass("a")
				return worker.Permanent(errBad)
			})
			until(t, func() bool { return g.at("a") })
			w.cancel()
			g.open("a")
			require.NoError(t, w.ends())
			rs, _ := left(t, q)
			require.Equal(t, []string{"\xa1a"}, rs)
			_, err := shmq.Stat(dead)
			require.Error(t, err, "no letter")
		})
	}
}

// Handlers that don't end by themselves are told to after Grace.
func TestGrace(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "a")
	g := newGates()
	g.open("a")
	w := begin(t, q, &worker.Options[string]{Grace: 10 * time.Millisecond}, func(ctx context.Context, r worker.Record[string]) error {
		g.pass("a")
		<-ctx.Done()
		return context.Cause(ctx)
	})
	until(t, func() bool { return g.at("a") })
	w.cancel()
	require.NoError(t, w.ends())
	rs, _ := left(t, q)
	require.Equal(t, []string{"\xa1a"}, rs)
}

// Records of one key are worked on one after the other, in their order, retries and all;
// those of others go on meanwhile.
func TestKeysKeepTheirOrder(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		var in []string
		for i := range 40 {
			in = append(in, fmt.Sprintf("%c:%d", 'a'+i%4, i))
		}
		send(t, q, in...)
		g := newGates()
		var mu sync.Mutex
		got, busy := map[string][]string{}, map[string]int{}
		key := func(v string) string { return v[:1] }
		w := begin(t, q, untilEOF(worker.Options[string]{Jobs: 3, Key: key, RetryAfter: time.Millisecond}), func(_ context.Context, r worker.Record[string]) error {
			k := key(r.Value)
			mu.Lock()
			busy[k]++
			require.Equal(t, 1, busy[k], "two of one key")
			mu.Unlock()
			if r.Value == "a:0" {
				g.pass("a:0")
			}
			defer func() {
				mu.Lock()
				busy[k]--
				mu.Unlock()
			}()
			if r.Attempt == 1 && r.Number%3 == 0 {
				return errBad
			}
			mu.Lock()
			got[k] = append(got[k], r.Value)
			mu.Unlock()
			return nil
		})
		until(t, func() bool { // a waits, and all others go by
			mu.Lock()
			defer mu.Unlock()
			return len(got["b"]) == 10 && len(got["c"]) == 10 && len(got["d"]) == 10
		})
		g.open("a:0")
		require.NoError(t, w.ends())
		for k, vs := range got {
			var want []string
			for _, v := range in {
				if v[:1] == k {
					want = append(want, v)
				}
			}
			require.Equal(t, want, vs)
		}
		require.Len(t, got["a"], 10)
	})
}

// A record that ends the worker is not overtaken by the next of its key.
func TestFailedRecordHoldsItsKey(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		send(t, q, "a:1", "a:2", "a:3", "b:1")
		g := newGates()
		var mu sync.Mutex
		var got []string
		w := begin(t, q, &worker.Options[string]{Jobs: 2, Retries: -1, Key: func(v string) string { return v[:1] }}, func(_ context.Context, r worker.Record[string]) error {
			mu.Lock()
			got = append(got, r.Value)
			mu.Unlock()
			if r.Value == "b:1" {
				g.pass("b:1")
				return nil
			}
			g.pass(r.Value)
			return errBad
		})
		until(t, func() bool { return g.at("a:1", "b:1") })
		g.open("a:1", "a:2", "a:3")
		if !single(t, q) {
			until(t, func() bool {
				info, err := shmq.Stat(q)
				return err == nil && info.Orphans == 3
			})
		}
		g.open("b:1")
		require.ErrorIs(t, w.ends(), errBad)
		slices.Sort(got)
		require.Equal(t, []string{"a:1", "b:1"}, got)
		rs, _ := left(t, q)
		require.Equal(t, []string{"\xa3a:1", "\xa3a:2", "\xa3a:3"}, rs[:3])
	})
}

// Records without a key have no order; and behind a key that is busy only so many are
// taken ahead.
func TestKeysTakeAheadWithinBounds(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	g := newGates()
	w := begin(t, q, &worker.Options[string]{Jobs: 2, Key: func(v string) string { return strings.TrimPrefix(v, "free") }}, func(_ context.Context, r worker.Record[string]) error {
		if r.Value == "free" {
			g.pass("free")
		} else {
			g.pass("key")
		}
		return nil
	})
	send(t, q, slices.Repeat([]string{"a"}, 50)...)
	until(t, func() bool {
		info, err := shmq.Stat(q)
		return err == nil && info.Leased == 33 && g.at("key")
	})
	send(t, q, "free") // it has to wait: a worker that looked for it would have to take all
	require.False(t, g.at("free"))
	g.open("key")
	until(t, func() bool { return g.at("free") })
	g.open("free")
	w.cancel()
	require.NoError(t, w.ends())
}

// Several workers share a queue, and nothing is lost or done twice.
func TestWorkersShareAQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 64})
	var mu sync.Mutex
	seen := map[string]int{}
	var ws []*running
	for range 3 {
		ws = append(ws, begin(t, q, untilEOF(worker.Options[string]{Jobs: 4}), func(_ context.Context, r worker.Record[string]) error {
			mu.Lock()
			defer mu.Unlock()
			seen[r.Value]++
			return nil
		}))
	}
	var vs []string
	for i := range 2000 {
		vs = append(vs, fmt.Sprint(i))
	}
	send(t, q, vs...)
	for _, w := range ws {
		require.NoError(t, w.ends())
	}
	require.Len(t, seen, len(vs))
	for v, n := range seen {
		require.Equal(t, 1, n, v)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	q := testagent.Name(t)
	for _, o := range []worker.Options[string]{
		{Jobs: -1}, {Batch: -1}, {Timeout: -1}, {Grace: -1}, {RetryAfter: -1}, {RetryMost: -1}, {Drop: true, DeadLetter: "x"},
	} {
		err := worker.Run(context.Background(), q, &o, func(context.Context, worker.Record[string]) error { return nil })
		require.ErrorIs(t, err, shmq.ErrOption)
		require.Contains(t, err.Error(), q)
	}
	_, err := shmq.Stat(q)
	require.Error(t, err, "nothing was made")
}

// A type that the codec can't decode is refused before anything is made.
func TestTypeThatCantBeDecoded(t *testing.T) {
	t.Parallel()
	q := testagent.Name(t)
	err := worker.Run(context.Background(), q, nil, func(context.Context, worker.Record[chan int]) error { return nil })
	require.ErrorIs(t, err, codec.ErrType)
	require.Contains(t, err.Error(), q)
	_, err = shmq.Stat(q)
	require.Error(t, err)
}

// An error of the queue ends the worker when its handlers are done.
func TestRemovedQueueEndsTheWorker(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "a")
	g := newGates()
	w := begin(t, q, &worker.Options[string]{Jobs: 2}, func(_ context.Context, r worker.Record[string]) error {
		g.pass("a")
		return nil
	})
	until(t, func() bool { return g.at("a") })
	require.NoError(t, shmq.ForceRemove(q))
	g.open("a")
	require.ErrorIs(t, w.ends(), shmq.ErrRemoved)
}

// A handler learns which record it has and when that was sent, the same each time it comes.
func TestARecordHasAnID(t *testing.T) {
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Timestamps: true})
	before := time.Now()
	send(t, q, "a", "b")
	ids := map[shmq.ID][]int{}
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{Retries: 1, RetryAfter: time.Millisecond}), func(_ context.Context, r worker.Record[string]) error {
		require.WithinRange(t, r.SentAt, before.Add(-time.Second), time.Now().Add(time.Second))
		ids[r.ID] = append(ids[r.ID], r.Attempt)
		if r.Attempt == 1 {
			return errBad
		}
		return nil
	}))
	require.Len(t, ids, 2)
	for _, attempts := range ids {
		require.Equal(t, []int{1, 2}, attempts)
	}
}

package worker_test

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker"
)

// A queue of dead letters that is removed, or replaced, gets no letter after that: it goes to
// the queue that then has the name. Nobody would find it in the other.
func TestDeadLettersFollowTheName(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		q, dead := queue(t)
		send(t, q, "a", "b")
		require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead, Retries: -1}), func(_ context.Context, r worker.Record[string]) error {
			if r.Value == "b" {
				until(t, func() bool { return acknowledged(t, q) == 1 })
				path, err := shmq.Path(dead)
				require.NoError(t, err)
				require.NoError(t, os.Remove(path))
				if again {
					err = shmq.Create(dead, &shmq.Options{Slots: 64, SlotSize: 8192})
					require.NoError(t, err)
				}
			}
			return errBad
		}))
		ls := letters(t, dead)
		require.Len(t, ls, 1)
		require.Equal(t, "\xa1b", string(ls[0].Record))
	}
}

// nilError is an error whose methods want a pointer that is not nil.
type nilError struct{ err error }

func (e *nilError) Error() string { return e.err.Error() }
func (e *nilError) Unwrap() error { return e.err }

// A handler that returns an error which can't be asked fails at its record, as one that panics:
// the text is wanted where nothing catches a panic of user code any more.
func TestErrorThatPanics(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a", "b", "c")
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead, Retries: -1}), func(_ context.Context, r worker.Record[string]) error {
		switch e := (*nilError)(nil); r.Value {
		case "a":
			return e
		case "b":
			return worker.BatchError{0: e}
		default:
			panic(e)
		}
	}))
	ls := letters(t, dead)
	require.Len(t, ls, 3)
	for _, l := range ls {
		require.Contains(t, l.Reason, "nil pointer dereference")
		require.NotEmpty(t, l.Stack)
	}
}

// In a batch each record is judged by its own error: one that is short of something neither
// counts its attempts nor keeps the others from counting theirs.
func TestShortageOfOneOfABatch(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "bad", "short", "hopeless")
	attempts := map[string][]int{}
	short := 0
	require.NoError(t, worker.RunBatch(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead, Retries: 1, RetryAfter: time.Millisecond, RetryMost: time.Millisecond}),
		func(_ context.Context, rs []worker.Record[string]) error {
			e := worker.BatchError{}
			for i, r := range rs {
				attempts[r.Value] = append(attempts[r.Value], r.Attempt)
				switch r.Value {
				case "bad":
					e[i] = errBad
				case "hopeless":
					e[i] = worker.Permanent(errBad)
				case "short":
					if short++; short < 6 {
						e[i] = worker.Shortage(errBad)
					}
				}
			}
			if len(e) == 0 {
				return nil
			}
			return e
		}))
	require.Equal(t, []int{1, 2}, attempts["bad"])
	require.Equal(t, []int{1}, attempts["hopeless"])
	require.Equal(t, []int{1, 1, 1, 1, 1, 1}, attempts["short"])
	require.Len(t, letters(t, dead), 2)
}

// Nor does what a value of the handler refers to lie in the record.
func TestHandlerMayScribbleInItsValue(t *testing.T) {
	t.Parallel()
	type v struct{ B []byte }
	q, dead := queue(t)
	p, err := producer.Open[v](q, nil)
	require.NoError(t, err)
	require.NoError(t, p.Send(context.Background(), v{[]byte("hello")}))
	require.NoError(t, p.Close())
	o := &worker.Options[v]{DeadLetter: dead, Retries: -1}
	o.Consumer.UntilEOF = true
	require.NoError(t, worker.Run(context.Background(), q, o, func(_ context.Context, r worker.Record[v]) error {
		copy(r.Value.B, "xxxxxxx")
		return errors.New("bad")
	}))
	require.Contains(t, string(letters(t, dead)[0].Record), "hello")
}

// Numbers larger than the queue mean all that it holds.
func TestMoreJobsThanRecords(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	send(t, q, "a", "b")
	n := 0
	require.NoError(t, worker.RunBatch(context.Background(), q, untilEOF(worker.Options[string]{Jobs: math.MaxInt, Batch: math.MaxInt}), func(_ context.Context, rs []worker.Record[string]) error {
		n += len(rs)
		return nil
	}))
	require.Equal(t, 2, n)
}

// A queue of letters can't lead back: it would need larger records than the one before it, and so
// would that.
func TestDeadLetterQueuesDoNotLeadBack(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	third := testagent.Name(t)
	for _, way := range [][2]string{{q, dead}, {dead, third}} {
		send(t, way[0], "a")
		require.NoError(t, worker.RunRaw(context.Background(), way[0], untilEOF(worker.Options[[]byte]{DeadLetter: way[1], Retries: -1}), func(context.Context, worker.Record[[]byte]) error { return errBad }))
	}
	for _, back := range [][2]string{{dead, q}, {third, dead}, {third, q}} {
		err := worker.RunRaw(context.Background(), back[0], &worker.Options[[]byte]{DeadLetter: back[1]}, func(context.Context, worker.Record[[]byte]) error { panic("called") })
		require.ErrorIs(t, err, shmq.ErrOption)
		require.Contains(t, err.Error(), "its records have up to")
	}
}

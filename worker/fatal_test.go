package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/worker"
)

// A fatal error ends the worker also where it is the reason of one record of a batch, or joined
// with the reasons of others: those that failed stay in the queue, whatever the options say.
func TestFatalErrorOfABatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		at   int
		left []string
	}{
		"of one":          {worker.BatchError{1: errBad, 2: worker.Fatal(errBad)}, 3, []string{"\xa1b", "\xa1c"}},
		"of one, wrapped": {fmt.Errorf("some: %w", worker.BatchError{2: fmt.Errorf("no: %w", worker.Fatal(errBad))}), 3, []string{"\xa1c"}},
		"joined":          {errors.Join(worker.BatchError{1: errors.New("x")}, worker.Fatal(errBad)), 2, []string{"\xa1b"}},
		"joined before":   {errors.Join(worker.Fatal(errBad), worker.BatchError{1: (*nilError)(nil)}), 2, []string{"\xa1b"}},
		"of none":         {errors.Join(worker.BatchError{}, worker.Fatal(errBad)), 1, []string{"\xa1a", "\xa1b", "\xa1c"}},
		"of no record":    {worker.BatchError{-1: errors.New("x"), 9: worker.Fatal(errBad)}, 1, []string{"\xa1a", "\xa1b", "\xa1c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, dead := queue(t)
			send(t, q, "a", "b", "c")
			calls := 0
			o := untilEOF(worker.Options[string]{DeadLetter: dead, Retries: 1, RetryAfter: 1})
			err := worker.RunBatch(context.Background(), q, o, func(_ context.Context, rs []worker.Record[string]) error {
				calls++
				require.Len(t, rs, 3)
				return c.err
			})
			require.ErrorIs(t, err, errBad)
			require.ErrorContains(t, err, fmt.Sprintf("queue %q: record %d: ", q, c.at))
			require.Equal(t, 1, calls)
			rs, _ := left(t, q)
			require.Equal(t, c.left, rs)
			_, err = shmq.Stat(dead)
			require.Error(t, err, "no dead letter, no queue")
		})
	}
}

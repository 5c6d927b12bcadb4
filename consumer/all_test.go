package consumer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

func TestAllUntilTheEnd(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		for _, s := range []string{"a", "b", "c", "d", "e"} {
			require.NoError(t, p.TrySend([]byte(s)))
		}
		require.NoError(t, p.Finish())
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
		var got []string
		for b, err := range c.All(context.Background()) {
			require.NoError(t, err)
			got = append(got, string(b))
			if len(got) == 2 {
				break // b is done with
			}
		}
		require.Panics(t, func() {
			for b, err := range c.All(context.Background()) {
				require.NoError(t, err)
				require.Equal(t, "c", string(b))
				panic("the body")
			}
		})
		l, err := c.TryLease()
		require.NoError(t, err)
		require.Equal(t, "c", string(l.Bytes()))
		require.Equal(t, 1, l.Redelivered(), "delivered again, though the program survived")
		l.Ack()
		for b, err := range c.All(context.Background()) {
			require.NoError(t, err)
			got = append(got, string(b))
		}
		require.Equal(t, []string{"a", "b", "d", "e"}, got)
		require.Zero(t, leased(t, q))
	})
}

func leased(t *testing.T, q string) int {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Leased + info.Records + info.Orphans
}

func TestAllEndsWithItsContextAndSaysSoOnce(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p := openProducer(t, q)
	require.NoError(t, p.TrySend([]byte("a")))
	c := openConsumer(t, q, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var errs []error
	n := 0
	for _, err := range c.All(ctx) {
		if err != nil {
			errs = append(errs, err)
		} else {
			n++
		}
	}
	require.Equal(t, 1, n)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.DeadlineExceeded)
}

func TestTypedAllGoesOnAfterWhatItCannotDecode(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p := openProducer(t, q)
	for _, s := range []string{"\x01", "\xc1junk", "\x02"} {
		require.NoError(t, p.TrySend([]byte(s)))
	}
	require.NoError(t, p.Finish())
	c, err := consumer.Open[int](q, &consumer.Options{UntilEOF: true})
	require.NoError(t, err)
	defer c.Close()
	var got []int
	var bad *consumer.DecodeError
	for v, err := range c.All(context.Background()) {
		if err != nil {
			require.ErrorAs(t, err, &bad)
			continue
		}
		got = append(got, v)
	}
	require.Equal(t, []int{1, 2}, got)
	require.Equal(t, "\xc1junk", string(bad.Record))
	require.ErrorContains(t, bad, q)
	require.Zero(t, leased(t, q))
}

package consumer_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

// looks returns what a viewer shows.
func looks(t *testing.T, q string) (got []string) {
	t.Helper()
	v, err := shmq.View(q)
	require.NoError(t, err)
	defer func() { require.NoError(t, v.Close()) }()
	for rec := (shmq.Record{}); ; {
		if err := v.Next(&rec); err != nil {
			require.ErrorIs(t, err, shmq.ErrEmpty)
			return got
		}
		require.Equal(t, shmq.Waiting, rec.State)
		got = append(got, string(rec.Data))
	}
}

func TestLookingTakesNothingFromSubscriptions(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{})
	a, b := openConsumer(t, q, nil), openConsumer(t, q, nil)
	p := openProducer(t, q)
	for i := range 5 {
		require.NoError(t, p.Send(context.Background(), fmt.Appendf(nil, "%d", i)))
	}
	receives(t, a, 0, 5)
	receives(t, b, 0, 2)
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, looks(t, q), "what was received is still whole")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, 3, info.Records, "of the slowest")
	require.Zero(t, info.Leased+info.Orphans)
	require.Zero(t, info.Uncounted)
	d, err := shmq.Check(q)
	require.NoError(t, err)
	require.Empty(t, d.Findings)
	receives(t, b, 2, 5)
}

// A subscriber that was killed is named; a recovery ends its subscription, and leaves durable ones.
func TestCheckNamesDeadSubscriptionsAndRecoverEndsThem(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{})
	c, err := consumer.OpenRaw(q, &consumer.Options{Subscription: "audit"})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	a := subscriber(t, q, "")
	p := openProducer(t, q)
	for i := range 8 {
		require.NoError(t, p.Send(context.Background(), fmt.Appendf(nil, "%d", i)))
	}
	require.ErrorIs(t, p.TrySend([]byte("8")), shmq.ErrFull)
	a.Kill()
	notes := func() (found []string) {
		d, err := shmq.Check(q)
		require.NoError(t, err)
		require.False(t, d.Damaged())
		for _, f := range d.Findings {
			if f.Kind == "subscription" {
				require.NotEmpty(t, f.Remedy)
				found = append(found, f.Found)
			}
		}
		return found
	}
	found := notes()
	require.Len(t, found, 2, "%q", found)
	require.Contains(t, found[0], `"audit" is 8 slots behind`)
	require.Contains(t, found[1], "died")
	dry, err := shmq.Recover(q, &shmq.RecoverOptions{DryRun: true})
	require.NoError(t, err)
	require.Equal(t, 1, dry.Ended)
	require.Len(t, notes(), 2, "it changes nothing")
	rec, err := shmq.Recover(q, nil)
	require.NoError(t, err)
	require.Equal(t, 1, rec.Ended)
	require.Len(t, notes(), 1)
	require.ErrorIs(t, p.TrySend([]byte("8")), shmq.ErrFull, "the durable one stays")
	c, err = consumer.OpenRaw(q, &consumer.Options{Subscription: "audit"})
	require.NoError(t, err)
	receives(t, c, 0, 8)
	require.NoError(t, p.Send(testagent.Within(t), []byte("8")))
	receives(t, c, 8, 9)
	require.NoError(t, c.Close())
}

package consumer_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

func TestStreamThatNobodyBeganHasNoEnd(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
		for range 100 {
			_, err := c.TryReceive(nil)
			require.ErrorIs(t, err, shmq.ErrEmpty)
		}
		p := testagent.Producer(t, q)
		p.Sends("a")
		p.Do("close")
		b, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, "a", string(b))
		_, err = c.TryReceive(nil)
		require.Equal(t, io.EOF, err)
	})
}

// However the last producer goes, everybody who waits learns of it, after all
// records.
func TestEndWhenTheLastProducerIsGone(t *testing.T) {
	for _, how := range []string{"close", "kill", "kill with a reservation"} {
		t.Run(how, func(t *testing.T) {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				q := testagent.Queue(t, small(o))
				p := testagent.Producer(t, q)
				p.Sends("a", "b", "c")
				c := testagent.New(t)
				c.Do("consumer-until-eof %s", q)
				for i, want := range []string{"a", "b", "c"} {
					require.Equal(t, testagent.Fresh(want), c.Lease(1))
					c.Do("ack %d", i)
				}
				sleepFor(t, c, q)
				require.True(t, c.Silent(), "a producer is attached")
				switch how {
				case "close":
					p.Do("close")
				case "kill with a reservation":
					p.Do("reserve 200")
					fallthrough
				case "kill":
					p.Kill()
				}
				require.Contains(t, c.Expect("err"), "eof")
				require.Contains(t, c.Fails("lease 1"), "eof", "again")
			})
		})
	}
}

func TestFinishEndsTheStreamForAll(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a")
		c.Lease(1)
		sleepFor(t, c, q)
		p.Do("finish")
		require.Contains(t, c.Expect("err"), "eof")
		late := testagent.New(t) // who comes after the end sees it too
		c.Do("ack 0")
		c.Do("close")
		late.Do("consumer %s", q)
		require.Contains(t, late.Fails("lease 1"), "eof")

		// A producer that comes later goes on with the stream.
		next := testagent.Producer(t, q)
		require.Contains(t, late.Fails("try-lease"), "empty")
		next.Sends("b")
		require.Equal(t, testagent.Fresh("b"), late.Lease(1))
		next.Do("close")
		require.Contains(t, late.Fails("try-lease"), "empty", "this one did not mark an end")
	})
}

// One producer's mark does not end the stream while another is at work.
func TestFinishWaitsForTheOtherProducers(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p1, p2, c := testagent.Producer(t, q), testagent.Producer(t, q), testagent.Consumer(t, q)
	p1.Do("finish")
	require.Contains(t, c.Fails("try-lease"), "empty")
	p2.Sends("late")
	p2.Do("close")
	require.Equal(t, testagent.Fresh("late"), c.Lease(1))
	require.Contains(t, c.Fails("try-lease"), "eof")
}

// Without being told to, a consumer takes no silence for the end.
func TestNoEndWithoutAMark(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Do("close")
	require.Contains(t, c.Fails("try-lease"), "empty")
	sleepFor(t, c, q)
	testagent.Producer(t, q).Sends("x")
	require.Equal(t, testagent.Fresh("x"), c.Leased())
}

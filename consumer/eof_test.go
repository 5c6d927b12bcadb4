package consumer_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// untilEOF returns an agent that is a consumer and asks for the end of the stream.
func untilEOF(t *testing.T, q string) *testagent.Agent {
	t.Helper()
	c := testagent.New(t)
	c.Do("consumer-until-eof %s", q)
	return c
}

// gets checks that these are the next records, and acknowledges nothing.
func gets(t *testing.T, c *testagent.Agent, want ...string) {
	t.Helper()
	for _, w := range want {
		require.Equal(t, testagent.Fresh(w), c.Lease(1))
	}
}

// sendAll is a whole stream: a producer that sends these and finishes.
func sendAll(t *testing.T, q string, records ...string) {
	t.Helper()
	p := openProducer(t, q)
	for _, r := range records {
		require.NoError(t, p.TrySend([]byte(r)))
	}
	require.NoError(t, p.Finish())
}

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

// However the last producer goes, everybody who asked for it learns of it, after all
// records, and whether all was sent.
func TestEndWhenTheLastProducerIsGone(t *testing.T) {
	for how, want := range map[string]string{
		"close": "eof", "finish": "eof", "abandon": "broken", "kill": "broken", "kill with a reservation": "broken",
	} {
		t.Run(how, func(t *testing.T) {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				q := testagent.Queue(t, small(o))
				p := testagent.Producer(t, q)
				p.Sends("a", "b", "c")
				c := untilEOF(t, q)
				for i, want := range []string{"a", "b", "c"} {
					require.Equal(t, testagent.Fresh(want), c.Lease(1))
					c.Do("ack %d", i)
				}
				sleepFor(t, c, q)
				require.True(t, c.Silent(), "a producer is attached")
				switch how {
				case "kill with a reservation":
					p.Do("reserve 200")
					fallthrough
				case "kill":
					p.Kill()
				default:
					p.Do("%s", how)
				}
				require.Contains(t, c.Expect("err"), want)
				require.Contains(t, c.Fails("lease 1"), want, "again")
				require.Contains(t, c.Fails("try-lease"), want)

				p = testagent.Producer(t, q) // the next stream
				require.Contains(t, c.Fails("try-lease"), "empty")
				p.Sends("d")
				gets(t, c, "d")
				p.Do("finish")
				require.Contains(t, c.Fails("lease 1"), "eof")
			})
		})
	}
}

// Strict takes only a marked end for one.
func TestStrictEnd(t *testing.T) {
	for how, want := range map[string]string{"close": "broken", "finish": "eof", "abandon": "broken", "kill": "broken"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			q := testagent.Queue(t, small(shmq.Options{}))
			p, c := testagent.Producer(t, q), testagent.New(t)
			c.Do("consumer-strict %s", q)
			p.Sends("a")
			if how == "kill" {
				p.Kill()
			} else {
				p.Do("%s", how)
			}
			gets(t, c, "a")
			require.Contains(t, c.Fails("lease 1"), want)
		})
	}
	require.ErrorIs(t, shmq.ErrBrokenOff, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, shmq.ErrBrokenOff, io.EOF)
}

// A stream of which one producer died is broken off, whoever finished it afterwards.
func TestOneDeadProducerBreaksTheStreamOff(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		if o.Producers == shmq.One {
			t.Skip("there is one producer at a time")
		}
		q := testagent.Queue(t, small(o))
		p1, p2, c := testagent.Producer(t, q), testagent.Producer(t, q), untilEOF(t, q)
		p1.Sends("a")
		p1.Kill()
		p2.Sends("b")
		p2.Do("finish")
		gets(t, c, "a", "b")
		require.Contains(t, c.Fails("lease 1"), "broken")
		sendAll(t, q, "c") // and the next one is not
		gets(t, c, "c")
		require.Contains(t, c.Fails("lease 1"), "eof")
	})
}

// Each stream comes with its own end, whichever side comes first, on one queue.
func TestStreamsEndAndBeginAgain(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		for round, first := range []string{"c", "p", "p", "c", "c", "p", "c", "p"} {
			var c *consumer.Raw
			open := func() { c = openConsumer(t, q, &consumer.Options{UntilEOF: true}) }
			if first == "c" {
				open()
				_, err := c.TryReceive(nil)
				require.ErrorIs(t, err, shmq.ErrEmpty, "round %d: told of the stream before", round)
			}
			sendAll(t, q, "a", "b")
			if first == "p" {
				open()
			}
			for _, want := range []string{"a", "b"} {
				b, err := c.TryReceive(nil)
				require.NoError(t, err, "round %d", round)
				require.Equal(t, want, string(b))
			}
			_, err := c.TryReceive(nil)
			require.Equal(t, io.EOF, err, "round %d", round)
			require.NoError(t, c.Close())
		}
	})
}

// An end reaches all who were there when it came, and none who comes later.
func TestEndReachesThoseWhoWereAttached(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	c1, c2 := untilEOF(t, q), untilEOF(t, q)
	sendAll(t, q, "a")
	late := untilEOF(t, q)
	gets(t, c1, "a")
	require.Contains(t, late.Fails("try-lease"), "empty", "the end is theirs")
	require.Contains(t, c1.Fails("lease 1"), "eof")
	require.Contains(t, late.Fails("try-lease"), "empty")
	require.Contains(t, c2.Fails("lease 1"), "eof")
	require.Contains(t, late.Fails("try-lease"), "empty")
	sleepFor(t, late, q)
	sendAll(t, q, "b")
	require.Equal(t, testagent.Fresh("b"), late.Leased())
	for _, c := range []*testagent.Agent{c1, c2, late} {
		require.Contains(t, c.Fails("lease 1"), "eof")
	}
}

// Where nobody was attached the end is for the first who comes: of an empty stream, too.
func TestEndIsForTheFirstWhoComes(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for _, records := range [][]string{nil, {"a"}} {
			q := testagent.Queue(t, small(o))
			sendAll(t, q, records...)
			first := untilEOF(t, q)
			gets(t, first, records...)
			require.Contains(t, first.Fails("lease 1"), "eof")
			first.Do("close")
			late := untilEOF(t, q)
			if len(records) > 0 { // first did not acknowledge it
				require.Equal(t, testagent.Again(1, "a"), late.Lease(1))
			}
			require.Contains(t, late.Fails("try-lease"), "empty")
			sleepFor(t, late, q)
			sendAll(t, q)
			require.Contains(t, late.Expect("err"), "eof")
		}
	})
}

// One that came later and got a record of the stream is not told its end while one lives
// whose end it is.
func TestEndIsNotForHelpers(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	c := untilEOF(t, q)
	sendAll(t, q, "a", "b")
	late := untilEOF(t, q)
	gets(t, late, "a")
	gets(t, c, "b")
	for range 3 {
		require.Contains(t, late.Fails("try-lease"), "empty")
	}
	sleepFor(t, late, q)
	require.Contains(t, c.Fails("lease 1"), "eof")
	require.True(t, late.Silent())
	sendAll(t, q)
	require.Contains(t, late.Expect("err"), "eof")
}

// A stream that a consumer without UntilEOF has drained is over, also for one that got a
// record of it.
func TestDrainedByAPlainConsumer(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	plain := testagent.Consumer(t, q)
	sendAll(t, q, "a", "b")
	late := untilEOF(t, q)
	gets(t, late, "a")
	gets(t, plain, "b")
	plain.Do("ack 0")
	require.Contains(t, plain.Fails("try-lease"), "empty")
	plain.Do("close")
	for range 3 {
		require.Contains(t, late.Fails("try-lease"), "empty")
	}
	sendAll(t, q, "c")
	gets(t, late, "c")
	require.Contains(t, late.Fails("lease 1"), "eof")
}

// Streams that were finished while nobody was attached stay apart, each for one consumer
// or for one that comes back for more.
func TestFinishedStreamsStayApart(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		sendAll(t, q, "a", "b")
		sendAll(t, q)
		sendAll(t, q, "c")
		c := untilEOF(t, q)
		gets(t, c, "a", "b")
		c.Do("ack 0")
		c.Do("ack 1")
		require.Contains(t, c.Fails("lease 1"), "eof")
		c.Do("close")
		c = untilEOF(t, q) // not told of the empty one: the other could have been
		gets(t, c, "c")
		require.Contains(t, c.Fails("lease 1"), "eof")
	})
}

// Without a mark the next producer goes on, as at a pipe that nobody reads yet.
func TestUnmarkedStreamsBecomeOne(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		for _, r := range []string{"a", "b", "c"} {
			p := testagent.Producer(t, q)
			p.Sends(r)
			if r == "b" {
				p.Kill()
			} else {
				p.Do("close")
			}
		}
		c := untilEOF(t, q)
		gets(t, c, "a", "b", "c")
		require.Contains(t, c.Fails("lease 1"), "broken", "one of them was killed")
	})
}

// A consumer that was attached gets no record of the next stream before the end of
// this one, however late it looks; in batches, too.
func TestNoRecordOfTheNextStreamBeforeTheEnd(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for name, receive := range map[string]func(c *consumer.Raw) ([]string, error){
			"receive": func(c *consumer.Raw) ([]string, error) {
				b, err := c.TryReceive(nil)
				return []string{string(b)}, err
			},
			"receive batch": func(c *consumer.Raw) (got []string, err error) {
				bufs := make([][]byte, 7)
				n, err := c.TryReceiveBatch(bufs)
				for _, b := range bufs[:n] {
					got = append(got, string(b))
				}
				return got, err
			},
			"lease": func(c *consumer.Raw) ([]string, error) {
				l, err := c.TryLease()
				defer l.Ack()
				return []string{string(l.Bytes())}, err
			},
			"lease batch": func(c *consumer.Raw) (got []string, err error) {
				ls := make([]consumer.Lease, 7)
				n, err := c.TryLeaseBatch(ls)
				for i := range ls[:n] {
					got = append(got, string(ls[i].Bytes()))
					ls[i].Ack()
				}
				return got, err
			},
		} {
			t.Run(name, func(t *testing.T) {
				for _, checksum := range []bool{false, true} {
					o := o
					o.Checksum = checksum
					q := testagent.Queue(t, small(o))
					c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
					for range 3 {
						sendAll(t, q, "a", "b", "c")
					}
					sendAll(t, q)
					for range 3 {
						var got []string
						for len(got) < 3 {
							part, err := receive(c)
							require.NoError(t, err)
							got = append(got, part...)
						}
						require.Equal(t, []string{"a", "b", "c"}, got)
						_, err := receive(c)
						require.Equal(t, io.EOF, err)
					}
					_, err := receive(c)
					require.Equal(t, io.EOF, err)
					c.NextStream()
					_, err = receive(c)
					require.ErrorIs(t, err, shmq.ErrEmpty)
				}
			})
		}
	})
}

// A try that goes past an end that is for another one finds what lies behind it, whichever call it is.
func TestTryBehindAnEndOfOthers(t *testing.T) {
	for what, try := range map[string]func(c *consumer.Raw) error{
		"TryReceive":      func(c *consumer.Raw) error { _, err := c.TryReceive(nil); return err },
		"TryReceiveBatch": func(c *consumer.Raw) error { _, err := c.TryReceiveBatch(make([][]byte, 2)); return err },
		"TryLease":        func(c *consumer.Raw) error { _, err := c.TryLease(); return err },
		"TryLeaseBatch":   func(c *consumer.Raw) error { _, err := c.TryLeaseBatch(make([]consumer.Lease, 2)); return err },
	} {
		t.Run(what, func(t *testing.T) {
			q := testagent.Queue(t, &shmq.Options{Producers: shmq.Many, Consumers: shmq.Many, Slots: 8, Seats: 8})
			busy := openConsumer(t, q, &consumer.Options{UntilEOF: true}) // the end is this one's, and it does not ask
			sendAll(t, q)
			p := openProducer(t, q)
			require.NoError(t, p.TrySend([]byte("x")))
			c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
			require.NoError(t, try(c))
			_, err := busy.TryReceive(nil)
			require.Equal(t, io.EOF, err)
		})
	}
}

// Who was attached to the first of two streams is not made to take records of the second
// by somebody who went ahead.
func TestOthersMayGoAhead(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	slow, ahead := untilEOF(t, q), untilEOF(t, q)
	sendAll(t, q, "a", "b")
	sendAll(t, q, "c", "d")
	gets(t, ahead, "a", "b")
	require.Contains(t, ahead.Fails("lease 1"), "eof")
	gets(t, ahead, "c")
	require.Contains(t, slow.Fails("lease 1"), "eof", "of the first")
	gets(t, slow, "d")
	require.Contains(t, slow.Fails("lease 1"), "eof")
	require.Contains(t, ahead.Fails("lease 1"), "eof")
}

// An end is told when nothing is left to be handed out anywhere. C asks while B has
// inherited a batch and handed out one record of it.
func TestNoEndWhileRecordsAreInherited(t *testing.T) {
	for _, how := range []string{"hands out", "closes", "dies"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
			p, d := testagent.Producer(t, q), untilEOF(t, q)
			p.Sends("1", "2", "3", "4")
			require.Len(t, d.Lease(4), 4)
			b := untilEOF(t, q)
			p.Do("finish")
			c := untilEOF(t, q)
			d.Kill()
			require.Equal(t, testagent.Again(1, "1"), b.Lease(1))
			for range 3 {
				require.Contains(t, c.Fails("try-lease"), "empty", "three records are with B")
			}
			sleepFor(t, c, q)
			switch how {
			case "hands out":
				for _, want := range []string{"2", "3", "4"} {
					require.True(t, c.Silent())
					require.Equal(t, testagent.Again(1, want), b.Lease(1))
				}
				require.Contains(t, b.Fails("lease 1"), "eof", "what others hold is not waited for")
				sleepFor(t, c, q) // the end was B's
				sendAll(t, q)
				require.Contains(t, c.Expect("err"), "eof")
				return
			case "closes":
				b.Do("close")
			case "dies":
				b.Kill()
			}
			require.Equal(t, testagent.Again(2, "1"), c.Leased())
			for range 3 {
				c.Lease(1)
			}
			require.Contains(t, c.Fails("lease 1"), "eof", "B is gone and was not told")
		})
	}
}

// The death of who was to be told leaves the rest, and the end, to others.
func TestEndOutlivesThoseWhoWereAttached(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := untilEOF(t, q)
		sendAll(t, q, "a", "b")
		gets(t, c, "a")
		c.Kill()
		c = untilEOF(t, q)
		require.Equal(t, testagent.Again(1, "a"), c.Lease(1))
		gets(t, c, "b")
		require.Contains(t, c.Fails("lease 1"), "eof")
	})
}

// One that does not ask for ends goes on through them, and has them.
func TestPlainConsumerGoesOnThroughEnds(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := testagent.Consumer(t, q)
		for _, r := range []string{"a", "b", "c"} {
			sendAll(t, q, r)
			gets(t, c, r)
			require.Contains(t, c.Fails("try-lease"), "empty")
		}
		sleepFor(t, c, q)
		if o.Consumers == shmq.Many {
			late := untilEOF(t, q)
			require.Contains(t, late.Fails("try-lease"), "empty")
			sleepFor(t, late, q)
			c.Kill()
			require.True(t, late.Silent(), "the ends were the other's")
		}
	})
}

// One producer's mark does not end the stream while another is at work.
func TestFinishWaitsForTheOtherProducers(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p1, p2, c := testagent.Producer(t, q), testagent.Producer(t, q), testagent.New(t)
	c.Do("consumer-strict %s", q)
	p1.Do("finish")
	require.Contains(t, c.Fails("try-lease"), "empty")
	p2.Sends("late")
	p2.Do("close")
	gets(t, c, "late")
	require.Contains(t, c.Fails("try-lease"), "eof", "it was marked by who came last")

	p1, p2 = testagent.Producer(t, q), testagent.Producer(t, q)
	p1.Do("finish")
	testagent.Producer(t, q).Do("close")
	p2.Do("close")
	require.Contains(t, c.Fails("lease 1"), "broken", "one came after the mark, and made none")
}

// A producer that is refused never was one: nobody's stream ends with it, and a stream
// that has ended stays so.
func TestRefusedProducerIsNone(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
		refuse := func() {
			_, err := producer.OpenRaw(q, &producer.Options{Durability: producer.Durability{Every: 1}})
			require.ErrorIs(t, err, shmq.ErrOption)
		}
		refuse()
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.False(t, info.Begun)

		sendAll(t, q)
		refuse()
		info, err = shmq.Stat(q)
		require.NoError(t, err)
		require.True(t, info.Finished)
		_, err = c.TryReceive(nil)
		require.Equal(t, io.EOF, err)
		_, err = c.TryReceive(nil)
		require.Equal(t, io.EOF, err, "no stream has begun")
	})
}

// More ends than the queue remembers, before anybody comes: what is left is told in
// order, and all records come.
func TestMoreEndsThanAreRemembered(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize = 128, 64
		q := testagent.Queue(t, &o)
		for range 100 {
			sendAll(t, q, "x")
		}
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
		records, ends := 0, 0
		for records < 100 || ends < 32 {
			_, err := c.TryReceive(nil)
			if err == io.EOF {
				ends++
				continue
			}
			require.NoError(t, err, "%d records, %d ends", records, ends)
			records++
		}
		require.Equal(t, []int{100, 32}, []int{records, ends})
		c.NextStream()
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
	})
}

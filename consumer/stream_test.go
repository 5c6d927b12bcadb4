package consumer_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

const ringMost = 256 // the largest record of tiny

// tiny is a ring that a few records fill.
func tiny(o shmq.Options) *shmq.Options {
	o.Slots, o.SlotSize = 8, 64
	return &o
}

// Every size, in random order, through a ring that wraps thousands of times.
func TestEverySizeThroughATinyRing(t *testing.T) {
	const count = 12_000
	for _, o := range testagent.Modes() {
		t.Run(fmt.Sprintf("%v to %v", o.Producers, o.Consumers), func(t *testing.T) {
			q := testagent.Queue(t, tiny(o))
			in := openConsumer(t, q, &consumer.Options{UntilEOF: true})
			p := testagent.Producer(t, q)
			p.Say("send-stream 1 %d 0 %d", count, ringMost)
			next := testagent.Sizes(1, 0, ringMost)
			want := make([]byte, ringMost)
			seq := 0
			check := func(l *consumer.Lease) {
				n := next()
				testagent.Pattern(want[:n], 1, seq)
				require.Equal(t, want[:n], l.Bytes(), "record %d", seq)
				require.Zero(t, l.Redelivered())
				l.Ack()
				seq++
			}
			ls := make([]consumer.Lease, 3)
			for {
				if seq%3 == 0 {
					n, err := in.LeaseBatch(context.Background(), ls)
					if err == io.EOF {
						break
					}
					require.NoError(t, err)
					for i := range ls[:n] {
						check(&ls[i])
					}
					continue
				}
				l, err := in.Lease(context.Background())
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				check(&l)
			}
			require.Equal(t, count, seq)
			p.Expect("ok")
		})
	}
}

// The union of what comes out is the union of what went in, each record once, each
// sender's order kept within each receiver.
func TestManySendersManyReceivers(t *testing.T) {
	for _, c := range []struct{ senders, receivers int }{{3, 3}, {3, 1}, {1, 3}} {
		t.Run(fmt.Sprintf("%d to %d", c.senders, c.receivers), func(t *testing.T) {
			const count = 4000
			o := shmq.Options{}
			if c.senders == 1 {
				o.Producers = shmq.One
			}
			if c.receivers == 1 {
				o.Consumers = shmq.One
			}
			q := testagent.Queue(t, tiny(o))
			var senders, receivers []*testagent.Agent
			for range c.receivers {
				receivers = append(receivers, untilEOF(t, q))
			}
			for range c.senders { // all, before the first can leave: that would be the end
				senders = append(senders, testagent.Producer(t, q))
			}
			for _, r := range receivers {
				r.Say("receive-stream %d %d", c.senders, count)
			}
			for i, s := range senders {
				s.Say("send-stream %d %d %d %d", i, count, testagent.HeadSize, ringMost)
			}
			got := make([][]byte, c.senders)
			for i := range got {
				got[i] = make([]byte, count)
			}
			for _, s := range senders {
				s.Expect("ok")
			}
			for _, r := range receivers {
				digits := strings.Fields(r.Expect("ok"))
				require.Len(t, digits, c.senders)
				for i := range got {
					require.Len(t, digits[i], count)
					for seq, c := range []byte(digits[i]) {
						got[i][seq] += c - '0'
					}
				}
			}
			for i := range got {
				for seq, n := range got[i] {
					require.EqualValues(t, 1, n, "sender %d, record %d", i, seq)
				}
			}
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			require.Equal(t, []int{0, 0, 0, 0}, []int{info.Records, info.Claimed, info.Leased, info.Orphans})
		})
	}
}

package consumer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// sizes gives each size from least to most once, shuffled, and then again.
func sizes(seed uint64, least, most int) func() int {
	r := rand.New(rand.NewPCG(seed, 1))
	var left []int
	return func() int {
		if len(left) == 0 {
			left = r.Perm(most - least + 1)
		}
		n := left[0]
		left = left[1:]
		return least + n
	}
}

// pattern is what record number seq of a sender holds beyond its head.
func pattern(dst []byte, sender, seq int) {
	x := uint32(sender)*2654435761 + uint32(seq)*40503 + 1
	for i := range dst {
		x = x*1664525 + 1013904223
		dst[i] = byte(x >> 24)
	}
}

const (
	headSize = 8
	ringMost = 256 // the largest record of tiny
)

// tiny is a ring that a few records fill.
func tiny(o shmq.Options) *shmq.Options {
	o.Slots, o.SlotSize = 8, 64
	return &o
}

// sendStream sends count records of all sizes, in all ways there are. With a head
// they say whose and which they are.
//
// Arguments: queue, sender, count, head.
func sendStream(c *testproc.Child) {
	sender, _ := strconv.Atoi(c.Args[1])
	count, _ := strconv.Atoi(c.Args[2])
	head := c.Args[3] == "true"
	least := 0
	if head {
		least = headSize
	}
	next := sizes(uint64(sender), least, ringMost)
	p, err := producer.OpenRaw(c.Args[0], nil)
	c.Check(err)
	c.Say("ready")
	<-c.Lines
	ctx := context.Background()
	record := func(b []byte, seq int) {
		if head {
			binary.LittleEndian.PutUint32(b, uint32(sender))
			binary.LittleEndian.PutUint32(b[4:], uint32(seq))
		}
		pattern(b[least:], sender, seq)
	}
	for seq := 0; seq < count; {
		switch {
		case seq%7 == 0 && count-seq > 3:
			batch := make([][]byte, 3)
			for i := range batch {
				batch[i] = make([]byte, next())
				record(batch[i], seq+i)
			}
			n, err := p.SendBatch(ctx, batch)
			c.Check(err)
			seq += n
		case seq%5 == 0:
			n := next()
			b, err := p.Reserve(ctx, ringMost)
			c.Check(err)
			record(b[:n], seq)
			c.Check(p.Commit(n))
			seq++
		case seq%11 == 0:
			_, err := p.Reserve(ctx, 100)
			c.Check(err)
			p.Abort()
			fallthrough
		default:
			b := make([]byte, next())
			record(b, seq)
			c.Check(p.Send(ctx, b))
			seq++
		}
	}
	c.Check(p.Close())
	c.Say("sent")
	<-c.Lines
}

// Every size, in random order, through a ring that wraps thousands of times.
func TestEverySizeThroughATinyRing(t *testing.T) {
	const count = 12_000
	for _, o := range testagent.Modes() {
		t.Run(fmt.Sprintf("%v to %v", o.Producers, o.Consumers), func(t *testing.T) {
			q := testagent.Queue(t, tiny(o))
			in := openConsumer(t, q, &consumer.Options{UntilEOF: true})
			child := testproc.Start(t, "send-stream", q, "1", strconv.Itoa(count), "false")
			child.Expect("ready")
			child.Say("go")
			next := sizes(1, 0, ringMost)
			want := make([]byte, ringMost)
			seq := 0
			check := func(l *consumer.Lease) {
				n := next()
				pattern(want[:n], 1, seq)
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
			child.Expect("sent")
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
			var senders, receivers []*testproc.Proc
			for range c.receivers { // first: a stream that has not begun is not at its end
				receivers = append(receivers, testproc.Start(t, "receive-stream", q, strconv.Itoa(c.senders), strconv.Itoa(count)))
			}
			for i := range c.senders {
				senders = append(senders, testproc.Start(t, "send-stream", q, strconv.Itoa(i), strconv.Itoa(count), "true"))
			}
			for _, p := range append(senders, receivers...) {
				p.Expect("ready")
			}
			for _, s := range senders {
				s.Say("go")
			}
			got := make([][]byte, c.senders)
			for i := range got {
				got[i] = make([]byte, count)
			}
			for _, r := range receivers {
				for i := range got {
					for seq, c := range []byte(r.Expect("got")) {
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

// receiveStream receives until the end, checks each record and each sender's order,
// and says for each sender which records it got, a digit each.
//
// Arguments: queue, senders, count.
func receiveStream(c *testproc.Child) {
	senders, _ := strconv.Atoi(c.Args[1])
	count, _ := strconv.Atoi(c.Args[2])
	in, err := consumer.OpenRaw(c.Args[0], &consumer.Options{UntilEOF: true})
	c.Check(err)
	c.Say("ready")
	got, last := make([][]byte, senders), make([]int, senders)
	for i := range got {
		got[i] = []byte(fmt.Sprintf("%0*d", count, 0))
		last[i] = -1
	}
	want := make([]byte, ringMost)
	for b, err := range in.All(context.Background()) {
		c.Check(err)
		sender, seq := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
		pattern(want[:len(b)-headSize], sender, seq)
		if string(b[headSize:]) != string(want[:len(b)-headSize]) {
			c.Fail("record %d of sender %d is torn", seq, sender)
		}
		if seq <= last[sender] {
			c.Fail("record %d of sender %d after %d", seq, sender, last[sender])
		}
		last[sender] = seq
		got[sender][seq]++
	}
	for i := range got {
		c.Say("got %s", got[i])
	}
	<-c.Lines
}

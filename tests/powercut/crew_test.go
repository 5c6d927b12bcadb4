//go:build linux

package powercut_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// A crew is processes that send and receive without an end, and keep account of it in a
// file that they share with the test: records that were sent, as far as a call has returned, and
// records that are acknowledged, before they are. So the test knows at any moment which records
// have to be in the queue.
const (
	crewMax     = 4       // producers
	crewRecords = 1 << 17 // of each at most
	crewSize    = 4096 + crewMax*crewRecords
)

// ledger is the account, in shared memory.
type ledger struct {
	sent  [crewMax]*atomic.Uint64 // records whose call has returned; their numbers are the first ones
	tried [crewMax]*atomic.Uint64 // also those whose call has not
	acked [crewMax][]byte         // 1 for a record that may have been acknowledged
}

func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(crewSize); err != nil {
		return nil, err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, crewSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	l := &ledger{}
	for i := range crewMax {
		l.sent[i] = (*atomic.Uint64)(unsafe.Pointer(&b[128*i]))
		l.tried[i] = (*atomic.Uint64)(unsafe.Pointer(&b[128*i+64]))
		l.acked[i] = b[4096+i*crewRecords:][:crewRecords]
	}
	return l, nil
}

// crewSend QUEUE LEDGER NUMBER POLICY sends records of all sizes, alone and in batches.
func crewSend(c *testproc.Child) {
	l, err := openLedger(c.Args[1])
	c.Check(err)
	number, err := strconv.Atoi(c.Args[2])
	c.Check(err)
	var policy producer.Durability
	c.Check(policy.UnmarshalText([]byte(c.Args[3])))
	p, err := producer.OpenRaw(c.Args[0], &producer.Options{NoCreate: true, Durability: policy})
	c.Check(err)
	info, err := shmq.Stat(c.Args[0])
	c.Check(err)
	single := info.Producers == shmq.One
	c.Say("ready")
	ctx := context.Background()
	for n := uint64(0); n < crewRecords-8; {
		recs := make([][]byte, 1+rand.IntN(4)/2*rand.IntN(4))
		for i := range recs {
			size := ringtest.MinRecord + rand.IntN(40)
			if rand.IntN(4) == 0 {
				size += rand.IntN(p.MaxRecord() / 8)
			}
			recs[i] = ringtest.Record(uint64(number)<<32+n+uint64(i), size)
		}
		l.tried[number].Store(n + uint64(len(recs)))
		marks := make([]producer.Mark, len(recs)) // how many records there are with this one
		for i := range marks {
			marks[i] = producer.Mark{n + uint64(i) + 1, ^(n + uint64(i) + 1)}
		}
		switch {
		case single && len(recs) == 1:
			err = p.SendMarked(ctx, recs[0], marks[0])
		case single:
			_, err = p.SendBatchMarked(ctx, recs, marks)
		case len(recs) == 1:
			err = p.Send(ctx, recs[0])
		default:
			_, err = p.SendBatch(ctx, recs)
		}
		c.Check(err)
		n += uint64(len(recs))
		l.sent[number].Store(n)
	}
	c.Say("enough")
	<-c.Lines
}

// crewReceive QUEUE LEDGER takes several at a time and acknowledges them in any order.
func crewReceive(c *testproc.Child) {
	l, err := openLedger(c.Args[1])
	c.Check(err)
	in, err := consumer.OpenRaw(c.Args[0], &consumer.Options{NoCreate: true})
	c.Check(err)
	c.Say("ready")
	ls := make([]consumer.Lease, 6)
	for {
		n, err := in.LeaseBatch(context.Background(), ls)
		c.Check(err)
		for _, i := range rand.Perm(n) {
			id, err := ringtest.ReadRecord(ls[i].Bytes())
			c.Check(err)
			l.acked[id>>32][uint32(id)] = 1
			ls[i].Ack()
			time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond) // the queue is to be full of records
		}
	}
}

// crew starts producers and consumers, two of a role that allows it.
func crew(t *testing.T, q string, o shmq.Options, policy string) (*ledger, []*testproc.Proc) {
	t.Helper()
	path := t.TempDir() + "/ledger"
	l, err := openLedger(path)
	require.NoError(t, err)
	var all []*testproc.Proc
	start := func(role string, side shmq.Multiplicity, args ...string) {
		for i := range 2 - int(side) {
			all = append(all, testproc.Start(t, role, append([]string{q, path}, append([]string{strconv.Itoa(i)}, args...)...)...))
		}
	}
	start("crew-send", o.Producers, policy)
	start("crew-receive", o.Consumers)
	for _, p := range all {
		p.Expect("ready")
	}
	return l, all
}

// total is how many records were sent.
func (l *ledger) total() (n uint64) {
	for i := range l.sent {
		n += l.sent[i].Load()
	}
	return n
}

// onward waits until n more records were sent.
func (l *ledger) onward(t *testing.T, n uint64) {
	t.Helper()
	from := l.total()
	testproc.Until(t, func() bool { return l.total() >= from+n })
}

// moment is what is known of a moment that lies between two others: what had been sent
// before, and what may have been acknowledged until after.
type moment struct {
	sent  [crewMax]uint64
	tried [crewMax]uint64
	acked [crewMax][]byte

	came uint64 // producer 0: the records up to the last one that was there
}

// during does something, and tells what is known of its moment.
func (l *ledger) during(do func()) *moment {
	m := &moment{}
	for i := range m.sent {
		m.sent[i] = l.sent[i].Load()
	}
	do()
	for i := range m.sent {
		m.tried[i] = l.tried[i].Load()
		m.acked[i] = append([]byte(nil), l.acked[i][:m.tried[i]]...)
	}
	return m
}

// checkMark checks the last mark of a queue with a single producer that was rebuilt from that moment:
// that of the last record that survived. All whose send had returned were synced.
func (m *moment) checkMark(t *testing.T, q string) {
	t.Helper()
	p, err := producer.OpenRaw(q, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	mark, ok, err := p.Mark()
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.True(t, ok)
	require.Equal(t, ^mark[0], mark[1])
	require.GreaterOrEqual(t, mark[0], max(m.sent[0], m.came), "not an earlier one")
	require.LessOrEqual(t, mark[0], m.tried[0])
	if mark[0] > m.came {
		require.NotZero(t, m.acked[0][mark[0]-1], "not that of a record that is lost")
	}
}

// check receives all that a queue has which was rebuilt from that moment. It returns the
// number of records.
func (m *moment) check(t *testing.T, q string) int {
	t.Helper()
	in, err := consumer.OpenRaw(q, &consumer.Options{NoCreate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close()) }()
	var next [crewMax]uint64 // numbers grow
	var got [crewMax]map[uint64]bool
	for i := range got {
		got[i] = map[uint64]bool{}
	}
	records := 0
	for {
		lease, err := in.TryLease()
		if err != nil {
			require.ErrorIs(t, err, shmq.ErrEmpty)
			break
		}
		id, err := ringtest.ReadRecord(lease.Bytes())
		require.NoError(t, err, "torn")
		from, n := id>>32, id&(1<<32-1)
		require.Less(t, from, uint64(crewMax))
		require.GreaterOrEqual(t, n, next[from], "twice, or out of order")
		require.Less(t, n, m.tried[from], "never sent")
		require.Positive(t, lease.Redelivered(), "it may have been delivered before")
		got[from][n], next[from] = true, n+1
		m.came = next[0]
		lease.Ack()
		records++
	}
	for from := range m.sent {
		for n := range m.sent[from] {
			if m.acked[from][n] == 0 && !got[from][n] {
				t.Fatalf("record %d of producer %d was sent, not acknowledged, and is lost; %d of %d were sent, %d records came", n, from, m.sent[from], m.tried[from], records)
			}
		}
	}
	return records
}

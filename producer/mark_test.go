//go:build linux

package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

func singleProducer(t *testing.T, opts shmq.Options) string {
	t.Helper()
	opts.Producers = shmq.One
	return testagent.Queue(t, &opts)
}

func lastMark(t *testing.T, p interface {
	Mark() (producer.Mark, bool, error)
}) producer.Mark {
	t.Helper()
	m, ok, err := p.Mark()
	require.NoError(t, err)
	require.Equal(t, m != producer.Mark{}, ok)
	return m
}

func TestASuccessorLearnsTheLastMark(t *testing.T) {
	t.Parallel()
	q := singleProducer(t, shmq.Options{Slots: 8})
	ctx := context.Background()
	open := func() *producer.Raw {
		p, err := producer.OpenRaw(q, nil)
		require.NoError(t, err)
		return p
	}
	p := open()
	require.Zero(t, lastMark(t, p))
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Nil(t, info.Mark)
	require.NoError(t, p.SendMarked(ctx, []byte("a"), producer.Mark{1, 10}))
	require.Equal(t, producer.Mark{1, 10}, lastMark(t, p))
	require.NoError(t, p.Close())
	_, _, err = p.Mark()
	require.ErrorIs(t, err, shmq.ErrClosed)

	p = open()
	require.Equal(t, producer.Mark{1, 10}, lastMark(t, p))
	require.NoError(t, p.TrySend([]byte("b")))
	n, err := p.SendBatchMarked(ctx, [][]byte{{1}, {2}, {3}}, []producer.Mark{{2}, {3}, {4}})
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, producer.Mark{4}, lastMark(t, p))
	b, err := p.TryReserve(10)
	require.NoError(t, err)
	copy(b, "reserved")
	require.NoError(t, p.CommitMarked(8, producer.Mark{5}))
	require.NoError(t, p.Finish())

	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, &layout.Marked{Position: 5, Mark: producer.Mark{5}}, info.Mark)
	text, err := json.Marshal(info)
	require.NoError(t, err)
	require.Contains(t, string(text), `"mark":{"position":5,"value":[5,0]}`)

	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, want := range []string{"a", "b", "\x01", "\x02", "\x03", "reserved"} {
		got, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.NoError(t, c.Close())
	p = open()
	require.Equal(t, producer.Mark{5}, lastMark(t, p), "consumed or not")
	require.NoError(t, p.Close())
}

func TestWhatIsRefusedHasNoMark(t *testing.T) {
	t.Parallel()
	q := singleProducer(t, shmq.Options{Slots: 2})
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer p.Close()
	ctx := context.Background()
	require.NoError(t, p.TrySendMarked(nil, producer.Mark{1}))
	_, err = p.TrySendBatchMarked([][]byte{{1}, {2}}, []producer.Mark{{2}})
	require.ErrorIs(t, err, shmq.ErrOption)
	require.ErrorContains(t, err, "2 records and 1 marks")
	_, err = p.SendBatchMarked(ctx, [][]byte{{1}}, nil)
	require.ErrorIs(t, err, shmq.ErrOption)
	n, err := p.TrySendBatchMarked([][]byte{{1}, {2}}, []producer.Mark{{2}, {3}})
	require.NoError(t, err)
	require.Equal(t, 1, n, "as many as there is room for")
	require.ErrorIs(t, p.TrySendMarked(nil, producer.Mark{9}), shmq.ErrFull)
	require.ErrorIs(t, p.SendMarked(ctx, make([]byte, p.MaxRecord()+1), producer.Mark{9}), shmq.ErrTooLarge)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.SendMarked(short, nil, producer.Mark{9}), context.DeadlineExceeded)
	sent, err := p.SendBatchMarked(short, [][]byte{{1}}, []producer.Mark{{9}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, sent)
	require.Error(t, p.CommitMarked(0, producer.Mark{9}))
	require.Equal(t, producer.Mark{2}, lastMark(t, p))
}

func TestManyProducersAreRefusedMarks(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 8})
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer p.Close()
	_, _, err = p.Mark()
	for _, err := range []error{
		err,
		p.TrySendMarked(nil, producer.Mark{1}),
		p.SendMarked(context.Background(), nil, producer.Mark{1}),
		func() error { _, err := p.TrySendBatchMarked([][]byte{{1}}, []producer.Mark{{1}}); return err }(),
		func() error { _, err := p.TryReserve(1); return errors.Join(err, p.CommitMarked(1, producer.Mark{1})) }(),
	} {
		require.ErrorIs(t, err, shmq.ErrManyProducers)
		require.ErrorContains(t, err, "--producers one")
		require.ErrorContains(t, err, q)
	}
	require.NoError(t, p.Commit(1), "the reservation is still open")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Nil(t, info.Mark)
	require.Equal(t, 1, info.Records)
}

func TestValuesHaveMarks(t *testing.T) {
	t.Parallel()
	q := singleProducer(t, shmq.Options{Slots: 4})
	ctx := context.Background()
	p, err := producer.Open[string](q, nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySendMarked("a", producer.Mark{1}))
	require.NoError(t, p.SendMarked(ctx, "b", producer.Mark{2}))
	n, err := p.TrySendBatchMarked([]string{"c"}, []producer.Mark{{3}})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, producer.Mark{3}, lastMark(t, p))
	require.NoError(t, p.Close())

	s, err := producer.OpenShared[string](q, nil)
	require.NoError(t, err)
	require.Equal(t, producer.Mark{3}, lastMark(t, s))
	require.NoError(t, s.TrySendMarked("d", producer.Mark{4}))
	require.ErrorIs(t, s.TrySendMarked("e", producer.Mark{5}), shmq.ErrFull)
	sent := make(chan error, 1)
	go func() { sent <- s.SendMarked(ctx, "e", producer.Mark{5}) }()
	c, err := consumer.Open[string](q, nil)
	require.NoError(t, err)
	for _, want := range []string{"a", "b", "c", "d", "e"} {
		got, err := c.Receive(ctx)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, <-sent)
	require.Equal(t, producer.Mark{5}, lastMark(t, s))
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())

	p, err = producer.Open[string](q, nil)
	require.NoError(t, err)
	n, err = p.SendBatchMarked(ctx, []string{"f", "g"}, []producer.Mark{{6}, {7}})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, producer.Mark{7}, lastMark(t, p))
	require.NoError(t, p.Close())
}

// A process that is killed leaves its marks; see also tests/killpoint.
func TestAMarkedSendThatWaitsIsWoken(t *testing.T) {
	t.Parallel()
	q := singleProducer(t, shmq.Options{Slots: 2})
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer p.Close()
	ctx := context.Background()
	sent := make(chan error, 1)
	go func() {
		n, err := p.SendBatchMarked(ctx, [][]byte{{1}, {2}, {3}, {4}, {5}}, []producer.Mark{{1}, {2}, {3}, {4}, {5}})
		if err == nil && n != 5 {
			err = errors.New("too few")
		}
		sent <- err
	}()
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer c.Close()
	for i := byte(1); i <= 5; i++ {
		got, err := c.Receive(ctx, nil)
		require.NoError(t, err)
		require.Equal(t, []byte{i}, got)
	}
	require.NoError(t, <-sent)
	require.Equal(t, producer.Mark{5}, lastMark(t, p))
}

// What is synced is noted apart: a rebuild goes by that where the record is consumed.
func TestASyncKeepsTheMark(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), "queue")
	require.NoError(t, shmq.Create(q, &shmq.Options{Producers: shmq.One, Slots: 8, Checksum: true}))
	p, err := producer.OpenRaw(q, &producer.Options{Durability: producer.Durability{Every: 2}})
	require.NoError(t, err)
	synced := func() uint64 {
		t.Helper()
		m, err := mapped.Open(q, false)
		require.NoError(t, err)
		defer m.Close()
		last, ok := m.Ring.SyncedMark()
		require.Equal(t, ok, last.Mark[0] != 0)
		return last.Mark[0]
	}
	require.NoError(t, p.TrySendMarked([]byte("a"), producer.Mark{1}))
	require.Zero(t, synced())
	require.NoError(t, p.TrySendMarked([]byte("b"), producer.Mark{2}))
	require.EqualValues(t, 2, synced())
	require.NoError(t, p.TrySendMarked([]byte("c"), producer.Mark{3}))
	require.EqualValues(t, 2, synced())
	require.NoError(t, p.Sync())
	require.EqualValues(t, 3, synced())
	require.NoError(t, p.Close())

	open := func() *producer.Raw {
		t.Helper()
		p, err := producer.OpenRaw(q, nil) // promises nothing
		require.NoError(t, err)
		return p
	}
	p = open()
	require.NoError(t, p.TrySendMarked([]byte("d"), producer.Mark{4}))
	require.EqualValues(t, 3, synced())
	require.NoError(t, p.Close())
	require.EqualValues(t, 4, synced(), "the last one to leave syncs")

	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	p = open()
	require.NoError(t, p.TrySendMarked([]byte("e"), producer.Mark{5}))
	require.NoError(t, p.Close())
	require.EqualValues(t, 4, synced())
	require.NoError(t, c.Close())
	require.EqualValues(t, 4, synced(), "a consumer keeps none")
	p = open()
	require.EqualValues(t, 5, synced(), "it was left in order, so all is on the disk")
	require.NoError(t, p.TrySendMarked([]byte("f"), producer.Mark{6}))
	require.NoError(t, p.Sync())
	require.EqualValues(t, 6, synced())
	require.NoError(t, p.Close())
}

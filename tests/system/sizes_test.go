//go:build linux

package system_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// The longest name is as long as a file name can be with the prefix. A longer one, in a
// path too, is an error and leaves nothing.
func TestTheLongestName(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 250)
	t.Cleanup(func() { _ = shmq.ForceRemove(name) })
	require.NoError(t, shmq.Create(name, nil))
	d, err := shmq.Check(name)
	require.NoError(t, err)
	require.Empty(t, d.Findings)
	require.NoError(t, shmq.Remove(name))
	require.ErrorIs(t, shmq.Create(name+"n", nil), shmq.ErrName)

	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("p", 255))
	require.NoError(t, shmq.Create(path, nil))
	testagent.Attach(t, path, shmq.Producer)
	require.ErrorIs(t, shmq.Create(path+"p", nil), unix.ENAMETOOLONG)
	deep := dir + strings.Repeat("/d", 4096/2)
	require.ErrorIs(t, shmq.Create(deep, nil), unix.ENAMETOOLONG)
	_, err = shmq.Stat(deep)
	require.ErrorIs(t, err, unix.ENAMETOOLONG)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
}

// As many participants as there can be seats are attached at a time; the next one is
// told so, and gets the seat of one that dies. A lock takes the kernel the longer the
// more there are, so only SHMQ_LONG=1 attaches all 1024 (10 s); otherwise most seats are
// locked by the test itself.
func TestTheMostSeats(t *testing.T) {
	t.Parallel()
	const processes = 4
	each := 2
	if testproc.Long() {
		each = layout.MaxSeats / processes
	}
	first := layout.MaxSeats - processes*each
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: layout.MaxSeats})
	path, err := shmq.Path(q)
	require.NoError(t, err)
	if first > 0 {
		lockBytes(t, path, layout.SeatOffset, int64(first)*layout.SeatSize)
	}
	var crowd []*testproc.Proc
	for i := range processes {
		c := testproc.Start(t, "attach-many", q, strconv.Itoa(each), strconv.Itoa(1+i%2))
		if line, _ := c.LineWithin(2 * time.Minute); line != "attached" {
			t.Skip(line)
		}
		crowd = append(crowd, c)
	}
	_, err = attach.To(q, shmq.Consumer, nil)
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	require.ErrorContains(t, err, "1024 participants")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, processes*each)
	d, err := shmq.Check(q)
	require.NoError(t, err)
	require.False(t, d.Damaged())
	require.Equal(t, processes*each, d.Alive)
	crowd[3].Kill()
	a := testagent.Attach(t, q, shmq.Consumer)
	require.Equal(t, first+3*each, a.Seat())
}

func attachMany(c *testproc.Child) {
	n, err := strconv.Atoi(c.Args[1])
	c.Check(err)
	role, err := strconv.Atoi(c.Args[2])
	c.Check(err)
	for range n {
		if _, err := attach.To(c.Args[0], shmq.Role(role), nil); err != nil {
			c.Say("no room here for %d attachments: %v", n, err)
			return
		}
	}
	c.Say("attached")
	<-c.Lines
}

// sparse makes a queue's file without its storage.
func sparse(t *testing.T, g layout.Geometry) string {
	t.Helper()
	name := testagent.Name(t) // in memory: a disk is slow with holes
	path, err := shmq.Path(name)
	require.NoError(t, err)
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	h := layout.Header{Geometry: g}
	_, err = f.Write(h.Encode())
	require.NoError(t, err)
	if err := f.Truncate(int64(g.TotalSize())); err != nil {
		t.Skipf("no files of %d bytes here: %v", g.TotalSize(), err)
	}
	return name
}

// A file of 8 GiB, sparse, so that it takes what is used of it. A process of 32 bits
// can't map it and says so.
func TestFileOfMoreThanFourGiB(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		g := layout.Geometry{ManyProducers: opts.Producers == shmq.Many, ManyConsumers: opts.Consumers == shmq.Many, Seats: 4, Slots: 64, AreaSize: 128 << 20}
		q := sparse(t, g)
		if strconv.IntSize == 32 {
			_, err := attach.To(q, shmq.Producer, nil)
			require.ErrorIs(t, err, shmq.ErrRefused)
			require.ErrorContains(t, err, "more than this system can map")
			_, err = shmq.Stat(q)
			require.ErrorContains(t, err, "more than this system can map")
			_, err = shmq.Check(q)
			require.ErrorContains(t, err, "more than this system can map")
			require.NoError(t, shmq.ForceRemove(q), "this process can't use it, but remove it")
			return
		}
		overTheEnd(t, q)
	})
	o := &shmq.Options{Slots: 64, SlotSize: 128 << 20}
	if strconv.IntSize == 32 {
		err := shmq.Create(filepath.Join(t.TempDir(), "q"), o)
		require.ErrorIs(t, err, shmq.ErrOption)
		require.ErrorContains(t, err, "more than this system can map")
	}
}

// overTheEnd sends records to another process through all slots of a queue of 64, more
// than once around.
func overTheEnd(t *testing.T, q string) {
	p, c := testagent.OpenProducer(t, q), testagent.Consumer(t, q)
	text := func(id int) string { return fmt.Sprintf("%080d", id) } // more than a line holds
	for id := 0; id < 150; id += 50 {
		for i := range 50 {
			require.NoError(t, p.TrySend([]byte(text(id+i))))
		}
		for i := range 50 {
			require.Equal(t, testagent.Fresh(text(id+i)), c.Lease(1))
			c.Do("ack %d", id+i)
		}
	}
	require.NoError(t, p.TrySend([]byte("last")))
	c.Lease(1)
	c.Kill()
	other := testagent.Consumer(t, q)
	require.Equal(t, testagent.Again(1, "last"), other.Lease(1))
	d, err := shmq.Check(q)
	require.NoError(t, err)
	for _, f := range d.Findings {
		require.Equal(t, shmq.Note, f.Severity, "%+v", f)
	}
}

// With SHMQ_LONG=1 a queue of more than 4 GiB is made with all its storage, on a disk.
func TestQueueOfMoreThanFourGiB(t *testing.T) {
	if !testproc.Long() || strconv.IntSize == 32 {
		t.Skip("takes 4.5 GiB of disk; SHMQ_LONG=1")
	}
	q := filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 64, SlotSize: 72 << 20, Seats: 4}))
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Greater(t, info.Size, int64(4<<30))
	require.Equal(t, math.MaxInt32, info.MaxRecord)
	overTheEnd(t, q)
	p := testagent.OpenProducer(t, q)
	c := testagent.OpenConsumer(t, q, nil)
	b := bytes.Repeat([]byte("large"), 200<<20/5)
	require.NoError(t, p.TrySend(b))
	for {
		got, err := c.TryReceive(nil)
		require.NoError(t, err)
		if len(got) > 100 {
			require.True(t, bytes.Equal(b, got))
			return
		}
	}
}

// Files as they would be after more slots than any program will ever use: real processes
// cross the points at which positions outgrow a word's bits.
func TestFilesCrossEveryWrap(t *testing.T) {
	t.Parallel()
	at := []uint64{1 << 32, 1 << 50, 1 << 60, 0}
	if testproc.Long() {
		at = append(at, 1<<31, 1<<36, 1<<46, 1<<49, 1<<59, 1<<63)
	}
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		opts.Slots, opts.SlotSize, opts.Seats = 8, 64, 4
		g := layout.Geometry{ManyProducers: opts.Producers == shmq.Many, ManyConsumers: opts.Consumers == shmq.Many, Seats: 4, Slots: 8, AreaSize: 64}
		p, c := testagent.New(t), &taker{Agent: testagent.New(t)}
		for _, wrap := range at {
			q := testagent.Queue(t, &opts)
			path, err := shmq.Path(q)
			require.NoError(t, err)
			m := ringtest.NewRegion(g, wrap-11)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt(m.Bytes[layout.HotOffset:], layout.HotOffset)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			crossed(t, q, wrap, p, c)
		}
	})
}

// taker counts the leases that an agent has had.
type taker struct {
	*testagent.Agent
	leases int
}

func (a *taker) take(want []testagent.Record, t *testing.T) {
	t.Helper()
	require.Equal(t, want, a.Lease(1))
	a.leases++
}

func (a *taker) ackLast() { a.Do("ack %d", a.leases-1) }

func crossed(t *testing.T, q string, wrap uint64, p *testagent.Agent, c *taker) {
	t.Helper()
	p.Do("producer %s", q)
	c.Do("consumer %s", q)
	large := strings.Repeat("x", 150) // three slots, and now and then a filler
	for i := range 8 {
		small := fmt.Sprintf("r%d", i)
		p.Sends(small, large)
		// The first is acknowledged by a consumer that dies with the second.
		dead := c
		if i%4 == 2 {
			c.Do("close")
			dead = &taker{Agent: testagent.Consumer(t, q)}
		}
		for _, want := range []string{small, large} {
			dead.take(testagent.Fresh(want), t)
			if want == small || dead == c {
				dead.ackLast()
			}
		}
		if dead != c {
			dead.Kill()
			c.Do("consumer %s", q)
			c.take(testagent.Again(1, large), t)
			c.ackLast()
		}
		d, err := shmq.Check(q)
		require.NoError(t, err)
		for _, f := range d.Findings {
			require.Equal(t, shmq.Note, f.Severity, "%+v", f)
		}
	}
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Zero(t, info.Records)
	require.Less(t, info.Tail-wrap, uint64(64), "it is beyond the wrap")
	p.Do("close")
	c.Do("close")
}

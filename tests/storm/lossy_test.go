//go:build linux

package storm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// Producers that wait for nobody, past a reader that keeps up as well as it can, a slow one, one that is
// stopped again and again, and one that is killed and replaced. Each record is checked byte by byte: it is the one
// of its position, and no other. Each reader knows at each position where it stands: received and lost
// are all there were.
func TestLossyReaders(t *testing.T) {
	records := 400_000
	if testproc.Long() {
		records = 1_000_000_000
	}
	if s := os.Getenv("SHMQ_LOSSY_RECORDS"); s != "" {
		var err error
		records, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	for _, c := range []struct {
		producers shmq.Multiplicity
		size      int // of a record; one of more than a slot's line has its own area
		share     int // of the records
	}{{shmq.One, 48, 1}, {shmq.One, 1024, 20}, {shmq.Many, 48, 4}, {shmq.Many, 1024, 20}} {
		t.Run(fmt.Sprintf("%v, %d bytes", c.producers, c.size), func(t *testing.T) {
			q := testagent.Queue(t, &shmq.Options{Producers: c.producers, Consumers: shmq.Each, Skip: true, Slots: 256, SlotSize: 1024, Subscriptions: 6})
			lossy(t, q, c.producers, c.size, records/c.share)
		})
	}
}

const (
	lossySending = "lossy-send"
	lossyReading = "lossy-read"
	fillers      = 2 // producers where they are many
)

// tally is what a reader found, in a file that it maps.
type tally struct {
	start, position, received, lost, laps atomic.Uint64
	ready, done, failed                   atomic.Bool
	failure                               [1024]byte
}

func (t *tally) fail(format string, args ...any) {
	copy(t.failure[:], fmt.Appendf(nil, format, args...))
	t.failed.Store(true)
	os.Exit(1)
}

type lossyReader struct {
	*testproc.Proc
	*tally
	path string
}

func lossy(t *testing.T, q string, producers shmq.Multiplicity, size, records int) {
	runtime.LockOSThread() // children die with the thread that started them
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	lives := 0
	start := func(pause time.Duration) *lossyReader {
		lives++
		r := &lossyReader{path: filepath.Join(dir, strconv.Itoa(lives))}
		var err error
		r.tally, err = mapShared[tally](r.path)
		require.NoError(t, err)
		r.Proc = testproc.StartAs(t, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, lossyReading, q, r.path, strconv.FormatBool(producers == shmq.One), strconv.Itoa(size), pause.String())
		testproc.Until(t, func() bool { return r.ready.Load() || r.failed.Load() })
		return r
	}
	check := func(r *lossyReader) {
		text, _, _ := bytes.Cut(r.failure[:], []byte{0})
		require.False(t, r.failed.Load(), "%s", text)
	}
	quick, slow, stopped, killed := start(0), start(200*time.Microsecond), start(0), start(0)
	n := 1
	if producers == shmq.Many {
		n = fillers
	}
	var senders []*testproc.Proc
	for i := range n {
		senders = append(senders, testproc.StartAs(t, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, lossySending, q, strconv.Itoa(i), strconv.Itoa(size), strconv.Itoa(records/n)))
	}
	for _, s := range senders {
		s.Expect("attached")
	}
	for _, s := range senders {
		s.Say("go")
	}
	done := func() bool {
		for _, s := range senders {
			if s.State() != "Z" {
				return false
			}
		}
		return true
	}
	kills, stops, received := 0, 0, uint64(0)
	for random := rand.New(rand.NewPCG(1, 2)); !done(); {
		require.NoError(t, syscall.Kill(stopped.PID(), syscall.SIGSTOP))
		time.Sleep(time.Duration(1+random.IntN(30)) * time.Millisecond)
		require.NoError(t, syscall.Kill(stopped.PID(), syscall.SIGCONT))
		stops++
		if stops%3 == 0 {
			killed.Kill()
			check(killed)
			received += killed.received.Load()
			require.LessOrEqual(t, killed.received.Load()+killed.lost.Load(), uint64(records))
			kills++
			killed = start(0)
		}
		time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
	}
	var lost, laps uint64
	readers := []*lossyReader{quick, slow, stopped, killed}
	if killed.start.Load() == uint64(records) { // it came when all was over
		killed.Kill()
		readers = readers[:3]
	}
	for _, r := range readers {
		testproc.Until(t, func() bool { return r.done.Load() || r.failed.Load() })
		check(r)
		r.Exit()
		require.EqualValues(t, records, r.position.Load(), "where it ended")
		require.Equal(t, r.position.Load()-r.start.Load(), r.received.Load()+r.lost.Load())
		received, lost, laps = received+r.received.Load(), lost+r.lost.Load(), laps+r.laps.Load()
	}
	t.Logf("%d records sent; %d received; %d lost in %d jumps; a reader was stopped %d times and one killed %d times", records, received, lost, laps, stops, kills)
	require.Positive(t, slow.laps.Load())
	require.Positive(t, stopped.laps.Load())
	for _, s := range senders {
		s.Exit()
	}
}

// stamp fills b so that every eight bytes tell of which record they are, and where in it.
func stamp(b []byte, id uint64) {
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], id*0x9e3779b97f4a7c15+uint64(i))
	}
}

// stamped returns the id of the record in b.
func stamped(b []byte, size int) (id uint64, err error) {
	if len(b) != size {
		return 0, fmt.Errorf("%d bytes, want %d", len(b), size)
	}
	first := binary.LittleEndian.Uint64(b)
	for i := 8; i < len(b); i += 8 {
		if at := binary.LittleEndian.Uint64(b[i:]); at != first+uint64(i) {
			return 0, fmt.Errorf("torn at byte %d: %#x behind %#x", i, at, first)
		}
	}
	return first * 0xf1de83e19937733d, nil // the inverse
}

// Arguments: queue, number of the producer, size, records.
func lossySend(c *testproc.Child) {
	number, size, records := atoi(c, 1), atoi(c, 2), atoi(c, 3)
	p, err := producer.OpenRaw(c.Args[0], &producer.Options{NoCreate: true})
	c.Check(err)
	c.Say("attached")
	<-c.Lines
	b := make([]byte, size)
	for n := range records {
		stamp(b, uint64(number)<<40|uint64(n))
		for {
			// Where producers are many one that is stopped holds the others up after a lap.
			if err := p.TrySend(b); !errors.Is(err, shmq.ErrFull) {
				c.Check(err)
				break
			}
			runtime.Gosched()
		}
	}
	c.Check(p.Close())
}

// Arguments: queue, tally, whether the producer is single, size, how long to wait after each record.
func lossyRead(c *testproc.Child) {
	t, err := mapShared[tally](c.Args[1])
	c.Check(err)
	single, size := c.Args[2] == "true", atoi(c, 3)
	pause, err := time.ParseDuration(c.Args[4])
	c.Check(err)
	from, err := consumer.OpenRaw(c.Args[0], &consumer.Options{NoCreate: true, UntilEOF: true})
	c.Check(err)
	at := standing(c, c.Args[0])
	t.start.Store(at)
	t.position.Store(at)
	t.ready.Store(true)
	next := map[uint64]uint64{} // by producer
	var buf []byte
	var lost uint64
	for n := uint64(0); ; {
		if n%64 == 63 && pause == 0 { // a lease is a copy, too
			l, err := from.TryLease()
			if err == nil {
				buf = append(buf[:0], l.Bytes()...)
				l.Ack()
			} else if errors.Is(err, shmq.ErrEmpty) {
				n++
				continue
			}
			if !t.read(&at, &lost, single, size, buf, err, next) {
				break
			}
		} else {
			buf, err = from.Receive(context.Background(), buf)
			if !t.read(&at, &lost, single, size, buf, err, next) {
				break
			}
		}
		n++
		if pause > 0 {
			time.Sleep(pause)
		}
	}
	if got := from.Lost(); got != lost {
		t.fail("the subscription lost %d, its reader was told of %d", got, lost)
	}
	if p := standing(c, c.Args[0]); p != at {
		t.fail("the subscription stands at %d, its reader at %d", p, at)
	}
	c.Check(from.Close())
	t.done.Store(true)
}

// read takes note of what a call returned. It reports false at the end of the stream.
func (t *tally) read(at, lost *uint64, single bool, size int, b []byte, err error, next map[uint64]uint64) bool {
	var lagged *consumer.LaggedError
	switch {
	case err == io.EOF:
		return false
	case errors.As(err, &lagged):
		if lagged.From != *at || lagged.To <= *at {
			t.fail("told of %d to %d, at %d", lagged.From, lagged.To, *at)
		}
		*lost += lagged.To - lagged.From
		*at = lagged.To
		t.laps.Add(1)
		if lagged.Lost != *lost {
			t.fail("told of %d in all, %d in parts", lagged.Lost, *lost)
		}
	case err != nil:
		t.fail("%v", err)
	default:
		id, err := stamped(b, size)
		if err != nil {
			t.fail("at %d: %v", *at, err)
		}
		if single && id != *at {
			t.fail("record %d at %d", id, *at)
		}
		if !single {
			if p := id >> 40; p >= fillers || id < next[p] {
				t.fail("record %#x, %#x comes next", id, next[p])
			} else {
				next[p] = id + 1
			}
		}
		*at++
		t.received.Store(t.received.Load() + 1)
	}
	t.lost.Store(*lost)
	t.position.Store(*at)
	return true
}

// standing returns where this process's subscription stands.
func standing(c *testproc.Child, queue string) uint64 {
	info, err := shmq.Stat(queue)
	c.Check(err)
	for _, s := range info.Subscriptions {
		if s.PID == os.Getpid() && s.Held && !s.Joining {
			return s.Position
		}
	}
	c.Fail("no subscription is that of pid %d", os.Getpid())
	return 0
}

func atoi(c *testproc.Child, arg int) int {
	n, err := strconv.Atoi(c.Args[arg])
	c.Check(err)
	return n
}

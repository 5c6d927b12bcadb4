package system_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// looks returns what a viewer shows from the oldest record on: position, text, state,
// and the pid of its holder.
func looks(t *testing.T, v *shmq.Viewer) (got []string) {
	t.Helper()
	end := v.Rewind()
	for rec := (shmq.Record{}); ; {
		err := v.Next(&rec)
		if err != nil || rec.Position >= end {
			require.ErrorIs(t, err, shmq.ErrEmpty)
			return got
		}
		holder := "nobody"
		if h := v.Holder(&rec); h != nil {
			holder = fmt.Sprintf("%d alive=%v", h.PID, h.Alive)
		}
		got = append(got, fmt.Sprintf("%d %s %v %s again=%d", rec.Position, rec.Data, rec.State, holder, rec.Redelivered))
	}
}

func viewer(t *testing.T, q string) *shmq.Viewer {
	t.Helper()
	v, err := shmq.View(q)
	require.NoError(t, err)
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func TestViewerTellsWhoHasEachRecord(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 32, SlotSize: 64, Seats: 8})
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("one", "two")
	c.Lease(1)
	p.Do("reserve 10")
	v := viewer(t, q)
	claim := fmt.Sprintf("2  writing %d alive=true again=0", p.PID())
	require.Equal(t, []string{
		fmt.Sprintf("0 one leased %d alive=true again=0", c.PID()), "1 two waiting nobody again=0", claim,
	}, looks(t, v))
	c.Kill()
	require.Equal(t, fmt.Sprintf("0 one orphaned %d alive=false again=0", c.PID()), looks(t, v)[0], "no other participant was there to recover it")
	require.NoError(t, testagent.Attach(t, q, shmq.Consumer).Detach())
	require.Equal(t, []string{"0 one orphaned nobody again=0", "1 two waiting nobody again=0", claim}, looks(t, v))
	d := testagent.Consumer(t, q)
	d.Lease(1)
	require.Equal(t, fmt.Sprintf("0 one leased %d alive=true again=1", d.PID()), looks(t, v)[0])
}

func TestViewerOfASingleConsumersQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("one", "two")
	c.Lease(1)
	v := viewer(t, q)
	require.Equal(t, []string{fmt.Sprintf("0 one leased %d alive=true again=0", c.PID()), "1 two waiting nobody again=0"}, looks(t, v))
	c.Kill()
	require.Equal(t, []string{"0 one orphaned nobody again=0", "1 two waiting nobody again=0"}, looks(t, v))
}

func TestViewerReadsOnly(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	testagent.Producer(t, q).Sends("one", "two")
	path, err := shmq.Path(q)
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	v := viewer(t, q)
	require.Len(t, looks(t, v), 2)
	v.LastAttach()
	_, err = v.Ended(true)
	require.NoError(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
}

func TestViewerKnowsTheEndAndTheRemoval(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	v := viewer(t, q)
	ended := func(any bool) bool {
		t.Helper()
		e, err := v.Ended(any)
		require.NoError(t, err)
		return e
	}
	require.False(t, ended(true), "not begun")
	p := testagent.Producer(t, q)
	require.False(t, ended(true))
	p.Do("close")
	require.True(t, ended(true))
	require.False(t, ended(false))
	p = testagent.Producer(t, q)
	p.Do("finish")
	require.True(t, ended(false))
	require.False(t, v.Removed())
	require.NoError(t, shmq.Remove(q))
	require.True(t, v.Removed())
	require.NoError(t, shmq.Create(q, nil))
	require.True(t, v.Removed())
	_, err := shmq.View("no such queue")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, v.Close())
	require.NoError(t, v.Close(), "a second time")
}

func TestLastAttachOutlivesWhoAttached(t *testing.T) {
	t.Parallel()
	before := time.Now()
	opts := shmq.Options{Slots: 64, SlotSize: 128, Seats: 3, Consumers: shmq.One, Mode: 0o640}
	q := testagent.Queue(t, &opts)
	v := viewer(t, q)
	made := v.LastAttach()
	require.WithinRange(t, made, before, time.Now())
	require.NoError(t, testagent.Attach(t, q, shmq.Producer).Detach())
	require.True(t, v.LastAttach().After(made))
	same, err := v.Options()
	require.NoError(t, err)
	require.Equal(t, opts, same)
}

// The file is cut while it is being opened: an error, at the latest of the first look.
func TestViewOfAQueueThatIsBeingCut(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector performs atomic loads in C, on a stack that a panic can't pass")
	}
	t.Parallel()
	for range 300 {
		q := testagent.Queue(t, &shmq.Options{Slots: 2, SlotSize: 64, Seats: 2})
		file := testagent.Path(t, q)
		cut := make(chan error)
		go func() { cut <- os.Truncate(file, 0) }()
		v, err := shmq.View(q)
		require.NoError(t, <-cut)
		if err == nil {
			require.ErrorIs(t, v.Next(&shmq.Record{}), shmq.ErrTruncated)
			require.NoError(t, v.Close())
		} else {
			require.True(t, errors.Is(err, shmq.ErrDamaged) || errors.Is(err, shmq.ErrNotQueue), err)
		}
		require.NoError(t, os.Remove(file))
	}
}

// A viewer that was closed says so, whatever is asked of it.
func TestViewerAfterClose(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	require.NoError(t, testagent.OpenProducer(t, q).TrySend([]byte("a")))
	v, err := shmq.View(q)
	require.NoError(t, err)
	var rec shmq.Record
	require.NoError(t, v.Next(&rec))
	require.NoError(t, v.Close())
	require.ErrorIs(t, v.Next(&rec), shmq.ErrClosed)
	require.Zero(t, v.Rewind())
	require.Nil(t, v.Holder(&rec))
	_, err = v.Ended(true)
	require.ErrorIs(t, err, shmq.ErrClosed)
	_, err = v.Options()
	require.ErrorIs(t, err, shmq.ErrClosed)
	require.NotZero(t, v.LastAttach())
	require.NoError(t, v.Close(), "a second time")
}

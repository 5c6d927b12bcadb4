package history_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/history"
	"github.com/shmq/shmq/internal/watch"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// frame is the n-th of a machine with ten queues of four participants that are at work, one that
// is left alone, and one that can't be described.
func frame(n int) *history.Frame {
	f := &history.Frame{Time: noon.Add(time.Duration(n) * time.Second)}
	for q := range 11 {
		i := &shmq.Info{
			Name: fmt.Sprintf("queue-%d", q), Path: fmt.Sprintf("/dev/shm/shmq.queue-%d", q), CreationID: fmt.Sprintf("%032x", q*7919), Created: noon,
			Producers: shmq.Many, Consumers: shmq.One, Slots: 4096, SlotSize: 2048, Seats: 128,
		}
		if q < 10 {
			i.Sent, i.Head, i.Tail = uint64(n*(1000+q)), uint64(n*990), uint64(n*(1000+q))
			for s := range 4 {
				p := shmq.Participant{Seat: s, Role: shmq.Producer, Alive: true, PID: 1000 + 10*q + s, StartTime: 99, Command: "worker", Attached: noon, Records: uint64(n * (250 + s)), Bytes: uint64(n * 64 * (250 + s))}
				if s > 1 {
					p.Role = shmq.Consumer
				}
				i.Participants = append(i.Participants, p)
			}
			i.Left = []shmq.Participant{{Seat: 9, Role: shmq.Producer, PID: 3, Records: uint64(n)}}
		}
		f.Looks = append(f.Looks, watch.Look{Name: i.Name, Info: i, Walked: f.Time.Add(-time.Second), Counted: q == 0})
	}
	f.Looks = append(f.Looks, watch.Look{Name: "broken", Err: errors.New("no queue")})
	return f
}

func record(t *testing.T, path string, from, to int) {
	t.Helper()
	w, err := history.Append(path)
	require.NoError(t, err)
	for n := from; n < to; n++ {
		require.NoError(t, w.Write(frame(n)))
	}
	require.NoError(t, w.Close())
}

func requireFrame(t *testing.T, want, got *history.Frame, flows bool) {
	t.Helper()
	require.True(t, want.Time.Equal(got.Time))
	require.Len(t, got.Looks, len(want.Looks))
	for i, l := range got.Looks {
		o := want.Looks[i]
		require.Equal(t, o.Name, l.Name)
		if o.Err != nil {
			require.EqualError(t, l.Err, o.Err.Error())
			continue
		}
		require.Equal(t, o.Info, l.Info)
		require.Equal(t, o.Counted, l.Counted)
		require.True(t, o.Walked.Equal(l.Walked))
		require.Equal(t, flows, l.Flow != nil)
	}
}

func TestFramesComeBackInAnyOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "h")
	record(t, path, 0, 200)
	record(t, path, 200, 210) // another run goes on
	r, err := history.Open(path)
	require.NoError(t, err)
	defer r.Close()
	require.Equal(t, 210, r.Len())
	require.Empty(t, r.Note())
	for _, i := range []int{0, 1, 2, 63, 64, 65, 209, 200, 199, 64, 128, 100, 5, 4, 0, 209} {
		f, err := r.Frame(i)
		require.NoError(t, err)
		requireFrame(t, frame(i), f, i > 0)
		if i > 0 {
			require.InDelta(t, 250+251, f.Looks[0].Flow.Sent.Records, 1e-9, "frame %d", i)
		}
	}
	require.Equal(t, []int{0, 0, 7, 209}, []int{r.At(noon.Add(-time.Hour)), r.At(noon), r.At(noon.Add(7900 * time.Millisecond)), r.At(noon.Add(time.Hour))})
}

// The size of a recording is its price for being left on.
func TestFramesAreSmall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "h")
	record(t, path, 0, 192)
	info, err := os.Stat(path)
	require.NoError(t, err)
	t.Logf("%d bytes a frame of ten queues with four participants each", info.Size()/192)
	require.Less(t, info.Size()/192, int64(2500))
}

// A kill leaves a file cut at any byte: all whole frames are read, and what is appended follows them.
func TestCutAtAnyByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "h")
	record(t, path, 0, 3)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	ends := map[int]int{8: 0} // of the frames
	w, err := history.Append(filepath.Join(dir, "ends"))
	require.NoError(t, err)
	defer w.Close()
	for n := range 3 {
		require.NoError(t, w.Write(frame(n)))
		ends[int(w.Size())] = n + 1
	}
	require.Equal(t, 3, ends[len(whole)])
	frames := 0
	cut := filepath.Join(dir, "cut")
	for n := range len(whole) + 1 {
		if at, ok := ends[n]; ok {
			frames = at
		}
		require.NoError(t, os.WriteFile(cut, whole[:n], 0o600))
		r, err := history.Open(cut)
		require.NoError(t, err, "%d", n)
		require.Equal(t, frames, r.Len(), "%d", n)
		_, exact := ends[n]
		require.Equal(t, exact || n == 0, r.Note() == "", "%d: %s", n, r.Note())
		require.NoError(t, r.Close())
		if n%97 != 0 && !exact {
			continue
		}
		record(t, cut, 0, 0) // the torn part goes at once, however small the next frame
		info, err := os.Stat(cut)
		require.NoError(t, err)
		require.Equal(t, frames, ends[int(info.Size())])
		require.Contains(t, ends, int(info.Size()))
		record(t, cut, 3, 4)
		r, err = history.Open(cut)
		require.NoError(t, err)
		require.Equal(t, frames+1, r.Len())
		require.Empty(t, r.Note())
		f, err := r.Frame(frames)
		require.NoError(t, err)
		requireFrame(t, frame(3), f, frames > 0)
		require.NoError(t, r.Close())
	}
}

// Any wrong byte is noticed, costs no frame before it, and is not written over.
func TestAnyWrongByte(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "h")
	record(t, path, 0, 2)
	first, err := os.Stat(path)
	require.NoError(t, err)
	record(t, path, 2, 3)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 0; i < len(whole); i += 1 + i/64*3 {
		bad := append([]byte(nil), whole...)
		bad[i] ^= 0x41
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		r, err := history.Open(path)
		if i < 8 {
			require.True(t, errors.Is(err, history.ErrNotHistory) || errors.Is(err, history.ErrVersion), "%v", err)
		} else {
			require.NoError(t, err)
			require.NotEmpty(t, r.Note())
			require.Less(t, r.Len(), 3)
			if i >= int(first.Size()) {
				require.Equal(t, 2, r.Len())
			}
			require.NoError(t, r.Close())
		}
		if i < 8 {
			_, err = history.Append(path)
			require.Error(t, err)
			now, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, bad, now)
		}
	}
	bad := append([]byte(nil), whole...)
	bad[30] ^= 1
	require.NoError(t, os.WriteFile(path, bad, 0o600))
	_, err = history.Append(path)
	require.ErrorIs(t, err, history.ErrDamaged)
	require.ErrorContains(t, err, "record to another file")
}

func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "h")
	w, err := history.Append(path)
	require.NoError(t, err)
	_, err = history.Append(path)
	require.ErrorIs(t, err, history.ErrBusy)
	require.ErrorContains(t, err, path)
	require.NoError(t, w.Close())
	record(t, path, 0, 1)
	_, err = history.Open(t.TempDir())
	require.ErrorIs(t, err, history.ErrNotHistory)
}

// Whatever a file has, reading it ends, within bounds, and with frames or errors.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "h")
	w, err := history.Append(path)
	require.NoError(f, err)
	for n := range 2 {
		require.NoError(f, w.Write(frame(n)))
	}
	require.NoError(f, w.Close())
	whole, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(whole, true)
	f.Add(whole[:100], false)
	f.Add([]byte("shmqhis\x01\x09\x00\x00\x00"), false)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			b = history.Seal(b)
		}
		file := filepath.Join(t.TempDir(), "f")
		require.NoError(t, os.WriteFile(file, b, 0o600))
		r, err := history.Open(file)
		if err != nil {
			return
		}
		defer r.Close()
		for i := range r.Len() {
			if _, err := r.Frame(i); err != nil {
				require.ErrorIs(t, err, history.ErrDamaged)
			}
		}
	})
}

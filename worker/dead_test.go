package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker"
)

func fails(context.Context, worker.Record[string]) error { return errBad }

// A dead letter has the record as it was, why it failed, and where it came from.
func TestDeadLetterSaysWhy(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "good", "bad")
	sendRaw(t, q, "\xc1\x00")
	before := time.Now()
	o := untilEOF(worker.Options[string]{DeadLetter: dead, Retries: 2, RetryAfter: time.Millisecond})
	require.NoError(t, worker.Run(context.Background(), q, o, func(_ context.Context, r worker.Record[string]) error {
		if _, err := shmq.Stat(dead); r.Value == "good" && err == nil {
			t.Error("the queue of dead letters is there before the first of them")
		}
		if r.Value == "bad" {
			return errBad
		}
		return nil
	}))
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	ls := letters(t, dead)
	require.Len(t, ls, 2)
	host, _ := os.Hostname()
	for i, l := range ls {
		require.Equal(t, q, l.Queue)
		require.Equal(t, info.Path, l.Path)
		require.Equal(t, info.CreationID, l.CreationID)
		require.Equal(t, host, l.Host)
		require.Equal(t, os.Getpid(), l.PID)
		require.False(t, l.FirstTime.Before(before.Add(-time.Second)) || l.LastTime.Before(l.FirstTime))
		require.Equal(t, []int{3, 0}[i], l.Attempts)
	}
	require.Equal(t, []byte("\xa3bad"), ls[0].Record)
	require.Equal(t, "it is bad", ls[0].Reason)
	require.Equal(t, []byte("\xc1\x00"), ls[1].Record, "which can't be decoded")
	require.Contains(t, ls[1].Reason, "malformed")
	made, err := shmq.Stat(dead)
	require.NoError(t, err)
	require.Equal(t, []any{info.Slots, info.Seats, info.Mode, info.Checksum}, []any{made.Slots, made.Seats, made.Mode, made.Checksum})
	require.Greater(t, made.MaxRecord, info.MaxRecord+10_000)
}

// The largest records have room in a letter, in queues of all shapes, of the checksummed
// kind too.
func TestLargestRecordHasItsLetter(t *testing.T) {
	t.Parallel()
	for _, o := range []shmq.Options{{Slots: 2, SlotSize: 64}, {Slots: 4, SlotSize: 64, Mode: 0o640}, {Slots: 8, SlotSize: 4096, Checksum: true}} {
		q, dead := testagent.Queue(t, &o), testagent.Name(t)
		p, err := producer.OpenRaw(q, nil)
		require.NoError(t, err)
		large := slices.Repeat([]byte{0xc1}, p.MaxRecord())
		require.NoError(t, p.TrySend(large))
		require.NoError(t, p.Close())
		require.NoError(t, worker.RunRaw(context.Background(), q, untilEOF(worker.Options[[]byte]{DeadLetter: dead, Retries: -1}), func(context.Context, worker.Record[[]byte]) error {
			return errors.New(strings.Repeat("long ", 10_000))
		}))
		info, err := shmq.Stat(dead)
		require.NoError(t, err)
		require.Equal(t, o.Checksum, info.Checksum)
		ls := letters(t, dead)
		require.Len(t, ls, 1)
		require.Equal(t, large, ls[0].Record)
		require.Len(t, ls[0].Reason, 1024)
	}
}

// The bytes that a handler gets are its own: whatever it does to them, the letter has the
// record.
func TestHandlerMayScribble(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	sendRaw(t, q, "record")
	require.NoError(t, worker.RunRaw(context.Background(), q, untilEOF(worker.Options[[]byte]{DeadLetter: dead, Retries: 1, RetryAfter: 1}), func(_ context.Context, r worker.Record[[]byte]) error {
		require.Equal(t, "record", string(r.Value))
		copy(r.Value, "xxxxxx")
		return errBad
	}))
	require.Equal(t, "record", string(letters(t, dead)[0].Record))
}

// The queue of dead letters must not be the queue itself, by whatever name: its letters
// would come round and round.
func TestDeadLetterQueueIsAnother(t *testing.T) {
	t.Parallel()
	ways := map[string]func(t *testing.T, q, path string) string{
		"name": func(_ *testing.T, q, _ string) string { return q },
		"path": func(_ *testing.T, _, path string) string { return path },
		"symlink": func(t *testing.T, _, path string) string {
			to := filepath.Join(filepath.Dir(path), testagent.Name(t))
			require.NoError(t, os.Symlink(path, to))
			t.Cleanup(func() { os.Remove(to) })
			return to
		},
		"hard link": func(t *testing.T, _, path string) string {
			name := testagent.Name(t)
			to, err := shmq.Path(name)
			require.NoError(t, err)
			require.NoError(t, os.Link(path, to))
			t.Cleanup(func() { os.Remove(to) })
			return name
		},
		"descriptor": func(t *testing.T, _, path string) string {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			t.Cleanup(func() { f.Close() })
			return shmq.FileName(f)
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, _ := queue(t)
			send(t, q, "a")
			path, err := shmq.Path(q)
			require.NoError(t, err)
			// At the start, before anything is taken.
			err = worker.Run(context.Background(), q, &worker.Options[string]{DeadLetter: way(t, q, path)}, func(context.Context, worker.Record[string]) error {
				panic("called")
			})
			require.ErrorIs(t, err, shmq.ErrOption)
			require.Contains(t, err.Error(), "itself")
			rs, again := left(t, q)
			require.Equal(t, []string{"\xa1a"}, rs)
			require.Zero(t, again[0])
		})
		if name == "name" || name == "path" || name == "descriptor" {
			continue
		}
		t.Run(name+" made later", func(t *testing.T) {
			t.Parallel()
			q, _ := queue(t)
			send(t, q, "a", "b")
			path, err := shmq.Path(q)
			require.NoError(t, err)
			later := testagent.Name(t)
			to, err := shmq.Path(later)
			require.NoError(t, err)
			calls := 0
			err = worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: to, Retries: -1}), func(context.Context, worker.Record[string]) error {
				calls++
				made := way(t, q, path)
				if !strings.Contains(made, "/") {
					made, err = shmq.Path(made)
					require.NoError(t, err)
				}
				require.NoError(t, os.Rename(made, to))
				return errBad
			})
			_ = os.Remove(to)
			require.ErrorIs(t, err, shmq.ErrOption)
			require.Equal(t, 1, calls)
			rs, _ := left(t, q)
			require.Equal(t, []string{"\xa1a", "\xa1b"}, rs)
		})
	}
}

// A queue that has no room for some letters is refused before anything is taken, and if
// another process makes it later.
func TestSmallDeadLetterQueueIsRefused(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a")
	require.NoError(t, shmq.Create(dead, &shmq.Options{Slots: 64, SlotSize: 256}))
	o := &worker.Options[string]{DeadLetter: dead, Retries: -1}
	err := worker.Run(context.Background(), q, o, func(context.Context, worker.Record[string]) error { panic("called") })
	require.ErrorIs(t, err, shmq.ErrOption)
	var slots, size int
	_, advice, _ := strings.Cut(err.Error(), "make it with ")
	_, scanErr := fmt.Sscanf(advice, "--slots %d --slot-size %d", &slots, &size)
	require.NoError(t, scanErr, "%v", err)
	require.NoError(t, shmq.ForceRemove(dead))

	err = worker.Run(context.Background(), q, o, func(ctx context.Context, r worker.Record[string]) error {
		require.NoError(t, shmq.Create(dead, &shmq.Options{Slots: 64, SlotSize: 256}))
		return errBad
	})
	require.ErrorIs(t, err, shmq.ErrOption)
	require.NoError(t, shmq.ForceRemove(dead))
	rs, _ := left(t, q)
	require.Equal(t, []string{"\xa1a"}, rs)

	// The advice is good.
	require.NoError(t, shmq.Create(dead, &shmq.Options{Slots: slots, SlotSize: size}))
	send(t, q, "a")
	require.NoError(t, worker.Run(context.Background(), q, untilEOF(*o), fails))
	require.Len(t, letters(t, dead), 1)
}

// A full queue of dead letters is waited for; what is in hand meanwhile goes on; and the
// end of the context gives the record back.
func TestFullDeadLetterQueueIsWaitedFor(t *testing.T) {
	eachSide(t, func(t *testing.T, q string) {
		dead := testagent.Queue(t, &shmq.Options{Slots: 2, SlotSize: 32 << 10})
		var good atomic.Int64
		log, lines := newLog()
		w := begin(t, q, &worker.Options[string]{DeadLetter: dead, Retries: -1, Jobs: 2, Logger: log}, func(_ context.Context, r worker.Record[string]) error {
			if r.Value == "good" {
				good.Add(1)
				return nil
			}
			return errBad
		})
		send(t, q, "bad 1", "bad 2", "bad 3", "good", "good")
		until(t, func() bool {
			info, err := shmq.Stat(dead)
			return err == nil && info.Records == 2 && good.Load() == 2
		})
		var bad []string
		until(t, func() bool {
			for _, l := range letters(t, dead) {
				bad = append(bad, string(l.Record))
			}
			return len(bad) >= 3
		})
		slices.Sort(bad)
		require.Equal(t, []string{"\xa5bad 1", "\xa5bad 2", "\xa5bad 3"}, bad)

		send(t, q, "bad 4", "bad 5")
		until(t, func() bool {
			info, err := shmq.Stat(dead)
			return err == nil && info.Records == 2 && acknowledged(t, q) == 7
		})
		waited := strings.Count(lines(), "dead letter has to wait")
		send(t, q, "bad 6")
		until(t, func() bool { return strings.Count(lines(), "dead letter has to wait") > waited })
		w.cancel()
		require.NoError(t, w.ends())
		rs, _ := left(t, q)
		require.Equal(t, []string{"\xa5bad 6"}, rs)
		require.Len(t, letters(t, dead), 2)
	})
}

// A queue of dead letters that is removed is made anew.
func TestRemovedDeadLetterQueueIsMadeAnew(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	w := begin(t, q, &worker.Options[string]{DeadLetter: dead, Retries: -1}, fails)
	for _, v := range []string{"a", "b"} {
		send(t, q, v)
		until(t, func() bool {
			info, err := shmq.Stat(dead)
			return err == nil && info.Records == 1
		})
		require.Equal(t, "\xa1"+v, string(letters(t, dead)[0].Record))
		require.NoError(t, shmq.ForceRemove(dead))
	}
	w.cancel()
	require.NoError(t, w.ends())
}

// A place that has no room for the queue of dead letters is a shortage: the record waits.
func TestNoSeatForDeadLettersIsWaitedFor(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	dead := testagent.Queue(t, &shmq.Options{Slots: 2, SlotSize: 32 << 10, Seats: 2})
	var holders []*producer.Raw
	for range 2 {
		p, err := producer.OpenRaw(dead, nil)
		require.NoError(t, err)
		holders = append(holders, p)
	}
	send(t, q, "a")
	log, lines := newLog()
	w := begin(t, q, untilEOF(worker.Options[string]{DeadLetter: dead, Retries: -1, Logger: log}), fails)
	until(t, func() bool { return strings.Contains(lines(), "dead letter has to wait") })
	require.NoError(t, holders[0].Close())
	require.NoError(t, w.ends())
	require.NoError(t, holders[1].Close())
	require.Len(t, letters(t, dead), 1)
}

func TestBatches(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a", "b", "bad", "worse", "e")
	var sizes []int
	var tries [][]string
	o := untilEOF(worker.Options[string]{Batch: 4, DeadLetter: dead, Retries: 2, RetryAfter: 1})
	require.NoError(t, worker.RunBatch(context.Background(), q, o, func(_ context.Context, rs []worker.Record[string]) error {
		sizes = append(sizes, len(rs))
		failed, vs := worker.BatchError{}, []string(nil)
		for i, r := range rs {
			vs = append(vs, r.Value)
			switch r.Value {
			case "bad":
				failed[i] = errBad
			case "worse":
				failed[i] = worker.Permanent(errors.New("worse"))
			}
		}
		tries = append(tries, vs)
		if len(failed) == 0 {
			return nil
		}
		return fmt.Errorf("some: %w", failed)
	}))
	require.Equal(t, [][]string{{"a", "b", "bad", "worse"}, {"bad"}, {"bad"}, {"e"}}, tries, "those that succeeded are not tried again")
	ls := letters(t, dead)
	require.Len(t, ls, 2)
	require.Equal(t, []any{"\xa5worse", 1, "worse"}, []any{string(ls[0].Record), ls[0].Attempts, ls[0].Reason})
	require.Equal(t, []any{"\xa3bad", 3, "it is bad"}, []any{string(ls[1].Record), ls[1].Attempts, ls[1].Reason})
}

// Any other error is one of all records of a batch, and they share its fate; and indexes
// of records that are not there are not taken for success.
func TestBatchFailsAsAWhole(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errBad, worker.BatchError{7: errBad}, worker.BatchError{-1: errBad, 0: errBad}} {
		q, dead := queue(t)
		send(t, q, "a", "b")
		calls := 0
		o := untilEOF(worker.Options[string]{DeadLetter: dead, Retries: 1, RetryAfter: 1})
		require.NoError(t, worker.RunBatch(context.Background(), q, o, func(_ context.Context, rs []worker.Record[string]) error {
			calls++
			require.Len(t, rs, 2)
			return err
		}))
		require.Equal(t, 2, calls)
		require.Len(t, letters(t, dead), 2)
	}
}

// A batch of a worker that keeps keys in order has records of one key.
func TestBatchesOfKeys(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	g := newGates()
	var got [][]string
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	send(t, q, "a0", "a1", "b0", "a2", "a3")
	o := untilEOF(worker.Options[string]{Batch: 2, Jobs: 2, Key: func(v string) string { return v[:1] }})
	go func() {
		done <- worker.RunBatch(ctx, q, o, func(_ context.Context, rs []worker.Record[string]) error {
			if rs[0].Value == "b0" {
				g.pass("b0")
				return nil
			}
			g.pass("a")
			var vs []string
			for _, r := range rs {
				vs = append(vs, r.Value)
			}
			got = append(got, vs)
			return nil
		})
	}()
	until(t, func() bool { return g.at("a", "b0") })
	g.open("b0")
	until(t, func() bool {
		info, err := shmq.Stat(q)
		return err == nil && info.Records == 0
	})
	g.open("a")
	require.NoError(t, <-done)
	cancel()
	require.Equal(t, [][]string{{"a0"}, {"a1", "a2"}, {"a3"}}, got)
}

func TestRawBatches(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	sendRaw(t, q, "a", "b", "c")
	require.NoError(t, worker.RunRawBatch(context.Background(), q, untilEOF(worker.Options[[]byte]{}), func(_ context.Context, rs []worker.Record[[]byte]) error {
		require.Len(t, rs, 3)
		require.Equal(t, "b", string(rs[1].Value))
		return nil
	}))
}

// The fate of records is logged, with the queue and the reason.
func TestLog(t *testing.T) {
	t.Parallel()
	q, dead := queue(t)
	send(t, q, "a")
	log, lines := newLog()
	o := untilEOF(worker.Options[string]{DeadLetter: dead, Retries: 1, RetryAfter: 1, Logger: log})
	calls := 0
	require.NoError(t, worker.Run(context.Background(), q, o, func(context.Context, worker.Record[string]) error {
		if calls++; calls == 1 {
			return worker.Shortage(errBad)
		}
		return errBad
	}))
	text := lines()
	for _, want := range []string{
		fmt.Sprintf(`level=WARN msg="shmq: record has to wait" queue=%s record=1 attempts=0 error="it is bad"`, q),
		fmt.Sprintf(`level=WARN msg="shmq: record failed and will be tried again" queue=%s record=1 attempts=1 error="it is bad" after=`, q),
		fmt.Sprintf(`level=ERROR msg="shmq: record failed and is a dead letter now" queue=%s record=1 attempts=2 error="it is bad"`, q),
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 3, strings.Count(text, "\n"), text)
}

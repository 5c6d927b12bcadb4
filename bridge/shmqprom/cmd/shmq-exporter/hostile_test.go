package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// Queues over which others scribble, seats, header and all, are described or not, as it
// comes out; the good one beside them is, in each scrape, and rightly.
func TestScribbledQueuesHarmNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, filepath.Join(dir, "shmq.good"), 3)
	const bad = 6
	dice := scribble.Dice(uint64(time.Now().UnixNano()))
	for i := range bad {
		g := layout.Geometry{ManyProducers: i&1 != 0, ManyConsumers: i&2 != 0, Seats: 1 << (2 + i), Slots: 2 << dice.Below(8), AreaSize: 64 << dice.Below(4)}
		scribbled(t, filepath.Join(dir, fmt.Sprint("shmq.bad", i)), g, dice)
	}
	e := start(t, "--dir", dir, "--participants")
	up, down := 0, 0
	for n := 0; n < 50 || (up == 0 || down == 0) && n < 5000; n++ {
		m := e.scrape()
		require.EqualValues(t, 1, m.of(t, "shmq_up", "good"))
		require.EqualValues(t, 3, m.of(t, "shmq_records_sent_total", "good"))
		require.EqualValues(t, 3, m.of(t, "shmq_records_waiting", "good"))
		require.EqualValues(t, bad+1, m[fmt.Sprintf("shmq_queues{dir=%q}", dir)])
		for i := range bad {
			if m.of(t, "shmq_up", fmt.Sprint("bad", i)) == 1 {
				up++
			} else {
				down++
			}
		}
	}
	require.NotZero(t, up)
	require.NotZero(t, down)
	require.Regexp(t, `queue ".*bad\d": `, e.said())
	e.signal(syscall.SIGTERM)
	require.Equal(t, 143, e.code(), e.said())
}

// scribbled makes a queue file that is scribbled over until the test ends.
func scribbled(t *testing.T, path string, g layout.Geometry, dice scribble.Choice) {
	t.Helper()
	image := scribble.Image(g, dice.Below(100))
	whole := bytes.Clone(image[:layout.HeaderSize])
	mem := file(t, path, image)
	seed := dice.Below(0)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		dice := scribble.Dice(seed)
		pen := scribble.New(mem, g, dice)
		for !stop.Load() {
			pen.Write()
			switch dice.Below(8) {
			case 0, 1:
				pen.Seat()
			case 2:
				copy(mem, whole) // or it would never be described again
			case 3:
				pen.Field()
				pen.Seal()
			}
			time.Sleep(time.Duration(dice.Below(200)) * time.Microsecond)
		}
	})
	t.Cleanup(func() { stop.Store(true); wg.Wait() })
}

// file makes a file and maps it until the test ends.
func file(t *testing.T, path string, content []byte) []byte {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	mem, err := syscall.Mmap(int(f.Fd()), 0, len(content), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(mem)) })
	return mem
}

// A queue that was good and is damaged is told: by its metrics with a reason other than that
// of files that never were queues, once in the log; and again when it is whole.
func TestADamagedQueueIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "shmq.q")
	create(t, path, 2)
	create(t, filepath.Join(dir, "shmq.good"), 3)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shmq.text"), []byte("no queue"), 0o600))
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	mem := file(t, path, image)
	e := start(t, "--dir", dir)
	require.EqualValues(t, 2, e.scrape().of(t, "shmq_records_waiting", "q"))
	for _, damage := range []struct {
		name, reason string
		do           func()
	}{
		{"magic", "overwritten", func() { copy(mem, "no queue") }},
		{"version", "version", func() { mem[layout.OffVersion] ^= 0xff }},
		{"slots", "damaged", func() { mem[layout.OffSlots] ^= 1 }},
		{"zeros", "overwritten", func() { clear(mem) }},
		{"ones", "overwritten", func() { copy(mem, bytes.Repeat([]byte{0xff}, len(mem))) }},
		{"cut", "damaged", func() { require.NoError(t, os.Truncate(path, int64(len(image)/2))) }},
	} {
		before := len(e.said())
		damage.do()
		for range 2 {
			m := e.scrape()
			require.EqualValues(t, 0, m.of(t, "shmq_up", "q"), damage.name)
			require.EqualValues(t, 1, m[fmt.Sprintf("shmq_queue_error{queue=\"q\",reason=%q}", damage.reason)], "%s: %s", damage.name, e.said())
			require.EqualValues(t, 1, m[`shmq_queue_error{queue="text",reason="not_queue"}`])
			require.EqualValues(t, 3, m.of(t, "shmq_records_waiting", "good"))
		}
		require.NoError(t, os.Truncate(path, int64(len(image))))
		copy(mem, image)
		require.EqualValues(t, 2, e.scrape().of(t, "shmq_records_waiting", "q"), damage.name)
		testproc.Until(t, func() bool { return bytes.HasSuffix([]byte(e.said()), []byte("can be described again\n")) })
		require.Regexp(t, `^shmq-exporter: queue "[^"]*/shmq\.q": [^/\n]*\nshmq-exporter: queue "[^"]*/shmq\.q" can be described again\n$`, e.said()[before:], damage.name)
	}
}

// A queue that is removed, or made anew, while scrapes go on is described or not there; it is
// never a queue that can't be described.
func TestQueuesThatVanishDuringScrapes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, filepath.Join(dir, "shmq.good"), 3)
	e := start(t, "--dir", dir)
	var stop atomic.Bool
	var wg sync.WaitGroup
	var failed error
	made := 0
	wg.Go(func() {
		for ; !stop.Load() && failed == nil; made++ {
			path := filepath.Join(dir, fmt.Sprint("shmq.q", made%8))
			if failed = shmq.Remove(path); made < 8 {
				failed = nil
			}
			if failed == nil {
				failed = shmq.Create(path, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8})
			}
		}
	})
	seen := 0
	for n := 0; n < 200; n++ {
		m := e.scrape()
		require.EqualValues(t, 3, m.of(t, "shmq_records_waiting", "good"))
		for i := range 8 {
			key := fmt.Sprintf("shmq_up{queue=\"q%d\"}", i)
			if _, ok := m[key]; ok {
				require.EqualValues(t, 1, m[key], e.said())
				seen++
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	require.NoError(t, failed)
	require.NotZero(t, seen)
	t.Logf("%d queues made, %d seen", made, seen)
	require.NotContains(t, e.said(), "queue ")
}

// A directory that is removed is told, and the other one is described.
func TestADirectoryThatVanishesIsTold(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	create(t, filepath.Join(dir, "shmq.good"), 3)
	require.NoError(t, os.Mkdir(other, 0o700))
	create(t, filepath.Join(other, "shmq.q"), 1)
	e := start(t, "--dir", dir, "--dir", other)
	for range 2 {
		m := e.scrape()
		require.EqualValues(t, 1, m[fmt.Sprintf("shmq_directory_up{dir=%q}", other)])
		require.EqualValues(t, 1, m[fmt.Sprintf("shmq_up{dir=%q,queue=\"q\"}", other)])
		require.NoError(t, os.Rename(other, other+"2"))
		m = e.scrape()
		require.EqualValues(t, 0, m[fmt.Sprintf("shmq_directory_up{dir=%q}", other)])
		require.NotContains(t, m, fmt.Sprintf("shmq_up{dir=%q,queue=\"q\"}", other))
		require.EqualValues(t, 3, m[fmt.Sprintf("shmq_records_waiting{dir=%q,queue=\"good\"}", dir)])
		require.NoError(t, os.Rename(other+"2", other))
	}
}

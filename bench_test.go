package shmq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// The benchmarks have their other end in a second process, on the second core:
//
//	go test -run '^$' -bench . -count 6 .
//
// Compare within one run, and with the bare cases in it: what the machine takes to
// hand a cache line, or a pipe to hand a record, from one process to another.

const (
	benchPayload = 48
	benchSlots   = 1024
)

var roles = []struct {
	name                 string
	producers, consumers shmq.Side
}{
	{"one-one", shmq.One, shmq.One},
	{"many-many", shmq.Many, shmq.Many},
}

func BenchmarkThroughput(b *testing.B) {
	for _, r := range roles {
		b.Run(r.name, func(b *testing.B) {
			p, child := benchPair(b, "sink", r.producers, r.consumers)
			msg := make([]byte, benchPayload)
			b.ResetTimer()
			for range b.N {
				must(b, p.Send(b.Context(), msg))
			}
			must(b, p.Finish())
			must(b, child.Wait()) // the records have to arrive
		})
		b.Run(r.name+"/batch-16", func(b *testing.B) {
			p, child := benchPair(b, "sink-batch", r.producers, r.consumers)
			batch := make([][]byte, 16)
			for i := range batch {
				batch[i] = make([]byte, benchPayload)
			}
			b.ResetTimer()
			for n := 0; n < b.N; n += len(batch) {
				_, err := p.SendBatch(b.Context(), batch[:min(len(batch), b.N-n)])
				must(b, err)
			}
			must(b, p.Finish())
			must(b, child.Wait())
		})
	}
	b.Run("pipe", func(b *testing.B) {
		r, w, err := os.Pipe()
		must(b, err)
		child := benchChild(b, "pipe-sink", r)
		must(b, r.Close())
		msg := make([]byte, benchPayload)
		b.ResetTimer()
		for range b.N {
			_, err := w.Write(msg)
			must(b, err)
		}
		must(b, w.Close())
		must(b, child.Wait())
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, r := range roles {
		b.Run(r.name, func(b *testing.B) {
			p, child := benchPair(b, "echo", r.producers, r.consumers)
			c, err := consumer.OpenRaw(p.Name()+".back", benchConsumer(r.producers, r.consumers))
			must(b, err)
			msg := make([]byte, benchPayload)
			buf := make([]byte, 0, benchPayload)
			b.ResetTimer()
			for range b.N {
				must(b, p.TrySend(msg))
				for {
					if buf, err = c.TryReceive(buf); err == nil {
						break
					}
				}
			}
			b.StopTimer()
			must(b, p.Finish())
			must(b, child.Wait())
			must(b, c.Close())
		})
	}
	b.Run("bare-cache-lines", func(b *testing.B) {
		path, words := benchWords(b)
		child := benchChild(b, "bare", nil, path)
		b.ResetTimer()
		for i := uint64(1); i <= uint64(b.N); i++ {
			atomics.StoreRelease64(words[0], i)
			for atomics.Load64(words[1]) != i {
			}
		}
		b.StopTimer()
		atomics.StoreRelease64(words[0], ^uint64(0))
		must(b, child.Wait())
	})
}

func BenchmarkTyped(b *testing.B) {
	type point struct {
		ID, X, Y, Z int64
		Name, Unit  string
		Weight      float64
		OK          bool
	}
	name := filepath.Join(b.TempDir(), "q")
	p, err := producer.Open[point](name, &producer.Options{Create: shmq.Options{Producers: shmq.One, Consumers: shmq.One}})
	must(b, err)
	c, err := consumer.Open[point](name, nil)
	must(b, err)
	v := point{1, 2, 3, 4, "a point", "mm", 1.5, true}
	b.ReportAllocs()
	for b.Loop() {
		must(b, p.TrySend(v))
		_, err := c.TryReceive()
		must(b, err)
	}
	must(b, p.Close())
	must(b, c.Close())
}

func BenchmarkAttach(b *testing.B) {
	name := filepath.Join(b.TempDir(), "q")
	must(b, shmq.Create(name, nil))
	for b.Loop() {
		p, err := producer.OpenRaw(name, nil)
		must(b, err)
		must(b, p.Close())
	}
}

// benchPair makes a queue, with a child at its receiving end.
func benchPair(b *testing.B, mode string, ps, cs shmq.Side) (*producer.Raw, *exec.Cmd) {
	name := filepath.Join(benchDir(b), "q")
	p, err := producer.OpenRaw(name, &producer.Options{Create: benchConsumer(ps, cs).Create})
	must(b, err)
	return p, benchChild(b, mode, nil, name, ps.String(), cs.String())
}

func benchConsumer(ps, cs shmq.Side) *consumer.Options {
	return &consumer.Options{Create: shmq.Options{Producers: ps, Consumers: cs, Slots: benchSlots, SlotSize: 64}}
}

// benchDir is a directory in memory if there is one, away from the queues of others.
func benchDir(b *testing.B) string {
	dir, err := os.MkdirTemp("/dev/shm", "shmq-bench-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// benchWords maps two words that have a page, and so all their lines, to themselves.
func benchWords(b *testing.B) (string, [2]*uint64) {
	path := filepath.Join(benchDir(b), "words")
	must(b, os.WriteFile(path, make([]byte, layout.HeaderSize), 0o600))
	mem, words, err := mapWords(path)
	must(b, err)
	b.Cleanup(func() { must(b, sys.Unmap(mem)) })
	return path, words
}

func mapWords(path string) (mem []byte, words [2]*uint64, err error) {
	f, err := sys.Open(path, true, true)
	if err != nil {
		return nil, words, err
	}
	if mem, err = f.Map(layout.HeaderSize, true); err != nil {
		return nil, words, errors.Join(err, f.Close())
	}
	words = [2]*uint64{(*uint64)(unsafe.Pointer(&mem[0])), (*uint64)(unsafe.Pointer(&mem[2*layout.LineSize]))}
	return mem, words, f.Close()
}

// benchChild starts this test binary as the other end, and returns when it is ready.
func benchChild(b *testing.B, mode string, stdin *os.File, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SHMQ_BENCH_CHILD="+mode)
	cmd.Stderr = os.Stderr
	if stdin != nil {
		cmd.Stdin = stdin // a nil *os.File would be no nil io.Reader
	}
	ready, err := cmd.StdoutPipe()
	must(b, err)
	unpin() // a child inherits the cores of the thread that starts it
	must(b, cmd.Start())
	b.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	one := make([]byte, 1)
	_, err = io.ReadFull(ready, one)
	must(b, err)
	pin(0)
	return cmd
}

// allCores are the cores that this process may use.
var allCores = func() (set unix.CPUSet) {
	_ = unix.SchedGetaffinity(0, &set) // empty: then nobody is pinned
	return set
}()

// pin keeps the caller's goroutine on the n-th of the cores, if there are as many.
func pin(n int) {
	runtime.LockOSThread()
	for cpu := range 8 * int(unsafe.Sizeof(allCores)) {
		if !allCores.IsSet(cpu) {
			continue
		}
		if n == 0 {
			var set unix.CPUSet
			set.Set(cpu)
			_ = unix.SchedSetaffinity(0, &set) // refused: it is only less exact
			return
		}
		n--
	}
}

func unpin() {
	runtime.LockOSThread()
	_ = unix.SchedSetaffinity(0, &allCores)
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// init is the other end's main: a process that was started by benchChild.
func init() {
	mode := os.Getenv("SHMQ_BENCH_CHILD")
	if mode == "" {
		return
	}
	pin(1)
	if err := benchMain(mode, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func benchMain(mode string, args []string) error {
	ctx := context.Background()
	ready := func() { fmt.Print("r") }
	switch mode {
	case "pipe-sink":
		ready()
		buf := make([]byte, benchPayload)
		for {
			if _, err := io.ReadFull(os.Stdin, buf); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	case "bare":
		_, words, err := mapWords(args[0])
		if err != nil {
			return err
		}
		ready()
		for seen := uint64(0); ; {
			if now := atomics.Load64(words[0]); now != seen {
				if now == ^uint64(0) {
					return nil
				}
				seen = now
				atomics.StoreRelease64(words[1], now)
			}
		}
	}
	var ps, cs shmq.Side
	if err := ps.UnmarshalText([]byte(args[1])); err != nil {
		return err
	}
	if err := cs.UnmarshalText([]byte(args[2])); err != nil {
		return err
	}
	c, err := consumer.OpenRaw(args[0], nil)
	if err != nil {
		return err
	}
	buf := make([]byte, 0, benchPayload)
	switch mode {
	case "sink":
		ready()
		for {
			if buf, err = c.Receive(ctx, buf); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	case "sink-batch":
		ready()
		leases := make([]consumer.Lease, 16)
		for {
			n, err := c.LeaseBatch(ctx, leases)
			if err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			for i := range leases[:n] {
				buf = append(buf[:0], leases[i].Bytes()...)
				leases[i].Ack()
			}
		}
	case "echo":
		back, err := producer.OpenRaw(args[0]+".back", &producer.Options{Create: benchConsumer(ps, cs).Create})
		if err != nil {
			return err
		}
		ready()
		for {
			buf, err = c.TryReceive(buf)
			if err == io.EOF {
				return back.Close()
			}
			if err == nil {
				if err := back.TrySend(buf); err != nil {
					return err
				}
			}
		}
	}
	return fmt.Errorf("unknown mode %s", strconv.Quote(mode))
}

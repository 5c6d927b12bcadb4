//go:build linux

package producer_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// diskDir is a directory for files on a disk: SHMQ_BENCH_DIR, else the usual one for
// temporary files.
func diskDir(b *testing.B) string {
	dir, err := os.MkdirTemp(os.Getenv("SHMQ_BENCH_DIR"), "shmq-bench-")
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// BenchmarkSyncPage is what the disk takes for one page of a file, whatever uses it.
func BenchmarkSyncPage(b *testing.B) {
	f, err := os.Create(diskDir(b) + "/file")
	require.NoError(b, err)
	defer f.Close()
	for range 1024 { // as a queue is made
		_, err := f.Write(make([]byte, 4096))
		require.NoError(b, err)
	}
	require.NoError(b, f.Sync())
	b.ResetTimer()
	mem, err := unix.Mmap(int(f.Fd()), 0, 4<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(b, err)
	defer unix.Munmap(mem)
	for i := range b.N {
		mem[i%1000*4096]++
		require.NoError(b, unix.Msync(mem, unix.MS_SYNC))
	}
}

// BenchmarkDurableSend is a send that returns when its records are on the disk.
func BenchmarkDurableSend(b *testing.B) {
	for _, producers := range []int{1, 2, 4, 8} {
		for _, batch := range []int{1, 100} {
			b.Run(fmt.Sprintf("producers=%d/batch=%d", producers, batch), func(b *testing.B) {
				durableSends(b, producers, batch)
			})
		}
	}
}

func durableSends(b *testing.B, producers, batch int) {
	q := diskDir(b) + "/q"
	opts := &producer.Options{Durability: producer.Durability{Every: 1}}
	require.NoError(b, shmq.Create(q, &shmq.Options{Checksum: true}))
	in, err := consumer.OpenRaw(q, &consumer.Options{UntilEOF: true})
	require.NoError(b, err)
	var all []*producer.Raw
	for range producers {
		p, err := producer.OpenRaw(q, opts)
		require.NoError(b, err)
		all = append(all, p)
	}
	ctx := context.Background()
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := in.Receive(ctx, nil); err != nil {
				ended <- in.Close()
				return
			}
		}
	}()
	recs := make([][]byte, batch)
	for i := range recs {
		recs[i] = make([]byte, 200)
	}
	b.ResetTimer()
	var wait sync.WaitGroup
	for i, p := range all {
		wait.Go(func() {
			for n := i; n < b.N; n += producers {
				if _, err := p.SendBatch(ctx, recs); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	for _, p := range all {
		require.NoError(b, p.Close())
	}
	require.NoError(b, <-ended)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/record")
}

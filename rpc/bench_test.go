//go:build linux

package rpc_test

import (
	"testing"

	"github.com/shmq/shmq/rpc"
)

// A call, one and 16 at a time, with client and server in one process. shmq bench rpc has them in
// two, on cores of their own.
func BenchmarkCall(b *testing.B) {
	q := queue(b)
	s := begin(b, q, rpc.ServeOptions{Jobs: 16}, echo)
	c := dial(b, q, nil)
	request := make([]byte, 48)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Call(background, request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("16", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := c.Call(background, request); err != nil {
					b.Error(err)
				}
			}
		})
	})
	s.end()
}

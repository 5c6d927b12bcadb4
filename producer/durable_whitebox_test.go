package producer

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Synced reports whether all that was sent is known to be on the disk.
func Synced(p *Raw) bool {
	p.durable.mu.Lock()
	defer p.durable.mu.Unlock()
	return p.durable.synced == p.durable.sent
}

// Ticking reports whether a timer waits for a record.
func Ticking(p *Raw) bool {
	p.durable.mu.Lock()
	defer p.durable.mu.Unlock()
	return p.durable.timer != nil
}

// The sync of another goroutine, of a Shared, is at its end when Close looks at what it has left. The
// race detector tells, if nothing but the mutex orders the two.
func TestCloseBesideASync(t *testing.T) {
	t.Parallel()
	p, err := OpenRaw(t.TempDir()+"/q", &Options{Durability: Durability{Within: time.Hour}})
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("x")))
	d := p.durable
	d.firing.Add(1) // close waits for this one
	closed, synced := make(chan error), make(chan error)
	go func() { closed <- d.close() }()
	go func() {
		for Ticking(p) { // until close has stopped the timer
			runtime.Gosched()
		}
		synced <- d.sync()
	}()
	for unseen(d) == 0 {
		runtime.Gosched()
	}
	d.firing.Done()
	require.NoError(t, <-closed)
	require.NoError(t, <-synced)
	require.NoError(t, p.Close())
}

// unseen is synced, as the race detector does not see it: the look orders nothing.
//
//go:norace
//go:noinline
func unseen(d *durable) uint64 { return d.synced }

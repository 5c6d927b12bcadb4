//go:build linux && amd64

package killpoint

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// page is what a victim and its tracer share, beside the queue.
type page struct {
	// ready is the thread that will do the operation, once it has only that to do.
	ready atomic.Uint32
	// beats counts the rounds in which it waits for start.
	beats atomic.Uint32
	// start is the tracer's word to begin.
	start atomic.Uint32
	// progress is 0 before the operation, then 1 and the number of calls that returned.
	progress atomic.Uint32
}

const pageSize = 4096

// mapPage maps a page file.
func mapPage(path string) (*page, []byte, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(fd)
	mem, err := unix.Mmap(fd, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return (*page)(unsafe.Pointer(unsafe.SliceData(mem))), mem, nil
}

// newPage makes a page for the test.
func newPage(t testing.TB) (p *page, path string) {
	path = filepath.Join(t.TempDir(), "page")
	require.NoError(t, os.WriteFile(path, make([]byte, pageSize), 0o600))
	p, mem, err := mapPage(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(mem)) })
	return p, path
}

func (p *page) reset() {
	p.ready.Store(0)
	p.start.Store(0)
	p.progress.Store(0)
}

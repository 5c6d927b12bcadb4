package shared

import (
	"errors"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// end tells which end of the connection this is.
type end int

const (
	dialling  end = 0
	accepting end = 1
)

// Memory is one end's view of the shared memory. Out and Out's words are for whoever writes,
// In and In's words for whoever reads, one goroutine at a time each.
type Memory struct {
	Out *ring.Producer
	In  *ring.Consumer
	// The bells at which this end sleeps, and those at which the other one does.
	ForData, ForRoom, TheirData, TheirRoom Bell

	out words // of the direction in which this end writes
	in  words

	inRing *ring.Ring
	mem    []byte
}

// words are those of one direction.
type words struct{ finished, wantsRoom, closed, wantsData *uint32 }

func mapFile(f *sys.File, g layout.Geometry, as end) (*Memory, error) {
	mem, err := f.Map(int(size(g)), true)
	if err != nil {
		return nil, err
	}
	m, err := view(mem, g, as)
	if err != nil {
		return nil, errors.Join(err, sys.Unmap(mem))
	}
	return m, nil
}

// view makes a Memory of bytes, which have the size that g asks for.
func view(mem []byte, g layout.Geometry, as end) (*Memory, error) {
	out, in := wordsAt(mem, int(as)), wordsAt(mem, 1-int(as))
	m := &Memory{
		mem: mem, out: out, in: in,
		ForData: Bell{in.wantsData}, ForRoom: Bell{out.wantsRoom},
		TheirData: Bell{out.wantsData}, TheirRoom: Bell{in.wantsRoom},
	}
	outRing, err := ringAt(mem, g, int(as))
	if err != nil {
		return nil, err
	}
	if m.inRing, err = ringAt(mem, g, 1-int(as)); err != nil {
		return nil, err
	}
	if m.Out, err = outRing.NewProducer(0); err != nil {
		return nil, err
	}
	m.In = m.inRing.NewConsumer(1)
	return m, nil
}

func wordsAt(mem []byte, direction int) words {
	at := func(off int) *uint32 {
		return (*uint32)(unsafe.Pointer(unsafe.SliceData(mem[offWords+direction*wordsSize+off:])))
	}
	return words{finished: at(0), wantsRoom: at(offSecond), closed: at(offReader), wantsData: at(offReader + offSecond)}
}

func ringAt(mem []byte, g layout.Geometry, direction int) (*ring.Ring, error) {
	n := int(g.TotalSize())
	at := offRings + direction*n
	return ring.New(mem[at:at+n:at+n], g, func() uint64 { return 0 }) // no turn, so no clock
}

// Unmap ends the mapping. Nothing of m must be used afterwards.
func (m *Memory) Unmap() error { return sys.Unmap(m.mem) }

// Finish says that nothing more will be published.
func (m *Memory) Finish() { atomics.Store32(m.out.finished, 1) }

// Finished reports whether the other end has said so. What it published before can be seen
// by whoever looks afterwards.
func (m *Memory) Finished() bool { return atomics.Load32(m.in.finished) != 0 }

// StopReading says that this end will read nothing more.
func (m *Memory) StopReading() { atomics.Store32(m.in.closed, 1) }

// ReadStopped reports whether the other end has said so.
func (m *Memory) ReadStopped() bool { return atomics.Load32(m.out.closed) != 0 }

// Roomy reports whether a quarter of what this end reads from is free: enough to wake a
// writer for.
func (m *Memory) Roomy() bool { return m.inRing.Roomy() }

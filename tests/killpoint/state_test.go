//go:build linux && amd64

package killpoint

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// view looks at a queue from outside: its bytes, and its locks.
type view struct {
	file *sys.File
	mem  []byte
	live [][]byte // the parts that participants write
	last [][]byte // as they were
	geo  layout.Geometry
}

// state is a digest of all that a kill would leave, without what differs between two
// runs of the same: ids, times, and how often a bystander has slept.
type state uint64

// look opens the world's queue, which may not exist yet.
func (w *world) look() (*view, error) {
	g := geometry(w.o)
	f, mem, err := w.open()
	if err != nil {
		return nil, err
	}
	v := &view{file: f, mem: mem, geo: g}
	for _, part := range [][2]uint64{
		{layout.HotOffset, layout.HotSize},
		{layout.SeatOffset, uint64(g.Seats) * layout.SeatSize},
		{g.SlotOffset(), g.Slots * layout.SlotSize},
		{g.DataOffset(), g.Slots * g.AreaSize},
	} {
		v.live = append(v.live, mem[part[0]:][:part[1]])
		v.last = append(v.last, make([]byte, part[1]))
	}
	v.changed()
	return v, nil
}

// geometry is what the options, which name all that counts, ask for.
func geometry(o shmq.Options) layout.Geometry {
	return layout.Geometry{
		ManyProducers: o.Producers == shmq.Many, ManyConsumers: o.Consumers == shmq.Many,
		Checksum: o.Checksum, Timestamps: o.Timestamps, Seats: o.Seats, Slots: uint64(o.Slots), AreaSize: uint64(o.SlotSize),
	}
}

func (v *view) close(t *testing.T) {
	require.NoError(t, sys.Unmap(v.mem))
	require.NoError(t, v.file.Close())
}

// changed reports whether any byte is not what it was at the last call.
func (v *view) changed() bool {
	changed := false
	for i, part := range v.live {
		if !bytes.Equal(part, v.last[i]) {
			copy(v.last[i], part)
			changed = true
		}
	}
	return changed
}

// otherBoot is a stamp of no file of this boot.
const otherBoot = 0x0b007

// locks are the bytes that a participant locks, or a process that makes or removes the queue.
func (v *view) locks() []int64 {
	bytes := []int64{
		layout.LockProducer, layout.LockConsumer, layout.LockImage, layout.LockName, layout.LockSide, layout.LockSegment,
		layout.LockStream, layout.LockRecovery, layout.LockSubscribe,
	}
	for i := range v.geo.Seats {
		bytes = append(bytes, layout.SeatOffset+int64(i)*layout.SeatSize)
	}
	return bytes
}

var seed = maphash.MakeSeed()

// state digests the bytes as they were at the last call of changed, and the locks.
func (v *view) state() (state, error) {
	var h maphash.Hash
	h.SetSeed(seed)
	hot := bytes.Clone(v.last[0])
	turn := binary.LittleEndian.Uint64(hot[layout.HotTurn:])
	binary.LittleEndian.PutUint64(hot[layout.HotTurn:], turn&(1<<38-1))                 // without the time of its lapse
	if image := binary.LittleEndian.Uint64(hot[layout.HotImage:]); image != otherBoot { // each file has another one
		binary.LittleEndian.PutUint64(hot[layout.HotImage:], min(image, 1))
	}
	home := binary.LittleEndian.Uint64(hot[layout.HotHome:]) // that of the file's last change
	binary.LittleEndian.PutUint64(hot[layout.HotHome:], min(home, 1))
	for i := range layout.IncarnationCount { // without its id
		e := hot[layout.HotIncarnations+i*layout.IncarnationSize:]
		clear(e[layout.IncarnationID:layout.IncarnationSize])
	}
	h.Write(hot)
	seats := bytes.Clone(v.last[1])
	for i := range v.geo.Seats {
		e := seats[i*layout.SeatSize:]
		clear(e[layout.SeatPID : layout.SeatPID+4])
		clear(e[layout.SeatStartTime : layout.SeatAttached+8])
		clear(e[layout.SeatWaits : layout.SeatWakes+8])
		clear(e[layout.SeatHeldSince:layout.SeatClock])
	}
	h.Write(seats)
	lines := v.last[2]
	if v.geo.Timestamps {
		lines = bytes.Clone(lines)
		for at := 0; at < len(lines); at += layout.SlotSize {
			clear(lines[at+layout.SlotTime : at+layout.SlotTime+8])
		}
	}
	h.Write(lines)
	h.Write(v.last[3])
	for _, b := range v.locks() {
		held, err := v.file.Locked(b)
		if err != nil {
			return 0, err
		}
		if held {
			h.WriteByte(1)
		} else {
			h.WriteByte(0)
		}
	}
	return state(h.Sum64()), nil
}

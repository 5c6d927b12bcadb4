//go:build linux && amd64

package killpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
)

// home is where a queue lives.
type home string

const (
	inDescriptor home = "fd"   // an anonymous file that the victim is handed
	inSegment    home = "sysv" // a System V segment
	// otherwise: a named file
)

// residence is what there is of the world's queue beside the queue.
type residence struct {
	theirs    string   // what the victim calls the queue
	anonymous *os.File // the queue in a descriptor
	key       uint32   // of the segment
}

// elsewhere are operations with a queue that lives there.
func elsewhere(mode shmq.Options, there home) (all []*scenario) {
	names := []string{
		"attach, producer", "attach, consumer", "detach, producer with a reservation", "detach, consumer with leases",
		"send, 3 slots", "lease a batch, acknowledge",
	}
	if there == inSegment {
		names = append(names, "create and attach", "create", "remove", "remove by force")
	}
	for _, s := range slices.Concat(sends(), receives(mode), attaches(mode), removals()) {
		if slices.Contains(names, s.name) {
			s.name += ", " + string(there)
			s.mode, s.home, s.variant = mode, there, true
			all = append(all, s)
		}
	}
	return all
}

// settle gives the queue a name, and makes it unless it shall be absent.
func (w *world) settle() {
	w.queue = fmt.Sprintf("k%d", worlds.Add(1))
	switch w.s.home {
	case inSegment:
		for free := false; !free; {
			w.key = 1 + rand.Uint32N(1<<31)
			_, err := sys.FindSegment(w.key)
			if free = errors.Is(err, fs.ErrNotExist); !free && err != nil {
				w.t.Skip("no System V segments here: ", err)
			}
		}
		w.queue = fmt.Sprintf("sysv:%#x", w.key)
	case inDescriptor:
		var err error
		w.anonymous, err = shmq.CreateAnonymous(&w.o)
		require.NoError(w.t, err)
		w.queue, w.theirs = shmq.FileName(w.anonymous), "fd:3"
		return
	}
	w.theirs = w.queue
	if !w.s.absent {
		require.NoError(w.t, shmq.Create(w.queue, &w.o))
	}
}

// vacate removes the queue, whatever happened.
func (w *world) vacate() {
	if w.anonymous != nil {
		require.NoError(w.t, w.anonymous.Close())
		return
	}
	_ = shmq.ForceRemove(w.queue)
	if w.key != 0 {
		if id, err := sys.FindSegment(w.key); err == nil {
			require.NoError(w.t, sys.RemoveSegment(id))
		}
	}
}

// open returns the file that has the locks, and the queue's memory.
func (w *world) open() (f *sys.File, mem []byte, err error) {
	path, err := shmq.Path(w.queue)
	if err != nil {
		return nil, nil, err
	}
	if f, err = sys.Open(path, true, w.anonymous != nil); err != nil {
		return nil, nil, err
	}
	size := int(geometry(w.o).TotalSize())
	if w.s.home == inSegment {
		mem, err = mapSegment(w.key, size)
	} else {
		mem, err = f.Map(size, true)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, mem, nil
}

func mapSegment(key uint32, size int) ([]byte, error) {
	id, err := sys.FindSegment(key)
	if err != nil {
		return nil, err
	}
	seg, err := sys.StatSegment(id)
	if err != nil {
		return nil, err
	}
	if !seg.Touched {
		return nil, fs.ErrNotExist // its maker has not mapped it, and to do so would change what is left
	}
	return seg.Map(size, true)
}

// nothingLeft checks that of a removed queue there is nothing.
func (w *world) nothingLeft() error {
	files, err := os.ReadDir(shmq.Dir())
	if err != nil {
		return err
	}
	path, err := shmq.Path(w.queue)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), filepath.Base(path)+".") || f.Name() == filepath.Base(path) {
			return fmt.Errorf("%s was left behind", f.Name())
		}
	}
	if w.key != 0 {
		if id, err := sys.FindSegment(w.key); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("segment %d was left behind: %v", id, err)
		}
	}
	return nil
}

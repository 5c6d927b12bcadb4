package shmq

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/inspect"
)

// Watcher describes one queue again and again. It keeps the file open and mapped for
// reading, so a look costs neither an open nor page faults; it takes no seat and no
// lock. It keeps the memory of a queue that was removed: see Removed. It is for one
// goroutine at a time.
//
// What a look costs the participants is cache misses: each line that is read has to be
// fetched back by its writer. Glance reads some lines of the header and one or two a
// seat, whatever the size of the queue. Stat reads the word of every slot, once or twice.
type Watcher struct{ looker }

// Watch opens the queue of that name to describe it. It never makes one. Errors: as
// Stat.
func Watch(name string) (*Watcher, error) {
	w, err := watch(name)
	return w, fail("describe", name, err)
}

func watch(name string) (*Watcher, error) {
	l, err := newLooker(name)
	if err != nil {
		return nil, err
	}
	return &Watcher{l}, nil
}

// Close ends the watch.
func (w *Watcher) Close() error {
	if w.mem == nil {
		return fail("describe", w.name, ErrClosed)
	}
	return fail("describe", w.name, w.release())
}

// Removed reports whether the queue's name is gone, or means another queue by now.
func (w *Watcher) Removed() bool {
	return unnamed(w.at, w.file)
}

// Stat describes the queue, as the function of that name.
func (w *Watcher) Stat() (*Info, error) {
	info, err := w.look(true)
	return info, fail("describe", w.name, err)
}

// Glance describes the queue without what only its slots tell: Records, Claimed, Leased
// and Orphans are 0, and Holds is nil for all.
func (w *Watcher) Glance() (*Info, error) {
	info, err := w.look(false)
	return info, fail("describe", w.name, err)
}

// look reads the mapping. A file that was cut meanwhile is an error, and not the end of
// the process.
func (w *Watcher) look(slots bool) (info *Info, err error) {
	if w.mem == nil {
		return nil, ErrClosed
	}
	err = w.touch(func() error {
		info, err = w.describe(slots)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

func (w *Watcher) describe(slots bool) (*Info, error) {
	size, mode, uid, _, err := w.file.Stat()
	if err != nil {
		return nil, err
	}
	if size < int64(len(w.mem)) {
		return nil, remedy(ErrTruncated)
	}
	h, r := &w.header, w.ring
	var survey inspect.Survey
	if slots {
		survey = inspect.NewSurvey(r)
	} else {
		survey = inspect.Glance(r)
	}
	head, tail := r.Positions()
	depth := tail - head
	if depth > h.Slots {
		depth = 0 // one was read before a step of the other
	}
	begun, finished := r.Stream()
	info := &Info{
		Name: w.name, Path: w.at.shown(), Size: size, Mode: "0" + strconv.FormatUint(uint64(mode.Perm()), 8), UID: uid,
		Created: time.Unix(0, h.Created).UTC(), CreationID: hex.EncodeToString(h.CreationID[:]), Layout: layout.Version,
		Producers: side(h.ManyProducers), Consumers: side(h.ManyConsumers),
		Slots: int(h.Slots), SlotSize: int(h.AreaSize), Seats: h.Seats, MaxRecord: h.MaxRecord(), Checksum: h.Checksum,
		Head: head, Tail: tail, Depth: int(depth), Records: survey.Records, Claimed: survey.Claimed, Leased: survey.Leased,
		Orphans: survey.Orphans, Skipped: r.Skipped(), Torn: r.Torn(), Full: survey.Full, Begun: begun, Finished: finished,
		ProducersAsleep: park.Armed(r.RoomFutex()), ConsumersAsleep: park.Armed(r.DataFutex()),
		Participants: []Participant{},
	}
	if h.Checksum {
		if info.Broken, err = broken(w.file, r); err != nil {
			return nil, err
		}
	}
	return info, w.participants(info, survey)
}

// participants adds who has a seat, and who had one.
func (w *Watcher) participants(info *Info, survey inspect.Survey) error {
	processes := sys.NewProcesses()
	for i := range w.header.Seats {
		if !w.ring.Seat(i).Dirty() {
			if w.ring.Seat(i).Occupant().Attached != 0 {
				p := participant(w.ring, i, nil, inspect.Survey{})
				p.HeldSince = time.Time{} // it holds nothing any more
				info.Left = append(info.Left, p)
			}
			continue
		}
		alive, err := w.file.Locked(seatByte(i))
		if err != nil {
			return err
		}
		living := processes
		if !alive {
			living = nil
		}
		info.Participants = append(info.Participants, participant(w.ring, i, living, survey))
	}
	return nil
}

package shmq

import (
	"cmp"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/looks"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// Info describes a queue at a moment. While participants work, each number is of
// a slightly different moment.
type Info struct {
	Name       string    `json:"name"`
	Path       string    `json:"path"`
	Size       int64     `json:"size_bytes"`
	Mode       string    `json:"mode"` // octal
	UID        int       `json:"uid"`
	Created    time.Time `json:"created"`
	CreationID string    `json:"creation_id"`
	Layout     int       `json:"layout_version"`

	Producers Multiplicity `json:"producers"`
	Consumers Multiplicity `json:"consumers"`
	Slots     int          `json:"slots"`
	SlotSize  int          `json:"slot_size"`
	Seats     int          `json:"seats"`
	MaxRecord int          `json:"max_record"`
	Checksum  bool         `json:"checksum"` // each record has one
	// Timestamps: each record says when it was sent.
	Timestamps bool `json:"timestamps"`

	Head    uint64 `json:"head"`    // position of the oldest record not taken; single consumer: not acknowledged
	Tail    uint64 `json:"tail"`    // position of the next claim
	Depth   int    `json:"depth"`   // slots between head and tail
	Claimed int    `json:"claimed"` // claims of producers, being written

	// The content of the queue, in records: each one is counted once. Records have been
	// handed to no consumer. Leased are in the hands of living consumers; of those of a single consumer
	// all but the oldest may have been acknowledged. Orphans are to be delivered again:
	// their holder died, or gave them back.
	Records int `json:"records"`
	Leased  int `json:"leased"`
	Orphans int `json:"orphans"`
	// OldestSent is when the oldest of Records and Orphans was sent; zero when there is
	// none, or the queue has no time stamps. It is as right as its sender's clock.
	OldestSent time.Time `json:"oldest_sent,omitzero"`

	// The counts of all participants that ever were, since the queue was made or
	// rebuilt. Torn records were dropped, because their checksum was wrong. While no participant is
	// in the middle of a call, Sent is Received + Torn + Records + Leased + Orphans, unless
	// a participant was killed in the middle of a call and had not counted it. Uncounted is
	// that sum less Sent: what killed ones had not counted, at most the records of one call
	// each, and, while participants work, by how much these numbers are of different moments.
	Sent          uint64 `json:"sent"`
	SentBytes     uint64 `json:"sent_bytes"`
	Received      uint64 `json:"received"` // and acknowledged
	ReceivedBytes uint64 `json:"received_bytes"`
	Redelivered   uint64 `json:"redelivered"` // received that had been delivered before
	Torn          uint64 `json:"torn"`
	Uncounted     int64  `json:"uncounted"`

	Skipped uint64 `json:"skipped"` // claims of dead producers passed over since creation; their records were never sent
	// Broken: the machine stopped while the queue, which has checksums, was in use, or
	// this is a copy that was made meanwhile. The next participant rebuilds it; until then
	// the other numbers here mean little.
	Broken bool `json:"broken"`
	Full   bool `json:"full"` // no room for a record of one slot: the position Tail - Slots is not free

	// Begun: a stream has begun at some time. Finished: the latest producer that began to
	// send has marked its stream as complete.
	Begun    bool `json:"begun"`
	Finished bool `json:"finished"`

	// Mark is the last mark; nil if no producer ever sent one, and with many producers.
	Mark *layout.Marked `json:"mark,omitempty"`

	// Participants may be asleep: producers for want of room, consumers for want of
	// records. It stays true until the next wake-up, also if the sleepers have left.
	ProducersAsleep bool `json:"producers_asleep"`
	ConsumersAsleep bool `json:"consumers_asleep"`

	Participants []Participant `json:"participants"`
	// Subscriptions are those of a queue of which each consumer gets every record, the slowest
	// first; nil for other queues. There the numbers above tell of that one: Head is its position; Depth, Records, Leased (handed to it) and
	// Orphans (to a durable one whose holder is gone) are what it has not acknowledged, 0 without
	// any. Received counts a record once a consumer, Uncounted is 0, and Full is never true with Options.Skip.
	Subscriptions []Subscription `json:"subscriptions,omitempty"`
	// Skip, Keep and MaxSubscriptions are the queue's Options.Skip, Keep and Subscriptions.
	Skip             bool `json:"skip,omitempty"`
	Keep             int  `json:"keep,omitempty"`
	MaxSubscriptions int  `json:"max_subscriptions,omitempty"`
	// Left has those that left in order, with their last counters: of each seat that
	// no participant has taken since the latest one that had it.
	Left []Participant `json:"-"`
}

// Stat describes the queue of that name. It only reads: it takes no seat, and the
// participants do not notice. Errors: ErrName, ErrNotQueue, ErrVersion, ErrDamaged,
// fs.ErrNotExist, fs.ErrPermission.
func Stat(name string) (*Info, error) {
	info, err := stat(name, sys.NewProcesses())
	return info, fail.In("describe", name, err)
}

func stat(name string, processes *sys.Processes) (_ *Info, err error) {
	q, err := mapped.Open(name, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	return describe(q, processes, true)
}

// describe describes a queue, with what only its slots tell if slots says so. A file that
// was cut meanwhile is an error, and not the end of the process.
func describe(q *mapped.Queue, processes *sys.Processes, slots bool) (info *Info, err error) {
	err = q.Touch(func() error {
		info, err = describeMapping(q, processes, slots)
		return err
	})
	if err != nil {
		return nil, err
	}
	if slots && info.Consumers != Each { // there one that was sent may be received often, or never
		info.Uncounted = int64(info.Received + info.Torn + uint64(info.Records+info.Leased+info.Orphans) - info.Sent)
	}
	return info, nil
}

func describeMapping(q *mapped.Queue, processes *sys.Processes, slots bool) (*Info, error) {
	size, mode, uid, err := q.Handle.Stat()
	if err != nil {
		return nil, err
	}
	if size < int64(len(q.Mem)) {
		return nil, fail.Remedy(ErrTruncated)
	}
	h, r := &q.Header, q.Ring
	// First what was sent, and last what became of it: no record is missing in between.
	sums := r.Sums()
	var survey inspect.Survey
	if slots {
		survey = inspect.NewSurvey(r)
	} else {
		survey = inspect.Glance(r)
	}
	head, tail := r.Positions()
	depth := min(tail-head, h.Slots) // more if tail went on after head was read
	if int64(tail-head) < 0 {
		depth = 0
	}
	begun, finished := r.Stream()
	info := &Info{
		Name: q.Name, Path: q.At.Shown(), Size: size, Mode: "0" + strconv.FormatUint(uint64(mode.Perm()), 8), UID: uid,
		Created: time.Unix(0, h.Created).UTC(), CreationID: hex.EncodeToString(h.CreationID[:]), Layout: layout.Version,
		Producers: producersOf(h.Geometry), Consumers: consumersOf(h.Geometry),
		Slots: int(h.Slots), SlotSize: int(h.AreaSize), Seats: h.Seats, MaxRecord: h.MaxRecord(), Checksum: h.Checksum, Timestamps: h.Timestamps,
		Head: head, Tail: tail, Depth: int(depth), Records: survey.Records, Claimed: survey.Claimed, Leased: survey.Leased,
		Orphans: survey.Orphans, OldestSent: unixTime(survey.Oldest), Skipped: r.Skipped(), Torn: r.Torn(), Full: survey.Full, Begun: begun, Finished: finished, Mark: lastMark(r),
		ProducersAsleep: park.Armed(r.RoomFutex()), ConsumersAsleep: park.Armed(r.DataFutex()),
		Sent: sums.Sent, SentBytes: sums.SentBytes, Received: sums.Received, ReceivedBytes: sums.ReceivedBytes, Redelivered: sums.Redelivered,
		Participants: []Participant{},
		Skip:         h.Skip, Keep: int(h.Keep), MaxSubscriptions: h.Subscriptions,
	}
	if h.Checksum {
		if info.Broken, err = gate.Broken(q); err != nil {
			return nil, err
		}
	}
	if err := info.addSeats(q, processes, survey); err != nil {
		return nil, err
	}
	switch {
	case h.Each:
		info.addSubscriptions(q, slots)
	case !h.ManyConsumers:
		return info, info.addHanded(q, &survey.Handed)
	}
	return info, nil
}

// addHanded counts what was handed to the single consumer: leased while there is one, or to
// be delivered again to the next.
func (info *Info) addHanded(q *mapped.Queue, h *inspect.Holding) error {
	held, err := q.File.Locked(layout.LockConsumer)
	if err != nil {
		return err
	}
	if held {
		info.Leased += h.Records
	} else {
		info.orphan(h)
	}
	return nil
}

// addSeats adds the participants that have a seat, and those that had one.
func (info *Info) addSeats(q *mapped.Queue, processes *sys.Processes, survey inspect.Survey) error {
	for i := range q.Header.Seats {
		if !q.Ring.Seat(i).Dirty() {
			if q.Ring.Seat(i).Occupant().Attached != 0 {
				p := describeSeat(q.Ring, i, nil, inspect.Survey{})
				p.HeldSince = time.Time{} // it holds nothing any more
				info.Left = append(info.Left, p)
			}
			continue
		}
		alive, err := q.File.Locked(seat.Byte(i))
		if err != nil {
			return err
		}
		living := processes
		if !alive {
			living = nil
			if q.Header.ManyConsumers && i < len(survey.Seats) {
				info.Leased -= survey.Seats[i].Records
				info.orphan(&survey.Seats[i])
			}
		}
		info.Participants = append(info.Participants, describeSeat(q.Ring, i, living, survey))
	}
	return nil
}

// Watcher describes one queue again and again. It keeps the file open and mapped for
// reading, so a description costs neither an open nor page faults; it takes no seat and no
// lock. It keeps the memory of a queue that was removed: see Removed. It is for one
// goroutine at a time.
//
// A description costs the participants cache misses: each line that is read has to be
// fetched back by its writer. Glance reads some lines of the header and one or two a
// seat, whatever the size of the queue. Stat reads the word of every slot, once or twice.
type Watcher struct {
	q      *mapped.Queue
	shared *sys.Processes // nil: each description looks for itself
}

func init() {
	looks.Share = func(watcher any, p *sys.Processes) { watcher.(*Watcher).shared = p }
}

// Watch opens the queue of that name to describe it. It never makes one. Errors: as
// Stat.
func Watch(name string) (*Watcher, error) {
	q, err := mapped.Open(name, false)
	if err != nil {
		return nil, fail.In("describe", name, err)
	}
	return &Watcher{q: q}, nil
}

// Close ends the watch. A second time it does nothing.
func (w *Watcher) Close() error { return fail.In("describe", w.q.Name, w.q.Close()) }

// Removed reports whether the queue's name is gone, or means another queue by now.
func (w *Watcher) Removed() bool { return w.q.Removed() }

// Stat describes the queue, as the function of that name.
func (w *Watcher) Stat() (*Info, error) { return w.describe(true) }

// Glance describes the queue without what only its slots tell: Records, Claimed, Leased
// and Orphans are 0, and Holds is nil for all.
func (w *Watcher) Glance() (*Info, error) { return w.describe(false) }

func (w *Watcher) describe(slots bool) (*Info, error) {
	info, err := describe(w.q, cmp.Or(w.shared, sys.NewProcesses()), slots)
	return info, fail.In("describe", w.q.Name, err)
}

// lastMark returns nil where there is no mark, or the entries make no sense.
func lastMark(r *ring.Ring) *layout.Marked {
	m, ok, err := r.Mark()
	if err != nil || !ok {
		return nil
	}
	return &layout.Marked{Position: m.Pos, Mark: m.Mark}
}

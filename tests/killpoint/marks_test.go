//go:build linux && amd64

package killpoint

import (
	"fmt"
	"slices"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

// marks are the operations of a single producer that sends records with marks. At whatever
// instruction it is killed, the last mark is that of the last marked record that comes.
func marks(mode shmq.Options) []*scenario {
	if mode.Producers != shmq.One {
		return nil
	}
	// The victim has sent a record with a mark before.
	prepare := func(v *victim) {
		v.produce()
		v.make(mine1)
		v.sendMarked(mine1)
		v.batch = nil
		v.make(mineL)
		v.make(four...)
		v.batch = v.batch[1:]
	}
	send := func(id uint64) call {
		return call{do: func(v *victim) { v.sendMarked(id) }, ids: []uint64{id}, during: sending, after: certain}
	}
	reserve := call{do: func(v *victim) {
		var err error
		v.space, err = v.out.TryReserve(large)
		v.check(err)
		copy(v.space, v.recs[mineL])
	}, ids: []uint64{mineL}}
	commit := call{do: func(v *victim) { v.check(v.out.CommitMarked(large, markOf(mineL))) }, ids: []uint64{mineL}, during: sending, after: certain}
	batch := call{do: func(v *victim) {
		var ms []producer.Mark
		for _, id := range four {
			ms = append(ms, markOf(id))
		}
		_, err := v.out.SendBatchMarked(background, v.batch, ms)
		v.check(err)
	}, ids: four, during: sending, after: certain}

	marked := func(name string, at int, calls ...call) *scenario {
		s := &scenario{
			name: name, role: shmq.Producer, at: at, records: []uint64{earlier2}, hold: true,
			prepare: prepare, sent: []uint64{mine1}, marked: []uint64{mine1}, calls: calls,
		}
		for _, c := range calls {
			if c.during == sending {
				s.marked = append(s.marked, c.ids...)
			}
		}
		return s
	}
	return append([]*scenario{
		marked("send marked, inline", 3, send(mine2)),
		marked("send marked, 3 slots behind a filler", 4, send(mineL)),
		marked("send a marked batch of 4", 1, batch),
		marked("reserve, commit marked", 1, reserve, commit),
	}, rarely(marked("send a marked batch of 4 across the end", 5, batch))...)
}

func markOf(id uint64) producer.Mark { return producer.Mark{id, ^id} }

func (v *victim) sendMarked(id uint64) { v.check(v.out.SendMarked(background, v.recs[id], markOf(id))) }

// checkMark checks what the successor of the victim is told, and what the queue says of itself.
func (w *world) checkMark() error {
	want := uint64(0)
	for _, id := range w.s.marked {
		if slices.ContainsFunc(w.came, func(d delivery) bool { return d.id == id }) {
			want = id
		}
	}
	if want == 0 {
		return nil
	}
	info, err := shmq.Stat(w.queue)
	if err != nil {
		return err
	}
	if info.Mark == nil || info.Mark.Mark != markOf(want) {
		return fmt.Errorf("the queue says that its mark is %+v, not that of %x", info.Mark, want)
	}
	p, err := producer.OpenRaw(w.queue, nil)
	if err != nil {
		return fmt.Errorf("a new producer: %w", err)
	}
	defer p.Close()
	if m, ok, err := p.Mark(); err != nil || !ok || m != markOf(want) {
		return fmt.Errorf("a new producer is told of mark %#x, %v, %w, not that of %x", m, ok, err, want)
	}
	return nil
}

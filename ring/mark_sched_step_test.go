//go:build shmqstep

package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// A viewer asks for the last mark while producers send, with marks and without, die and are replaced, and
// a consumer frees what they sent, one access at a time in any order. What it sees is the last mark of some
// moment of the question, and a new producer is told the last one.
func TestAViewerOfMarksAmongProducersThatDie(t *testing.T) {
	defer atomics.SetHook(nil)
	deaths, views := 0, 0
	for seed := range uint64(400) {
		w := &markWorld{rng: rand.New(rand.NewPCG(seed, 79))}
		g := geometry(false, seed%2 == 0, []uint64{2, 4}[seed/2%2])
		g.Checksum = seed%3 == 0
		w.m = ringtest.NewRegion(g, seed%7)
		w.r = w.m.Ring()
		w.run()
		require.NoError(t, w.err, "seed %d", seed)
		deaths, views = deaths+w.deaths, views+w.views
	}
	t.Logf("%d deaths, %d views", deaths, views)
	require.Greater(t, deaths, 400)
	require.Greater(t, views, 2000)
}

type markWorld struct {
	rng *rand.Rand
	m   *ringtest.Region
	r   *ring.Ring
	err error

	truth         uint64          // id of the last marked record that was published
	was           map[uint64]bool // ids that it had
	id            uint64
	sending, pos  uint64 // marked record that is being sent, and where; 0: none
	deaths, views int
}

func (w *markWorld) failf(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *markWorld) run() {
	w.was = map[uint64]bool{0: true}
	producer := ringtest.Start("producer", w.produce)
	consumer := ringtest.Start("consumer", w.consume)
	viewer := ringtest.Start("viewer", w.view)
	for n := 0; n < 1500 && w.err == nil; n++ {
		switch task := []*ringtest.Task{producer, producer, consumer, viewer, viewer}[w.rng.IntN(5)]; {
		case task == producer && w.rng.IntN(100) == 0:
			w.deaths++
			producer.Kill()
			w.sending = 0
			producer = ringtest.Start("producer", w.produce)
		default:
			for range 1 + w.rng.IntN(6) {
				if task.Step(); task.Done {
					w.failf("%s ended: %w", task.Name, task.Failure)
					break
				}
				if w.sending != 0 && inTheQueue(w.m, w.pos) {
					w.truth, w.sending = w.sending, 0
					w.was[w.truth] = true
				}
			}
		}
	}
	for _, task := range []*ringtest.Task{producer, consumer, viewer} {
		task.Kill()
	}
}

func (w *markWorld) produce() {
	p, err := w.r.NewProducer(0)
	if err != nil {
		w.failf("attach: %w", err)
	}
	if m, ok, err := p.Mark(); err != nil || ok != (w.truth != 0) || m != w.mark(w.truth) {
		w.failf("a new producer is told of mark %#x, %v, %w, not that of record %d", m, ok, err, w.truth)
	}
	w.r.BeginStream()
	for {
		w.id++
		if w.rng.IntN(2) == 0 {
			_ = p.Send(ringtest.Record(w.id, 8))
			continue
		}
		w.sending, w.pos = w.id, w.m.Hot(layout.HotTail)
		if p.SendMarked(ringtest.Record(w.id, 8), markOf(w.id)) != nil {
			w.sending = 0
		}
	}
}

func (w *markWorld) mark(id uint64) layout.Mark {
	if id == 0 {
		return layout.Mark{}
	}
	return markOf(id)
}

func (w *markWorld) consume() {
	c := w.r.NewConsumer(1)
	for {
		_, _, _ = c.TryReceive(nil)
	}
}

func (w *markWorld) view() {
	for {
		before := w.truth
		m, ok, err := w.r.Mark()
		w.views++
		id := m.Mark[0]
		if err != nil || ok != (id != 0) || m.Mark != w.mark(id) || !w.was[id] || id < before || id > w.truth {
			w.failf("a viewer sees mark %#x, %v, %w; the last one was %d and is %d", m, ok, err, before, w.truth)
		}
	}
}

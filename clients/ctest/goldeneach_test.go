package ctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

// eachState is a state of a queue of which each consumer gets every record. All that take part in it are
// dead in the copy.
type eachState struct {
	name string
	opts shmq.Options
	does func(s *scene) // s.c is not there
}

func (s *scene) subscriber(args string) *testagent.Agent {
	a := testagent.New(s.t)
	a.Do("subscribe %s %s", s.q, args)
	return a
}

func eachStates() []eachState {
	skip := shmq.Options{Skip: true}
	return []eachState{
		{"nobody", shmq.Options{Keep: 4}, func(s *scene) { s.p.Sends("a", "b", "c*100", "d", "e", "f", "g", "h", "i", "j") }},
		{"durable", shmq.Options{}, func(s *scene) {
			d := s.subscriber("newest d")
			s.p.Sends("a", "b*70", "c", "d")
			d.Lease(3)
			d.Do("ack 0")
			d.Do("ack 2")
		}},
		{"slow and fast", shmq.Options{Subscriptions: 3}, func(s *scene) {
			a, d := s.subscriber("newest"), s.subscriber("newest d")
			s.p.Sends("a", "b", "c")
			a.Lease(1)
			d.Lease(3)
			ackAll(d, 3)
			s.p.Sends("d", "e*130")
		}},
		{"ends", shmq.Options{}, func(s *scene) {
			s.subscriber("newest d").Do("close")
			s.p.Sends("a")
			s.p.Do("finish")
			s.producer().Sends("b", "c")
		}},
		{"sums and stamps", shmq.Options{Checksum: true, Timestamps: true}, func(s *scene) {
			d := s.subscriber("newest d")
			s.p.Sends("a", "b*60", "c*100")
			d.Lease(1)
			d.Do("close")
			s.p.Do("close")
		}},
		{"lapped", skip, func(s *scene) {
			d := s.subscriber("newest d")
			s.p.Sends("a")
			d.Lease(1)
			d.Do("ack 0")
			for i := range 30 {
				s.p.Sends(fmt.Sprint(i))
			}
		}},
		{"lapped nobody", skip, func(s *scene) {
			for i := range 21 {
				s.p.Sends(fmt.Sprint(i))
			}
			s.p.Do("reserve 100")
		}},
	}
}

// makeGoldenEach makes the images that are not there, and what all of them are as JSON.
func makeGoldenEach(t *testing.T) {
	for _, producers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		for _, state := range eachStates() {
			o := state.opts
			o.Producers, o.Consumers, o.Slots, o.SlotSize, o.Seats = producers, shmq.Each, 8, 64, 4
			image := filepath.Join(golden, "each", fileName(fmt.Sprintf("%v-%s", producers, state.name))+".gz")
			if missing(t, image) {
				s := scene{t: t, q: testagent.Queue(t, &o)}
				s.p = s.producer()
				state.does(&s)
				b, err := os.ReadFile(testagent.Path(t, s.q))
				require.NoError(t, err)
				writeImage(t, image, b)
			}
			writeJSON(t, image[:len(image)-len(".gz")]+".json", readByGo(t, copyOf(t, image)))
		}
	}
}

//go:build linux && amd64

package killpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

// tries are operations that can't do their work, and do not wait.
func tries(mode shmq.Options) []*scenario {
	var full []uint64
	for n := range slots {
		full = append(full, record(earlier, small, 2+n))
	}
	consumer := func(name string, do func(v *victim)) *scenario {
		return &scenario{
			name: name, role: shmq.Consumer, at: 3, hold: true, prepare: func(v *victim) { v.consume() },
			living: true, calls: []call{{do: do}},
		}
	}
	producer := func(name string, do func(v *victim)) *scenario {
		return &scenario{
			name: name, role: shmq.Producer, at: 3, records: full,
			prepare: func(v *victim) { v.produce(); v.make(mine2) },
			calls:   []call{{do: do, ids: []uint64{mine2}}},
		}
	}
	cancelled := func(err error) error {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("not cancelled: %w", err)
	}
	over, cancel := context.WithCancel(background)
	cancel()
	all := []*scenario{
		consumer("receive, no record", (*victim).none),
		consumer("receive, cancelled", func(v *victim) {
			_, err := v.in.Receive(over, v.buf)
			v.check(cancelled(err))
		}),
		producer("send, no room", func(v *victim) { v.full(mine2) }),
		producer("send, cancelled", func(v *victim) { v.check(cancelled(v.out.Send(over, v.recs[mine2]))) }),
	}
	if mode.Producers == shmq.Many {
		// A slot came free since the sleeper asked for three; if it has waited for long it lets others have that.
		kept := producer("send, room kept for another", func(v *victim) {
			if err := v.out.TrySend(v.recs[mine2]); !errors.Is(err, shmq.ErrFull) {
				v.check(err)
			}
		})
		kept.calls[0].during, kept.calls[0].after = sending, sending
		kept.sleeper, kept.sleeps, kept.asleep = shmq.Producer, record(waiter, large, 1), (*world).freeOne
		all = append(all, kept)
	}
	return rarely(all...)
}

// freeOne receives the oldest record.
func (w *world) freeOne() {
	c, err := consumer.OpenRaw(w.queue, nil)
	require.NoError(w.t, err)
	_, err = c.TryReceive(nil)
	require.NoError(w.t, err)
	require.NoError(w.t, c.Close())
	w.ledger[w.s.records[0]] = gone
}

//go:build linux && amd64

package killpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// sleeper is a living participant that is asleep when the victim is killed: a consumer
// that waits for records, until lateRecord or the end of the stream comes, or a
// producer that waits for room.
type sleeper struct {
	done   chan struct{}
	cancel context.CancelFunc
	got    []delivery
	end    error
}

// heartbeats is how often a sleeper may go to sleep again when what it waits for is
// there: once because it was on its way, once because a killed one had the wake-up,
// and once for noise.
const heartbeats = 3

// fallAsleep starts the sleeper and waits until it sleeps.
func (w *world) fallAsleep() {
	ctx, cancel := context.WithTimeout(background, testproc.Patience)
	z := &w.sleeper
	z.done, z.cancel = make(chan struct{}), cancel
	futex := layout.HotDataFutex
	if w.s.sleeper == shmq.Consumer {
		c, err := consumer.OpenRaw(w.queue, nil)
		require.NoError(w.t, err)
		go func() {
			defer close(z.done)
			z.got, z.end = takeUntilLate(ctx, c)
			z.end = errors.Join(z.end, c.Close())
		}()
	} else {
		futex = layout.HotRoomFutex
		p, err := producer.OpenRaw(w.queue, nil)
		require.NoError(w.t, err)
		go func() {
			defer close(z.done)
			z.end = p.Send(ctx, ringtest.Record(waitingRecord, sizeOf(waitingRecord)))
			z.end = errors.Join(z.end, p.Close())
		}()
		w.ledger[waitingRecord] = certain
	}
	testproc.Until(w.t, func() bool { return w.waits() > 0 && w.mem[layout.HotOffset+futex]&1 != 0 })
}

// takeUntilLate takes records until lateRecord, or returns io.EOF.
func takeUntilLate(ctx context.Context, c *consumer.Raw) (got []delivery, err error) {
	for {
		l, err := c.Lease(ctx)
		if err != nil {
			return got, err
		}
		d, err := delivered(l.Bytes(), l.Redelivered())
		if err != nil {
			return got, err
		}
		l.Ack()
		got = append(got, d)
		if d.id == lateRecord {
			return got, nil
		}
	}
}

// waits is how often the living have gone to sleep.
func (w *world) waits() (n int) {
	info, err := shmq.Stat(w.queue)
	require.NoError(w.t, err)
	for _, p := range info.Participants {
		if p.Alive && p.PID == os.Getpid() {
			n += int(p.Waits)
		}
	}
	return n
}

// wakes waits until the sleeper, who now has what it waits for, is done.
func (w *world) wakes() error {
	before := w.waits()
	for {
		select {
		case <-w.done:
			w.came = append(w.came, w.got...)
			return w.end
		case <-time.After(time.Millisecond):
		}
		if more := w.waits() - before; more > heartbeats {
			return fmt.Errorf("the sleeper slept %d times on", more)
		}
	}
}

// wakeSleeper lets the sleeper end, and checks that it does.
func (w *world) wakeSleeper(returned int) error {
	if w.done == nil {
		return nil
	}
	defer func() { w.done = nil; w.cancel() }()
	if w.s.sleeper == shmq.Producer {
		if !w.s.frees || returned == 0 {
			if err := w.freshDrain(); err != nil {
				return err
			}
		}
		return w.wakes()
	}
	info, err := shmq.Stat(w.queue)
	if err != nil {
		return err
	}
	if w.s.finishes && returned > 0 && !info.Finished {
		return errors.New("Finish returned, and the stream is not finished")
	}
	if info.Finished {
		if err := w.wakes(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("the stream is finished, the sleeper got: %v", err)
		}
		return nil
	}
	if err := w.sendLate(); err != nil {
		return err
	}
	return w.wakes()
}

// sendLate sends a record through a producer that lives, or else through a new one.
func (w *world) sendLate() (err error) {
	p := w.other
	if p == nil || w.space != nil {
		if p, err = producer.OpenRaw(w.queue, nil); err != nil {
			return fmt.Errorf("a new producer: %w", err)
		}
		defer func() { err = errors.Join(err, p.Close()) }()
	}
	w.ledger[lateRecord] = certain
	return p.TrySend(ringtest.Record(lateRecord, sizeOf(lateRecord)))
}

func (w *world) stopSleeper() {
	if w.done != nil {
		w.cancel()
		<-w.done
	}
}

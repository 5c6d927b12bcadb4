//go:build linux && amd64

package killpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
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
// that waits for records, or a producer that waits for room.
type sleeper struct {
	done   chan struct{} // nil if no participant sleeps
	cancel context.CancelFunc
	end    error

	lock sync.Mutex
	got  []delivery
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
		c, err := consumer.OpenRaw(w.queue, &consumer.Options{UntilEOF: w.s.finishes || w.s.abandons})
		require.NoError(w.t, err)
		go func() {
			defer close(z.done)
			z.end = errors.Join(z.take(ctx, c), c.Close())
		}()
	} else {
		futex = layout.HotRoomFutex
		id := w.s.sleeps
		if id == 0 {
			id = waitingRecord
		}
		p, err := producer.OpenRaw(w.queue, nil)
		require.NoError(w.t, err)
		go func() {
			defer close(z.done)
			z.end = errors.Join(p.Send(ctx, ringtest.Record(id, sizeOf(id))), p.Close())
		}()
		w.ledger[id] = certain
	}
	testproc.Until(w.t, func() bool { return w.waits() > 0 && w.mem[layout.HotOffset+futex]&1 != 0 })
}

// take takes records until ctx or the stream ends.
func (z *sleeper) take(ctx context.Context, c *consumer.Raw) error {
	for {
		l, err := c.Lease(ctx)
		if err != nil {
			return err
		}
		d, err := delivered(l.Bytes(), l.Redelivered())
		if err != nil {
			return err
		}
		l.Ack()
		z.lock.Lock()
		z.got = append(z.got, d)
		z.lock.Unlock()
	}
}

// has reports whether the sleeper was handed all that has to come.
func (z *sleeper) has(l ledger) bool {
	z.lock.Lock()
	defer z.lock.Unlock()
	for id, f := range l {
		if f.must() && !slices.ContainsFunc(z.got, func(d delivery) bool { return d.id == id }) {
			return false
		}
	}
	return true
}

// waits is how often living participants have gone to sleep.
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

// gets waits until the sleeper ends, or has what it waits for, which is there.
func (w *world) gets(has func() bool) error {
	before := w.waits()
	for {
		select {
		case <-w.done:
			return w.end
		case <-time.After(time.Millisecond):
		}
		more := w.waits() - before // asked first: a sleeper that has all sleeps on too
		if has() {
			return nil
		}
		if more > heartbeats {
			return fmt.Errorf("the sleeper slept %d times on", more)
		}
	}
}

func never() bool { return false }

// wakeSleeper gives the sleeper what it waits for, and checks that it gets that
// without another's help. Then it ends.
func (w *world) wakeSleeper(returned int) error {
	if w.done == nil {
		return nil
	}
	err := w.wake(returned)
	w.stopSleeper()
	w.came = append(w.came, w.got...)
	return err
}

func (w *world) wake(returned int) error {
	if w.s.sleeper == shmq.Producer {
		if !w.s.frees || returned == 0 {
			if err := w.freshDrain(); err != nil {
				return err
			}
		}
		return w.gets(never)
	}
	info, err := shmq.Stat(w.queue)
	if err != nil {
		return err
	}
	if w.s.finishes && returned > 0 && !info.Finished {
		return errors.New("Finish returned, and the stream is not finished")
	}
	if w.s.abandons { // it was the last producer
		if err := w.gets(never); !errors.Is(err, shmq.ErrBrokenOff) {
			return fmt.Errorf("after %d returned calls, of a stream that was broken off, the sleeper got: %v", returned, err)
		}
		return nil
	}
	if w.s.finishes { // it was the last producer
		err := w.gets(never)
		if errors.Is(err, io.EOF) && info.Finished || errors.Is(err, shmq.ErrBrokenOff) && returned == 0 {
			return nil
		}
		return fmt.Errorf("after %d returned calls, finished %v, the sleeper got: %v", returned, info.Finished, err)
	}
	if err := w.sendLate(); err != nil {
		return err
	}
	return w.gets(func() bool { return w.has(w.ledger) })
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
		w.done = nil
	}
}

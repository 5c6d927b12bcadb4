//go:build linux

package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// Calls that wait, on a queue that a goroutine scribbles over through a mapping of its own:
// the words that say that a participant sleeps, too. Each ends with its context at the latest.
func TestWaitsAmongScribblersEndWithTheirContexts(t *testing.T) {
	d := 250 * time.Millisecond
	if testproc.Long() {
		d = time.Minute
	}
	modes := testagent.Modes()
	for n := range 4 {
		modes = append(modes, shmq.Options{Producers: modes[n].Producers, Consumers: shmq.Each, Skip: n&1 != 0, Subscriptions: 6})
	}
	for _, o := range modes {
		t.Run(fmt.Sprintf("%v to %v, skip %v", o.Producers, o.Consumers, o.Skip), func(t *testing.T) { t.Parallel(); waitAmongScribblers(t, o, d) })
	}
}

func waitAmongScribblers(t *testing.T, o shmq.Options, d time.Duration) {
	name := filepath.Join(t.TempDir(), "q")
	o.Slots, o.SlotSize, o.Seats = 16, 64, 6
	require.NoError(t, shmq.Create(name, &o))
	quiet := scribbleOver(t, name, o)
	defer quiet()
	var wg sync.WaitGroup
	var calls atomic.Int64
	failed := make(chan error, 2)
	begun := time.Now()
	receives := func(name string, calls *atomic.Int64) error { return receives(name, o.Consumers == shmq.Each, calls) }
	for _, life := range []func(name string, calls *atomic.Int64) error{sends, receives} {
		wg.Go(func() {
			for time.Since(begun) < d {
				if err := life(name, &calls); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
		t.Logf("%d calls", calls.Load())
	}
}

// scribbleOver scribbles over a queue's file, all but the header, from another mapping.
func scribbleOver(t *testing.T, name string, o shmq.Options) (quiet func()) {
	g := layout.Geometry{
		ManyProducers: o.Producers == shmq.Many, ManyConsumers: o.Consumers == shmq.Many, Seats: o.Seats,
		Slots: uint64(o.Slots), AreaSize: uint64(o.SlotSize),
		Each: o.Consumers == shmq.Each, Skip: o.Skip, Subscriptions: o.Subscriptions,
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	mem, err := syscall.Mmap(int(f.Fd()), 0, int(g.TotalSize()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	require.NoError(t, err)
	header := append([]byte{}, mem[:layout.HeaderSize]...)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		dice := scribble.Dice(rand.Uint64())
		pen := scribble.New(mem, g, dice)
		for !stop.Load() {
			if dice.Below(2) == 0 {
				pen.Futex()
			} else {
				pen.Write()
			}
			copy(mem, header)
			if dice.Below(200) == 0 { // or all calls would find the same damage
				clear(mem[layout.HotOffset : layout.HotOffset+layout.HotSize])
				clear(mem[g.SlotOffset():])
			}
			time.Sleep(time.Duration(dice.Below(100)) * time.Microsecond)
		}
	})
	return func() {
		stop.Store(true)
		wg.Wait()
		require.NoError(t, syscall.Munmap(mem))
	}
}

var policies = []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Spin, shmq.Park}

// timely makes a call with a context that ends soon. It fails if the call returns what no
// call returns, or long after its context ended.
func timely(calls *atomic.Int64, call func(ctx context.Context) error) error {
	calls.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(4))*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := call(ctx)
	if late := time.Since(begun); late > testproc.Patience {
		return fmt.Errorf("the call took %v: %w", late, err)
	}
	for _, known := range []error{nil, shmq.ErrDamaged, context.DeadlineExceeded, shmq.ErrNoSeat, shmq.ErrRoleTaken, io.EOF, shmq.ErrBrokenOff, shmq.ErrLagged} {
		if errors.Is(err, known) || err == known {
			return nil
		}
	}
	return err
}

func sends(name string, calls *atomic.Int64) error {
	p, err := producer.OpenRaw(name, &producer.Options{NoCreate: true, Wait: policies[rand.IntN(3)]})
	if err != nil {
		return timely(calls, func(context.Context) error { return err })
	}
	defer p.Close()
	for range 50 {
		err := timely(calls, func(ctx context.Context) error {
			switch n := rand.IntN(p.MaxRecord()); rand.IntN(4) {
			case 0:
				_, err := p.SendBatch(ctx, [][]byte{{1}, make([]byte, n), {3}})
				return err
			case 1:
				b, err := p.Reserve(ctx, n)
				if err != nil {
					return err
				}
				clear(b)
				return p.Commit(n)
			default:
				return p.Send(ctx, make([]byte, n))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func receives(name string, each bool, calls *atomic.Int64) error {
	opts := &consumer.Options{NoCreate: true, Wait: policies[rand.IntN(3)], UntilEOF: rand.IntN(2) == 0}
	if each && rand.IntN(2) == 0 {
		opts.From, opts.Subscription = consumer.Oldest, []string{"", "audit"}[rand.IntN(2)]
	}
	c, err := consumer.OpenRaw(name, opts)
	if err != nil {
		return timely(calls, func(context.Context) error { return err })
	}
	defer c.Close()
	for range 50 {
		err := timely(calls, func(ctx context.Context) error {
			switch rand.IntN(4) {
			case 0:
				_, err := c.ReceiveBatch(ctx, make([][]byte, 4))
				return err
			case 1:
				ls := make([]consumer.Lease, 4)
				n, err := c.LeaseBatch(ctx, ls)
				for i := range ls[:n] {
					ls[i].Ack()
				}
				return err
			case 2:
				l, err := c.Lease(ctx)
				if err != nil {
					return err
				}
				if n := len(l.Bytes()); n > 2*c.MaxRecord()+layout.InlineSize {
					return fmt.Errorf("a record of %d bytes", n)
				}
				if rand.IntN(2) == 0 {
					l.Release()
				}
				return nil // if not, it is kept until Close
			default:
				_, err := c.Receive(ctx, nil)
				return err
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

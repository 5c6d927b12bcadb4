//go:build linux

package crew

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// worker is what the parts that Go plays have in common. The other languages have the same parts.
type worker struct {
	child   *testproc.Child
	journal *os.File
	life    uint64
	ctx     context.Context // ends when the parent gives an order
	drain   atomic.Bool     // the order is to go on until nothing comes
}

func newWorker(c *testproc.Child, life, journal string) *worker {
	w := &worker{child: c}
	var err error
	w.life, err = strconv.ParseUint(life, 10, 64)
	c.Check(err)
	w.journal, err = os.OpenFile(journal, os.O_WRONLY|os.O_APPEND, 0)
	c.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	go func() {
		w.drain.Store(<-c.Lines == "drain")
		cancel()
	}()
	return w
}

func (w *worker) note(e entry) {
	e.at = now()
	_, err := w.journal.Write(e.append(nil))
	w.check(err)
}

func (w *worker) mark(k kind) { w.note(entry{kind: k}) }

func (w *worker) fail(format string, args ...any) {
	_, _ = w.journal.Write(entry{kind: failed, at: now()}.append(nil))
	w.child.Fail("%s", strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " | "))
}

func (w *worker) check(err error) {
	if err != nil {
		w.fail("%v", err)
	}
}

// attach waits for a role and a seat that a dead one has until the kernel has taken it away.
func attach[T any](w *worker, open func() (T, error)) T {
	for {
		end, err := open()
		switch {
		case err == nil:
			return end
		case w.ctx.Err() != nil: // another one has what this one waits for
			w.leave()
			os.Exit(0)
		case !errors.Is(err, shmq.ErrRoleTaken) && !errors.Is(err, shmq.ErrNoSeat):
			w.fail("%v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *worker) leave() {
	w.mark(left)
	w.child.Say("left")
}

// death is one that the parent has asked for: at a point, with the parcel of that number of this life.
type death string

func (d death) perhaps(point string, seq uint64) {
	if d == death(fmt.Sprintf("%s:%d", point, seq)) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
}

// over is whether the stream that was broken off was the last: the break of one that this life was not there for
// is told with the end of the next.
func (w *worker) over(queue string) bool {
	info, err := shmq.Stat(queue)
	w.check(err)
	return info.Finished && info.Depth == 0
}

// relay is a hop of the ring: each parcel is checked, extended, sent on and then acknowledged.
// Arguments: hop, life, from, to, journal, death.
func relay(c *testproc.Child) {
	hop, from, to, death := c.Args[0], c.Args[2], c.Args[3], death(c.Args[5])
	w := newWorker(c, c.Args[1], c.Args[4])
	parcels := attach(w, func() (*consumer.Consumer[parcel], error) {
		return consumer.Open[parcel](from, &consumer.Options{NoCreate: true, UntilEOF: true})
	})
	next := attach(w, func() (*producer.Producer[parcel], error) {
		return producer.Open[parcel](to, &producer.Options{NoCreate: true})
	})
	w.mark(attached)
	for seq := uint64(0); ; seq++ {
		p, l, err := parcels.Lease(w.ctx)
		for errors.Is(err, shmq.ErrBrokenOff) && !w.over(from) { // of a hop that was killed: its successor begins another
			parcels.NextStream()
			p, l, err = parcels.Lease(w.ctx)
		}
		if err == io.EOF || errors.Is(err, shmq.ErrBrokenOff) {
			break
		}
		w.check(err)
		if p.Sum != p.sum() {
			w.fail("parcel %d: its sum is wrong", p.Number)
		}
		w.note(entry{kind: took, flag: l.Redelivered() > 0, id: p.Copy, a: int64(p.Number)})
		p.extend(hop, w.life, w.life<<32|seq)
		death.perhaps("taken", seq)
		w.check(next.Send(w.ctx, p))
		death.perhaps("sent", seq)
		l.Ack()
	}
	w.check(parcels.Close())
	w.mark(leaving)
	w.check(next.Finish())
	w.leave()
}

//go:build linux

package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// part is what producers and consumers have in common.
//
// Arguments: queue, journal, number of this life, seed, sizes of records.
type part struct {
	child   *testproc.Child
	queue   string
	journal *journal
	life    int
	random  *rand.Rand
	ctx     context.Context // ends when the parent says something
	drain   atomic.Bool     // it said: go on until the queue is empty
	sizes   string
}

// Sizes of records.
const (
	allSizes = "all"
	numbered = "numbered" // none is too short for a number
	oneSlot  = "one-slot" // and none takes two
)

func newPart(c *testproc.Child) *part {
	life, err := strconv.Atoi(c.Args[2])
	c.Check(err)
	seed, err := strconv.ParseUint(c.Args[3], 10, 64)
	c.Check(err)
	j, err := openJournal(c.Args[1])
	c.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{child: c, queue: c.Args[0], journal: j, life: life, random: rand.New(rand.NewPCG(seed, uint64(life))), ctx: ctx, sizes: c.Args[4]}
	go func() {
		p.drain.Store(<-c.Lines == "drain")
		cancel()
	}()
	return p
}

// attach waits for a role and a seat: those of the dead one that it is to replace.
func (p *part) attach(open func() error) {
	p.tempted()
	p.journal.call(func() {
		for {
			err := open()
			if err == nil {
				break
			}
			if p.ctx.Err() != nil { // another one has what this one waits for
				p.leave(func() error { return nil })
				os.Exit(0)
			}
			if !errors.Is(err, shmq.ErrRoleTaken) && !errors.Is(err, shmq.ErrNoSeat) {
				p.fail("attach: %v", err)
			}
			p.journal.note("%v", err)
			time.Sleep(time.Millisecond)
		}
		p.journal.attached.Store(now())
	})
}

func (p *part) leave(close func() error) {
	p.journal.leaving.Store(now())
	if err := close(); err != nil {
		p.fail("close: %v", err)
	}
	p.journal.left.Store(true)
	p.child.Say("left")
}

// fail leaves the reason where a SIGKILL can't take it away, and ends the process.
func (p *part) fail(format string, args ...any) {
	p.journal.fail(format, args...)
	p.child.Fail(format, args...)
}

// guarded plays a role whose panic is a failure with a reason.
func guarded(role testproc.Role) testproc.Role {
	return func(c *testproc.Child) {
		defer func() {
			if e := recover(); e != nil {
				if j, err := openJournal(c.Args[1]); err == nil {
					j.fail("panic: %v\n%s", e, debug.Stack())
				}
				panic(e)
			}
		}()
		role(c)
	}
}

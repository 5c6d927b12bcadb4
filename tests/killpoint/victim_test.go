//go:build linux && amd64

package killpoint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/selector"
)

// victimEnv holds the page's path, the queue's name, the mode and the scenario.
const victimEnv = "SHMQ_KILLPOINT_VICTIM"

// victim is the process that is killed.
type victim struct {
	queue  string
	att    *attach.Participant
	out    *producer.Raw
	in     *consumer.Raw
	set    selector.Set
	beside *consumer.Raw // of a queue of the victim's own, in which nothing is sent
	leases []consumer.Lease
	space  []byte            // reserved
	buf    []byte            // received
	recs   map[uint64][]byte // made beforehand
	batch  [][]byte
}

func playVictim() {
	runtime.LockOSThread()
	f := strings.SplitN(os.Getenv(victimEnv), "|", 4)
	v := &victim{queue: f[1], recs: map[uint64][]byte{}, buf: make([]byte, 0, 1024)}
	p, _, err := mapPage(f[0])
	v.check(err)
	switch f[2] {
	case connMode:
		playConnVictim(p, v, f[1], f[3])
	case shakeMode:
		playShakeVictim(p, v, f[3])
	case rpcMode:
		playRPCVictim(p, v, f[3])
	case countMode:
		playCountVictim(p, v)
	case eachMode:
		playEachVictim(p, v, f[3])
	}
	s := find(f[2], f[3])
	if s.prepare != nil {
		s.prepare(v)
	}
	calls := make([]func(), len(s.calls))
	for i := range calls {
		calls[i] = func() { s.calls[i].do(v) }
	}
	p.perform(calls)
}

// perform says that the victim is ready, waits for the tracer, and makes the calls.
func (p *page) perform(calls []func()) {
	p.ready.Store(uint32(unix.Gettid()))
	for p.start.Load() == 0 {
		p.beat()
	}
	p.progress.Store(1)
	for i := range calls {
		calls[i]()
		p.progress.Store(uint32(i) + 2)
	}
	for { // a tracer may be on its way to the next system call
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// beat is a round of waiting. It is a call, for a thread that the Go scheduler asked to
// stand back does so at one: afterwards nothing of that kind is left to happen.
//
//go:noinline
func (p *page) beat() {
	p.beats.Add(1)
	pause := unix.Timespec{Nsec: 20e3}
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
}

func (v *victim) check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
}

func (v *victim) produce() {
	var err error
	v.out, err = producer.OpenRaw(v.queue, &producer.Options{NoCreate: true})
	v.check(err)
}

func (v *victim) produceDurably(every int) {
	var err error
	v.out, err = producer.OpenRaw(v.queue, &producer.Options{NoCreate: true, Durability: producer.Durability{Every: every}})
	v.check(err)
}

func (v *victim) consume() {
	var err error
	v.in, err = consumer.OpenRaw(v.queue, &consumer.Options{NoCreate: true})
	v.check(err)
	v.leases = make([]consumer.Lease, 0, 8)
}

func (v *victim) consumeToEnd() {
	var err error
	v.in, err = consumer.OpenRaw(v.queue, &consumer.Options{NoCreate: true, UntilEOF: true})
	v.check(err)
}

// end receives the end of the stream.
func (v *victim) end(how error) {
	if b, err := v.in.Receive(context.Background(), nil); !errors.Is(err, how) {
		v.check(fmt.Errorf("received %d bytes, want %w: %w", len(b), how, err))
	}
}

// none finds no record.
func (v *victim) none() {
	if b, err := v.in.TryReceive(v.buf); !errors.Is(err, shmq.ErrEmpty) {
		v.check(fmt.Errorf("received %d bytes, want none: %w", len(b), err))
	}
}

// full finds no room.
func (v *victim) full(id uint64) {
	if err := v.out.TrySend(v.recs[id]); !errors.Is(err, shmq.ErrFull) {
		v.check(fmt.Errorf("want no room, got: %w", err))
	}
}

// make makes records before the operation, so that it is the queue's instructions
// that are stepped through.
func (v *victim) make(ids ...uint64) {
	for _, id := range ids {
		v.recs[id] = ringtest.Record(id, sizeOf(id))
		v.batch = append(v.batch, v.recs[id])
	}
}

func (v *victim) send(id uint64) { v.check(v.out.Send(context.Background(), v.recs[id])) }

func (v *victim) receive() {
	var err error
	v.buf, err = v.in.Receive(context.Background(), v.buf)
	v.check(err)
}

// among has the queue in a set, beside another one.
func (v *victim) among(q selector.Queue, size int) {
	f, err := shmq.CreateAnonymous(nil)
	v.check(err)
	v.beside, err = consumer.OpenRaw(shmq.FileName(f), nil)
	v.check(err)
	v.check(f.Close())
	v.check(v.set.Add(v.beside))
	v.check(v.set.AddRoom(q, size)) // of a consumer the size counts for nothing
}

// choose waits for the first of the set, which is the queue.
func (v *victim) choose() {
	q, err := v.set.Wait(context.Background())
	v.check(err)
	if q == selector.Queue(v.beside) {
		v.check(errors.New("there is nothing in the other queue"))
	}
}

func (v *victim) lease() {
	l, err := v.in.Lease(context.Background())
	v.check(err)
	v.leases = append(v.leases, l)
}

func (v *victim) leaseBatch(n int) {
	v.leases = v.leases[:n]
	got, err := v.in.LeaseBatch(context.Background(), v.leases)
	v.check(err)
	if got != n {
		v.check(fmt.Errorf("leased %d records of %d", got, n))
	}
}

// leaseAll leases n records, in batches.
func (v *victim) leaseAll(n int) {
	v.leases = v.leases[:n]
	for got := 0; got < n; {
		more, err := v.in.LeaseBatch(context.Background(), v.leases[got:])
		v.check(err)
		got += more
	}
}

// receiveAll receives n records, in batches.
func (v *victim) receiveAll(n int) {
	bufs := make([][]byte, n)
	for got := 0; got < n; {
		more, err := v.in.ReceiveBatch(context.Background(), bufs[got:])
		v.check(err)
		got += more
	}
}

func (v *victim) receiveBatch(n int) {
	bufs := make([][]byte, n)
	got, err := v.in.ReceiveBatch(context.Background(), bufs)
	v.check(err)
	if got != n {
		v.check(fmt.Errorf("received %d records of %d", got, n))
	}
}

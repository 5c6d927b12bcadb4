//go:build linux && amd64

package killpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// contract checks the whole contract after the victim was killed, when so many of its
// calls had returned.
func (w *world) contract(returned int) error {
	if w.s.removes {
		if gone, err := w.removed(returned); gone || err != nil {
			return err
		}
	}
	alone := w.done == nil
	w.ledger.after(w.s.calls, returned)
	for _, step := range []func() error{
		func() error { return w.wakeSleeper(returned) },
		w.freshDrain,
		w.settleLiving,
		func() error { return w.ledger.check(w.came, w.s.calls, alone) },
		w.checkMark,
		w.fill, w.fill,
		w.nextStream,
		w.allSeats,
		w.atRest,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// freshDrain has a new consumer take all there is.
func (w *world) freshDrain() error {
	c, err := consumer.OpenRaw(w.queue, w.joining())
	if err != nil {
		return fmt.Errorf("a new consumer: %w", err)
	}
	if err := w.drain(c); err != nil {
		return errors.Join(err, c.Close())
	}
	return c.Close()
}

// joining makes the queue if the victim should have made it and did not.
func (w *world) joining() *consumer.Options {
	return &consumer.Options{NoCreate: !w.s.absent, Create: w.o}
}

func (w *world) drain(c *consumer.Raw) error {
	for {
		l, err := c.TryLease()
		if errors.Is(err, shmq.ErrEmpty) || err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		d, err := delivered(l.Bytes(), l.Redelivered())
		if err != nil {
			return err
		}
		w.came = append(w.came, d)
		l.Ack()
	}
}

// settleLiving lets those go on that held something all the time.
func (w *world) settleLiving() error {
	if h := w.holder; h != nil {
		w.holder = nil
		if !bytes.Equal(w.held.Bytes(), ringtest.Record(heldRecord, sizeOf(heldRecord))) {
			return errors.New("the record that a living consumer leases has changed")
		}
		w.held.Ack()
		if err := h.Close(); err != nil {
			return err
		}
	}
	if p := w.other; p != nil {
		w.other = nil
		if w.space != nil {
			copy(w.space, ringtest.Record(reservedRecord, len(w.space)))
			if err := p.Commit(len(w.space)); err != nil {
				return err
			}
			w.ledger[reservedRecord] = certain
		}
		if err := p.Close(); err != nil {
			return err
		}
	}
	return w.freshDrain()
}

// nextStream checks that streams go on: a new consumer is told of the last one that
// no consumer met, and of the next one when all of it was received.
func (w *world) nextStream() (err error) {
	c, err := consumer.OpenRaw(w.queue, &consumer.Options{UntilEOF: true})
	if err != nil {
		return fmt.Errorf("a consumer that asks for the end: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	want := func(what error) error {
		if _, err := c.TryReceive(nil); !errors.Is(err, what) {
			return fmt.Errorf("the next stream: got %v, want %v", err, what)
		}
		return nil
	}
	if err := want(io.EOF); err != nil { // that of fill, which closed its consumer first
		return err
	}
	c.NextStream()
	if err := want(shmq.ErrEmpty); err != nil {
		return err
	}
	p, err := producer.OpenRaw(w.queue, nil)
	if err != nil {
		return fmt.Errorf("a new producer: %w", err)
	}
	err = errors.Join(want(shmq.ErrEmpty), p.TrySend([]byte{1}), want(nil), want(shmq.ErrEmpty), p.Finish(), want(io.EOF))
	return err
}

// fill checks that no slot was lost: as many records as the ring has slots go in, and
// come out again.
func (w *world) fill() error {
	p, err := producer.OpenRaw(w.queue, nil)
	if err != nil {
		return fmt.Errorf("a new producer: %w", err)
	}
	defer p.Close()
	c, err := consumer.OpenRaw(w.queue, nil)
	if err != nil {
		return fmt.Errorf("a new consumer: %w", err)
	}
	defer c.Close()
	var want []delivery
	for n := 1; ; n++ {
		id := record(filling, 20, n)
		err := p.TrySend(ringtest.Record(id, sizeOf(id)))
		if errors.Is(err, shmq.ErrFull) {
			break
		}
		if err != nil {
			return err
		}
		want = append(want, delivery{id: id})
	}
	if len(want) != slots {
		return fmt.Errorf("the ring takes %d records, it has %d slots", len(want), slots)
	}
	w.came = nil
	if err := w.drain(c); err != nil {
		return err
	}
	if !slices.Equal(w.came, want) {
		return fmt.Errorf("of a full ring came %x", w.came)
	}
	return nil
}

// allSeats checks that every seat can be taken.
func (w *world) allSeats() (err error) {
	var all []*attach.Participant
	defer func() {
		for _, a := range all {
			err = errors.Join(err, a.Detach())
		}
	}()
	for i := range w.o.Seats {
		role := []shmq.Role{shmq.Producer, shmq.Consumer}[i%2]
		if i >= 2 && role == shmq.Producer && w.o.Producers == shmq.One {
			role = shmq.Consumer
		}
		if i >= 2 && role == shmq.Consumer && w.o.Consumers == shmq.One {
			role = shmq.Producer
		}
		a, err := attach.To(w.queue, role, nil)
		if err != nil {
			return fmt.Errorf("seat %d of %d: %w", i, w.o.Seats, err)
		}
		all = append(all, a)
	}
	return nil
}

// largestCall is the most records that one call of a victim moves: one that is killed may
// not have counted those.
const largestCall = 4

// atRest checks what the queue says of itself when all have left, and that it can be
// removed and leaves nothing.
func (w *world) atRest() error {
	info, err := shmq.Stat(w.queue)
	if err != nil {
		return err
	}
	if info.Records+info.Claimed+info.Leased+info.Orphans+len(info.Participants) != 0 || info.Head != info.Tail {
		return fmt.Errorf("at rest: head %d, tail %d, %d records, %d claimed, %d leased, %d orphans, participants %v",
			info.Head, info.Tail, info.Records, info.Claimed, info.Leased, info.Orphans, info.Participants)
	}
	if n := info.Uncounted; n < -largestCall || n > largestCall {
		return fmt.Errorf("at rest: %d sent, %d received, %d torn: %d are not counted", info.Sent, info.Received, info.Torn, n)
	}
	if err := w.unlocked(); err != nil {
		return err
	}
	if w.s.home == inDescriptor {
		return nil // there is nothing to remove
	}
	if err := shmq.Remove(w.queue); err != nil {
		return err
	}
	return w.nothingLeft()
}

// unlocked checks that no process has a lock, and that the last one that left a queue with
// checksums left it in order.
func (w *world) unlocked() error {
	f, mem, err := w.open()
	if err != nil {
		return err
	}
	v := &view{file: f, mem: mem, geo: geometry(w.o)}
	defer v.close(w.t)
	for _, b := range v.locks() {
		held, err := f.Locked(b)
		// A victim that is being started shares this process's locks until it executes.
		for end := time.Now().Add(testproc.Patience); held && err == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
			held, err = f.Locked(b)
		}
		if held || err != nil {
			return errors.Join(fmt.Errorf("at rest: byte %d is locked: %v", b, held), err)
		}
	}
	if image := binary.LittleEndian.Uint64(mem[layout.HotOffset+layout.HotImage:]); image != 0 {
		return fmt.Errorf("at rest: the stamp is %#x", image)
	}
	return streams(mem)
}

// streams checks what the queue says of its streams: each producer's has ended, and each end was noted whole.
func streams(mem []byte) error {
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(mem[layout.HotOffset+at:]) }
	entry := func(n uint64) int { return layout.HotEndLog + int(n%layout.EndLogSize)*layout.EndSize }
	ends := word(layout.HotEnds)
	for n := ends; n > 0 && ends-n < layout.EndLogSize-1; n-- {
		how, epoch, before := word(entry(n)+layout.EndMark)&15, word(entry(n)+layout.EndEpoch), word(entry(n-1)+layout.EndEpoch)
		if how < layout.EndFinished || how > layout.EndCut || epoch <= before {
			return fmt.Errorf("at rest: end %d is of kind %d, of epoch %d after %d", n, how, epoch, before)
		}
	}
	if begun, ended := word(layout.HotEpoch), word(entry(ends)+layout.EndEpoch); begun != ended {
		return fmt.Errorf("at rest: %d producers have begun, %d of streams that ended", begun, ended)
	}
	return nil
}

// removed reports whether the queue is gone, and checks then that what is left of it can
// be removed, and that the name is free.
func (w *world) removed(returned int) (bool, error) {
	_, err := shmq.Stat(w.queue)
	if err == nil && returned > 0 {
		return false, errors.New("Remove returned, and the queue is there")
	}
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, shmq.ErrRemoved) {
		return false, err
	}
	if h := w.holder; h != nil {
		w.holder = nil
		w.held.Ack()
		if err := h.Close(); err != nil {
			return false, err
		}
	}
	if err := shmq.Remove(w.queue); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := w.nothingLeft(); err != nil {
		return false, err
	}
	if err := shmq.Create(w.queue, &w.o); err != nil {
		return false, err
	}
	return true, shmq.Remove(w.queue)
}

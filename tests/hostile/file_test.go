//go:build linux

package hostile_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// FuzzFilesBeforeAttach makes a file that was a queue once and runs all that opens one
// over it. The input is a tape of choices: what is written over, and whether the header's
// checksum is made right again.
func FuzzFilesBeforeAttach(f *testing.F) {
	for _, tape := range []string{"", "\x01", "\x02\x01seal", "\x07\x01\x05\x03\x04\x0d\x01\x02\x02", "subscrib", strings.Repeat("\x03\x01hostile", 9)} {
		f.Add(byte(len(tape)), []byte(tape))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, shape byte, tape []byte) {
		hostileFile(t, filepath.Join(dir, "q"), shape, &scribble.Tape{Bytes: tape})
	})
}

func TestFilesThatWereScribbledOn(t *testing.T) {
	name, dice := filepath.Join(t.TempDir(), "q"), scribble.Dice(41)
	opened := 0
	for n := range 600 {
		if hostileFile(t, name, byte(n), dice) {
			opened++
		}
	}
	t.Logf("%d of 600 could be opened", opened)
	require.Greater(t, opened, 100)
	require.Less(t, opened, 500)
}

// hostileFile reports whether what choose made of a queue is one.
func hostileFile(t *testing.T, name string, shape byte, choose scribble.Choice) (opened bool) {
	g := layout.Geometry{
		ManyProducers: shape&1 != 0, ManyConsumers: shape&2 != 0, Seats: 2 + int(shape>>2&3)*3,
		Slots: 2 << (shape >> 4 & 3), AreaSize: 64 << (shape >> 6),
	}
	if shape&12 == 8 { // the same number of seats as another one has: these are subscriptions
		g.ManyConsumers, g.Each, g.Skip, g.Subscriptions = false, true, shape&2 != 0, 4
		if !g.Skip {
			g.Keep = g.Slots / 2
		}
	}
	image := scribble.Image(g, choose.Below(100))
	pen := scribble.New(image, g, choose)
	for range choose.Below(16) {
		pen.Write()
	}
	if sealed := choose.Below(4); sealed > 0 {
		copy(image, layout.Header{Geometry: g}.Encode()) // what was scribbled over it
		for range choose.Below(3) {
			pen.Field()
		}
		if sealed > 1 {
			pen.Seal()
		}
	}
	switch choose.Below(8) {
	case 0:
		image = image[:choose.Below(uint64(len(image)))]
	case 1:
		image = append(image, make([]byte, choose.Below(1<<16))...)
	}
	require.NoError(t, os.WriteFile(name, image, 0o600))

	info, err := shmq.Stat(name)
	said(t, name, err)
	if opened = err == nil; opened {
		require.LessOrEqual(t, info.Records, int(g.Slots))
		require.LessOrEqual(t, len(info.Participants), g.Seats)
		require.LessOrEqual(t, len(info.Subscriptions), g.Subscriptions)
		for _, s := range info.Subscriptions {
			require.LessOrEqual(t, s.Records, 2*int(g.Slots))
			if s.Name != "" {
				err := info.Unsubscribe(s.Name)
				said(t, name, err)
				break
			}
		}
	}
	look(t, name)
	_, err = shmq.Recover(name, &shmq.RecoverOptions{DryRun: true})
	said(t, name, err)
	for range 2 {
		takePart(t, name)
	}
	_, err = shmq.Recover(name, nil)
	said(t, name, err)
	if err = shmq.Remove(name); err != nil {
		said(t, name, err)
		if err = shmq.ForceRemove(name); err != nil { // it may be no queue any more
			said(t, name, err)
			require.NoError(t, os.Remove(name))
		}
	}
	return opened
}

// look shows all that a viewer sees.
func look(t *testing.T, name string) {
	v, err := shmq.View(name)
	if err != nil {
		said(t, name, err)
		return
	}
	defer v.Close()
	opts, err := v.Options()
	require.NoError(t, err)
	end := v.Rewind()
	rec := shmq.Record{}
	for n := 0; int64(end-v.Position()) > 0; n++ {
		if err = v.Next(&rec); err != nil {
			said(t, name, err)
			break
		}
		require.LessOrEqual(t, len(rec.Data), opts.Slots*opts.SlotSize+layout.InlineSize)
		require.LessOrEqual(t, n, 4*opts.Slots, "more than there can be")
		v.Holder(&rec)
	}
	_, err = v.Ended(true)
	said(t, name, err)
	v.LastAttach()
}

// takePart attaches in both roles and makes the calls that do not wait, and those that do
// with a context that has ended.
func takePart(t *testing.T, name string) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	p, err := producer.OpenRaw(name, &producer.Options{NoCreate: true})
	said(t, name, err)
	if err == nil {
		defer func() { said(t, name, p.Close()) }()
		for _, n := range []int{8, 100, p.MaxRecord(), p.MaxRecord() + 1} {
			said(t, name, p.TrySend(make([]byte, min(n, 1<<16))))
		}
		_, err = p.TrySendBatch([][]byte{{1}, make([]byte, 99)})
		said(t, name, err)
		said(t, name, p.Send(ended, []byte("late")))
		if b, err := p.TryReserve(9); err == nil {
			clear(b)
			said(t, name, p.Commit(4))
		}
	}
	late, err := consumer.OpenRaw(name, &consumer.Options{NoCreate: true, UntilEOF: true, From: consumer.Oldest, Subscription: "audit"})
	if errors.Is(err, shmq.ErrOption) {
		require.Contains(t, err.Error(), "consumers share the records")
	} else if said(t, name, err); err == nil {
		for range 4 {
			_, err := late.TryReceive(nil)
			said(t, name, err)
		}
		late.Lost()
		said(t, name, late.Close())
	}
	c, err := consumer.OpenRaw(name, &consumer.Options{NoCreate: true, UntilEOF: true})
	said(t, name, err)
	if err != nil {
		return
	}
	defer func() { said(t, name, c.Close()) }()
	for n := range 12 {
		b, err := c.TryReceive(nil)
		said(t, name, err)
		require.LessOrEqual(t, len(b), c.MaxRecord()*2+layout.InlineSize)
		l, err := c.TryLease()
		said(t, name, err)
		if err == nil && n%3 == 0 {
			l.Ack()
		}
	}
	_, err = c.TryReceiveBatch(make([][]byte, 4))
	said(t, name, err)
	_, err = c.Receive(ended, nil)
	said(t, name, err)
}

// said checks that an error is one of those that are documented, names the queue, and
// says what to do about damage.
func said(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	known := false
	for _, e := range []error{
		shmq.ErrNotQueue, shmq.ErrVersion, shmq.ErrDamaged, shmq.ErrEmpty, shmq.ErrFull, shmq.ErrTooLarge, shmq.ErrNoSeat,
		shmq.ErrRoleTaken, shmq.ErrInUse, os.ErrNotExist, context.Canceled, io.EOF, shmq.ErrBrokenOff,
		shmq.ErrLagged,
	} {
		known = known || errors.Is(err, e)
	}
	require.True(t, known, "%v", err)
	if errors.Is(err, io.EOF) {
		return
	}
	require.Contains(t, err.Error(), name)
	if errors.Is(err, shmq.ErrDamaged) || errors.Is(err, shmq.ErrVersion) {
		require.Contains(t, err.Error(), "remove it by force")
	}
}

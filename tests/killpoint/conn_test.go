//go:build linux && amd64

package killpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/conn"
	"github.com/shmq/shmq/internal/testproc"
)

// connMode stands in the place of a queue's mode: the victim is an end of a connection.
const connMode = "conn"

// connScenario is one operation of an end of a connection, the one that dials.
type connScenario struct {
	name string
	// ours happens at the other end, in the tracer's process, before the operation.
	ours func(w *connWorld)
	// prepare and calls are the victim's.
	prepare func(v *connVictim)
	calls   []connCall
}

type connCall struct {
	do     func(v *connVictim)
	writes int  // bytes
	reads  int  // bytes
	ends   bool // the stream, in order
}

// connVictim is the process that is killed.
type connVictim struct {
	*victim
	c    *conn.Conn
	data []byte
	buf  []byte
}

// before is what the victim has written when its operation begins.
const before = 100

// stream returns n bytes of the stream from at on.
func stream(at, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((at + i) * 7 >> 2)
	}
	return b
}

// connScenarios are all.
func connScenarios() []*connScenario {
	at := before // of the next write
	write := func(n int) connCall {
		from := at
		at += n
		return connCall{writes: n, do: func(v *connVictim) {
			_, err := v.c.Write(v.data[from:][:n])
			v.check(err)
		}}
	}
	read := func(n int) connCall {
		return connCall{reads: n, do: func(v *connVictim) {
			_, err := io.ReadFull(v.c, v.buf[:n])
			v.check(err)
		}}
	}
	closeWrite := connCall{ends: true, do: func(v *connVictim) { v.check(v.c.CloseWrite()) }}
	closeAll := connCall{ends: true, do: func(v *connVictim) { v.check(v.c.Close()) }}
	abort := connCall{do: func(v *connVictim) { v.check(v.c.Abort()) }}
	sends := func(n int) func(w *connWorld) {
		return func(w *connWorld) { require.NoError(w.t, w.write(n)) }
	}
	full := func(v *connVictim) { // and the write that does not fit is cut short
		v.check(v.c.SetWriteDeadline(time.Now().Add(time.Millisecond)))
		_, _ = v.c.Write(v.data[before:])
		v.check(v.c.SetWriteDeadline(time.Time{}))
	}
	var all []*connScenario
	add := func(name string, ours func(w *connWorld), prepare func(v *connVictim), calls ...connCall) {
		all = append(all, &connScenario{"conn: " + name, ours, prepare, calls})
		at = before
	}
	add("write, inline", nil, nil, write(40))
	add("write, several records", nil, nil, write(40_000))
	add("write, reader dozes", (*connWorld).readsOn, nil, write(100))
	add("write, reader sleeps", (*connWorld).readsLong, nil, write(100), write(100))
	add("write, close for writing", nil, nil, write(100), closeWrite)
	add("close for writing, reader sleeps", (*connWorld).readsLong, nil, closeWrite)
	add("write, close", nil, nil, write(100), closeAll)
	add("close, reader sleeps", (*connWorld).readsLong, nil, closeAll)
	add("close, both asleep", (*connWorld).bothSleep, nil, closeAll)
	add("abort", nil, nil, write(100), abort)
	add("read, a part and the rest", sends(500), nil, read(100), read(400))
	add("read, writer sleeps", (*connWorld).writesOn, nil, read(30_000), read(30_000))
	add("read, waiting", nil, nil, read(1))
	add("write, waiting", nil, full, write(100))
	return all
}

// playConnVictim dials and does what the scenario says.
func playConnVictim(p *page, v *victim, name, scenario string) {
	for _, s := range connScenarios() {
		if s.name != scenario {
			continue
		}
		c, err := (&conn.Dialer{Buffer: connBuffer}).Dial(context.Background(), name)
		v.check(err)
		cv := &connVictim{victim: v, c: c, data: stream(0, 1<<17), buf: make([]byte, 1<<17)}
		_, err = c.Write(cv.data[:before])
		v.check(err)
		if s.prepare != nil {
			s.prepare(cv)
		}
		calls := make([]func(), len(s.calls))
		for i := range calls {
			calls[i] = func() { s.calls[i].do(cv) }
		}
		p.perform(calls)
	}
	panic("no scenario " + scenario)
}

const connBuffer = 64 << 10

// connWorld is the other end, which lives, in the tracer's process.
type connWorld struct {
	t    *testing.T
	s    *connScenario
	name string
	l    *conn.Listener
	c    *conn.Conn
	mem  []byte // shared
	last []byte

	got     chan []byte // what a reader in the background read, to the end
	gotErr  error
	wrote   chan error // of a writer in the background
	written int
}

func newConnWorld(t *testing.T, s *connScenario) *connWorld {
	w := &connWorld{t: t, s: s, name: filepath.Join(t.TempDir(), "conn")}
	var err error
	w.l, err = conn.Listen(w.name)
	require.NoError(t, err)
	return w
}

// ready accepts the victim, which has dialled.
func (w *connWorld) ready() {
	var err error
	w.c, err = w.l.AcceptConn()
	require.NoError(w.t, err)
	// The connection does not tell others where its memory is.
	w.mem = reflect.ValueOf(w.c).Elem().FieldByName("memory").Elem().FieldByName("mem").Bytes()
	w.last = make([]byte, len(w.mem))
	if w.s.ours != nil {
		w.s.ours(w)
	}
	w.changed()
}

func (w *connWorld) changed() bool {
	if bytes.Equal(w.mem, w.last) {
		return false
	}
	copy(w.last, w.mem)
	return true
}

func (w *connWorld) state() state {
	w.changed()
	return state(maphash.Bytes(seed, w.last))
}

// write writes n bytes of a stream of its own.
func (w *connWorld) write(n int) error {
	m, err := w.c.Write(stream(w.written, n))
	w.written += m
	return err
}

// readsOn has a reader wait in the background.
func (w *connWorld) readsOn() {
	w.got = make(chan []byte, 1)
	go func() {
		var b []byte
		b, w.gotErr = io.ReadAll(w.c)
		w.got <- b
	}()
	w.awaits("ForData", func(word uint32) bool { return word != 0 })
}

// readsLong has a reader wait that sleeps without a thread.
func (w *connWorld) readsLong() {
	w.readsOn()
	w.awaits("ForData", func(word uint32) bool { return word == 2 })
}

// writesOn has a writer wait for room.
func (w *connWorld) writesOn() {
	w.wrote = make(chan error, 1)
	go func() { w.wrote <- w.write(1 << 20) }()
	w.awaits("ForRoom", func(word uint32) bool { return word != 0 })
}

func (w *connWorld) bothSleep() {
	w.readsLong()
	w.writesOn()
}

// awaits waits until the word of one of this end's bells is as wanted.
func (w *connWorld) awaits(bell string, wanted func(word uint32) bool) {
	word := reflect.ValueOf(w.c).Elem().FieldByName("memory").Elem().FieldByName(bell).FieldByName("word").Elem()
	testproc.Until(w.t, func() bool { return wanted(uint32(word.Uint())) })
}

// contract checks, when the victim is dead, that all that it wrote comes, as far as the
// calls that returned say, then how it ended, and that nothing waits for it.
func (w *connWorld) contract(returned int) error {
	least, most, ended, mayEnd := before, before, false, false
	for i, call := range w.s.calls {
		most += call.writes
		if i < returned {
			least += call.writes
			ended = ended || call.ends
		}
		mayEnd = mayEnd || call.ends && i <= returned
		if i >= returned {
			break // the next calls have not begun
		}
	}
	if w.s.prepare != nil { // it filled the buffer
		least, most = least+1, 1<<17
	}
	got, err := w.readAll()
	switch {
	case !bytes.Equal(got, stream(0, len(got))):
		return errors.New("wrong bytes came")
	case len(got) < least || len(got) > most:
		return fmt.Errorf("%d bytes came, want %d to %d", len(got), least, most)
	case ended && err != nil:
		return fmt.Errorf("it ended in order, and the end read: %w", err)
	case !ended && err == nil && !mayEnd:
		return errors.New("its death looked like an end in order")
	case err != nil && !errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("reading: %w", err)
	}
	if w.wrote != nil {
		select {
		case err = <-w.wrote:
		case <-time.After(testproc.Patience):
			return errors.New("a write waits for a dead reader")
		}
	} else {
		// The hang-up may come a little after the end of the stream, or be in the middle of
		// being noticed.
		for end := time.Now().Add(testproc.Patience); ; {
			if err = w.c.SetWriteDeadline(end); err == nil {
				err = w.write(1)
			}
			if err != nil {
				break
			}
		}
	}
	if !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// readAll reads to the end, or takes what a reader in the background has.
func (w *connWorld) readAll() (b []byte, err error) {
	if w.got == nil {
		if err := w.c.SetReadDeadline(time.Now().Add(testproc.Patience)); err != nil {
			return nil, err
		}
		return io.ReadAll(w.c)
	}
	select {
	case b = <-w.got:
		return b, w.gotErr
	case <-time.After(testproc.Patience):
		return nil, errors.New("a read waits for a dead writer")
	}
}

func (w *connWorld) close() {
	if w.c != nil {
		_ = w.c.Close()
	}
	_ = w.l.Close()
}

func (w *connWorld) address() string { return w.name }

// play is what there is to do about the scenario.
func (s *connScenario) play() play {
	return play{connMode, s.name, len(s.calls), func(t *testing.T) stage { return newConnWorld(t, s) }}
}
